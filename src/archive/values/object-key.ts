/** The names of the objects of values (specs/011-archive.md, "Format"). */
import type { Location } from '../../store/store.ts'

/** Every object of a value has a key that begins so. */
export const VALUE_PREFIX = 'v/'

const EPOCH_DIGITS = 8
const LOCATION = /^[0-9a-f]{20}$/
const KEY = /^v\/([0-9a-f]{8})\/([0-9a-f]{12})$/

/** Keys have the order of the locations. */
export function objectKey(file: Location): string {
  if (!LOCATION.test(file)) throw new RangeError(`not the location of a file: ${file}`)
  return `${VALUE_PREFIX}${file.slice(0, EPOCH_DIGITS)}/${file.slice(EPOCH_DIGITS)}`
}

/** The file that an object is the copy of; undefined if the key is none of a value. */
export function fileOf(key: string): Location | undefined {
  const match = KEY.exec(key)
  return match === null ? undefined : `${match[1]}${match[2]}`
}

/** The opening of the store that wrote a file. */
export function epochOf(file: Location): number {
  return Number.parseInt(file.slice(0, EPOCH_DIGITS), 16)
}
