/** What an entry of the cache costs, in bytes. */
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { GROUP_BYTES, SEGMENT_BYTES } from '../../limits.ts'
import { isPooled, segmentsIn } from './cached-value.ts'

/** The share of the budget that an entry takes, in bytes: pooled segments, and other memory. */
export interface Charge {
  readonly pooled: number
  readonly own: number
}

export const NOTHING: Charge = { pooled: 0, own: 0 }

/** Cost of an entry's key, bitfield and bookkeeping, and of garbage of that kind, in bytes. */
const ENTRY_BYTES = 2048

export const baseBytes = (size: number): number => ENTRY_BYTES + outboardBytes(size)

export const chargeFor = (size: number, memoryBytes: number): Charge =>
  isPooled(size)
    ? { pooled: memoryBytes, own: baseBytes(size) }
    : { pooled: 0, own: baseBytes(size) + memoryBytes }

/** Of an entry that holds all of its value. */
export const wholeCharge = (size: number): Charge =>
  chargeFor(size, isPooled(size) ? segmentsIn(size) * SEGMENT_BYTES : size)

export const sumOf = ({ pooled, own }: Charge): number => pooled + own

/** Of an entry without room: a bit for each group and a reference for each segment. */
export const bytesWithoutRoom = (size: number): number =>
  ENTRY_BYTES + Math.ceil(size / (8 * GROUP_BYTES)) + 8 * segmentsIn(size)

export function segmentsOf({ start, end }: ByteRange): number[] {
  const first = Math.floor(start / SEGMENT_BYTES)
  return Array.from({ length: segmentsIn(end) - first }, (_, i) => first + i)
}
