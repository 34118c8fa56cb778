/** Counters: records of `meta` that transactions add to (specs/005-storage.md, R005-79). */
import { DstoreError } from '../errors.ts'
import type { Increment, RecordKey, Transaction, Write } from './store.ts'

/** Bytes of a counter: a big-endian unsigned integer below 2^53. */
export const COUNTER_BYTES = 8

export function encodeCounter(count: number): Uint8Array {
  const bytes = new Uint8Array(COUNTER_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count))
  return bytes
}

/** The number in a counter; 0 if the record is absent. Throws `integrity` if it is no counter. */
export function decodeCounter(value: Uint8Array | undefined): number {
  if (value === undefined) return 0
  if (value.byteLength !== COUNTER_BYTES) throw noCounter()
  const view = new DataView(value.buffer, value.byteOffset, COUNTER_BYTES)
  const count = view.getUint32(0) * 2 ** 32 + view.getUint32(4)
  if (!Number.isSafeInteger(count)) throw noCounter()
  return count
}

/**
 * The writes of a transaction, and after them those that its increments come to, one for each
 * counter that changes. Throws `integrity` if a counter would leave its bounds.
 */
export function withCounters(
  { writes, increments = [] }: Pick<Transaction, 'writes' | 'increments'>,
  read: (key: RecordKey) => Uint8Array | undefined,
): readonly Write[] {
  if (increments.length === 0) return writes
  // Later writes replace earlier ones: the last one to a record counts.
  const written = new Map(
    writes
      .filter(({ key }) => key.table === 'meta')
      .map(({ key, value }) => [nameOf(key.id), value] as const),
  )
  const counters = sums(increments).flatMap(([name, { key, by }]): Write[] => {
    const before = decodeCounter(written.has(name) ? written.get(name) : read(key))
    const after = before + by
    if (!Number.isSafeInteger(after) || after < 0) throw outOfBounds(before, by)
    if (by === 0) return []
    return [{ key, value: after === 0 ? undefined : encodeCounter(after) }]
  })
  return [...writes, ...counters]
}

function sums(increments: readonly Increment[]): [string, Increment][] {
  const sums = new Map<string, Increment>()
  for (const { key, by } of increments) {
    const name = nameOf(key.id)
    const before = sums.get(name)?.by ?? 0
    if (!Number.isSafeInteger(before + by)) throw outOfBounds(before, by)
    sums.set(name, { key, by: before + by })
  }
  return [...sums]
}

function nameOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1')
}

function noCounter(): DstoreError {
  return new DstoreError('integrity', 'a record of the index that should count does not')
}

function outOfBounds(before: number, by: number): DstoreError {
  return new DstoreError('integrity', `a counter of the index at ${before} cannot change by ${by}`)
}
