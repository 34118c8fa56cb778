/**
 * Cached values that are painted: each byte of one is the same, so that whoever sees another's is
 * noticed.
 */
import type { DstoreError, ErrorCode } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { GROUP_BYTES, SEGMENT_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import type { CachedValue } from '../../../src/node/cache/cached-value.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'

export const keys: readonly Key[] = Array.from(
  { length: 6 },
  (_, i) => new Key(hash(Uint8Array.of(i)).digest),
)
export const LARGE: number = POOLED_VALUE_BYTES
export const SMALL: number = POOLED_VALUE_BYTES - 1
export const ENTRY_BYTES: number = 2048
export const whole = (size: number): { start: number; end: number } => ({ start: 0, end: size })

export function opened(budgetBytes: number): { cache: Cache; pool: SegmentPool } {
  const pool = new SegmentPool()
  return { cache: new Cache(budgetBytes, undefined, pool), pool }
}

/** Write one byte all over a value, or over the first group of each of its segments. */
export function paint(value: CachedValue, byte: number, isSparse = false): void {
  const { size } = value
  const bytes = new Uint8Array(isSparse ? GROUP_BYTES : SEGMENT_BYTES).fill(byte)
  for (let at = 0; at < size; at += SEGMENT_BYTES) value.write(at, bytes.subarray(0, size - at))
}

export function fill(cache: Cache, key: Key, size: number, byte: number): CachedValue {
  const value = cache.admit(key, size, 1, whole(size))!
  paint(value, byte)
  cache.settle(value)
  return value
}

/** What is held at the start of each segment. */
export function viewsOf(value: CachedValue): Uint8Array[] {
  const views: Uint8Array[] = []
  for (let start = 0; start < value.size; start += SEGMENT_BYTES) {
    const view = value.view({ start, end: value.size })
    if (view !== undefined) views.push(view)
  }
  return views
}

export const memoryOf = (value: CachedValue): Set<ArrayBufferLike> =>
  new Set(viewsOf(value).map(({ buffer }) => buffer))

export const shared = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number =>
  [...a].filter((one) => b.has(one)).length

/** Are all of these bytes this one? */
export const isAll = (bytes: Uint8Array, byte: number): boolean =>
  Buffer.compare(bytes, Buffer.alloc(bytes.byteLength, byte)) === 0

/** Memory that is in use: what waits to be used again is let go of for good. */
export function takenBytes(pool: SegmentPool): number {
  pool.trim(0)
  return pool.bytes
}

export const codeOf = (work: () => unknown): ErrorCode | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as DstoreError).code
  }
}
