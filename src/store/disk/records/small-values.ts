/** Many small values that are sealed at once. */
import { bytesIn, unzeroed } from '../../../bytes.ts'
import type { Location } from '../../store.ts'
import type { StoredValue } from './file-row.ts'

/** Copies the values into one piece of memory; `locate` gives the location of each. */
export function smallValues(values: readonly Uint8Array[], locate: () => Location): StoredValue[] {
  const all = unzeroed(bytesIn(values))
  let at = 0
  return values.map((value) => {
    const size = value.byteLength
    all.set(value, at)
    const small = all.subarray(at, (at += size))
    return { size, outboardBytes: 0, file: locate(), small, place: 'records' }
  })
}
