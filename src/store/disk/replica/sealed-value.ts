/** A value as an entry of the journal states it, and as the records do. */
import type { SealedValue } from '../../../journal/entry.ts'
import type { Location } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'

/** What the records say of a sealed value that an entry puts at this location. */
export function storedValue(sealed: SealedValue, location: Location): StoredValue {
  const { location: file, size, outboardBytes, place, bytes } = sealed
  switch (place) {
    case 'small':
      // It has no file: a replacement keeps nothing of the location that it was sealed at.
      return { size, outboardBytes, file: location, small: bytes, place: 'records' }
    case 'records':
      return { size, outboardBytes, file, small: undefined, place, outboard: bytes }
    case 'file':
      return { size, outboardBytes, file, small: undefined, place }
  }
}

/**
 * What an entry says of a sealed value. Its location there is that of its file. An outboard behind
 * its value can't be sealed.
 */
export function sealedValue(value: StoredValue): SealedValue {
  const { size, outboardBytes, file: location, small, place, outboard = NOTHING } = value
  if (small !== undefined) return { location, size, outboardBytes, place: 'small', bytes: small }
  if (place === 'behind') throw new TypeError(`the outboard of ${location} is behind its value`)
  return { location, size, outboardBytes, place, bytes: place === 'records' ? outboard : NOTHING }
}

const NOTHING = new Uint8Array(0)
