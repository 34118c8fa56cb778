/** Memory of the cache that goes back to the system without a garbage collection. */
import { SEGMENT_BYTES } from '../../../src/limits.ts'
import { freeMemory } from '../../../src/node/cache/free-memory.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { test } from '../../serial.ts'

test('freed memory is taken from its arrays at once, and from no other', (t) => {
  const arrays = [1, 2, 3].map((byte) => new Uint8Array(1_000_000).fill(byte))
  freeMemory(arrays.slice(0, 2))
  t.deepEqual(
    arrays.map(({ byteLength }) => byteLength),
    [0, 0, 1_000_000],
  )
  t.true(arrays[2]!.every((byte) => byte === 3))
  freeMemory([])
})

test('R003-152: a segment whose bytes are in a file is freed, and what a pool has no room for', (t) => {
  const pool = new SegmentPool()
  const [moved, idle, other, late] = [pool.take(), pool.take(), pool.take(), pool.take()]
  pool.free(moved)
  t.is(moved.byteLength, 0)
  pool.give(idle)
  pool.give(other)
  t.is(pool.bytes, 3 * SEGMENT_BYTES)
  pool.trim(2 * SEGMENT_BYTES)
  t.deepEqual(
    [idle, other].map(({ byteLength }) => byteLength),
    [SEGMENT_BYTES, 0],
  )
  t.is(pool.bytes, 2 * SEGMENT_BYTES)
  pool.trim(0)
  t.is(idle.byteLength, 0)
  pool.give(late)
  t.is(late.byteLength, 0, 'there is no room for it')
  t.is(pool.bytes, 0)
})
