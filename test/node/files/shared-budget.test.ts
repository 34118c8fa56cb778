/** Memory and files under one budget. */
import { test } from '../../serial.ts'
import { MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { CachedValue } from '../../../src/node/cache/cached-value.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import { sameBytes } from '../../same-bytes.ts'
import { fill as fillMemory, isAll, viewsOf } from '../cache/cached.ts'
import { fill, read, sample, withTier } from './tier.ts'

test('R003-147 the least recently used entry of both tiers is evicted first', async (t) => {
  const budget = new CacheBudget(4.5 * MIB)
  const cache = new Cache(budget)
  await withTier(
    0,
    async ({ tier }) => {
      const some = [0, 1, 2, 3, 4, 5].map((i) => sample(SEGMENT_BYTES, i))
      const [a, b, c, d, e, f] = some
      const held = (): string =>
        some.map(({ key }) => (cache.peek(key) ? 'm' : tier.peek(key) ? 'f' : '-')).join('')
      fillMemory(cache, a!.key, SEGMENT_BYTES, 1)
      await fill(tier, b!)
      fillMemory(cache, c!.key, SEGMENT_BYTES, 1)
      await fill(tier, d!)
      t.is(held(), 'mfmf--')
      cache.get(a!.key)
      await fill(tier, e!)
      t.is(held(), 'm-mff-', 'what was read later stays')
      tier.get(d!.key)
      fillMemory(cache, f!.key, SEGMENT_BYTES, 1)
      t.is(held(), 'm--ffm')
      t.is(budget.usedBytes, cache.usedBytes + tier.status().usedBytes)
      t.true(budget.usedBytes <= budget.budgetBytes)
      t.is(tier.status().budgetBytes, undefined)
      t.is(cache.status().evictions + tier.status().evictions, 2)
      const uses = [cache.peek(a!.key)!, cache.peek(f!.key)!].map((one) => one.use())
      const more = sample(3 * SEGMENT_BYTES, 9)
      t.is(tier.prepare(more.key, 3 * SEGMENT_BYTES, 1) !== undefined, true)
      t.false(tier.claim(tier.peek(more.key)!, { start: 0, end: 3 * SEGMENT_BYTES }))
      t.is(held(), 'm--ffm', 'nothing is evicted in vain')
      for (const release of uses) release()
    },
    { budget, isShared: true },
  )
})

for (const isShared of [true, false]) {
  const whose = isShared ? 'one budget' : 'budgets of their own'
  test(`R003-152 a value moves from memory to a file, with ${whose}`, async (t) => {
    const size = 5 * SEGMENT_BYTES + 7
    const memoryBudget = new CacheBudget(8 * MIB)
    const pool = new SegmentPool()
    const cache = new Cache(memoryBudget, undefined, pool)
    const budget = isShared ? memoryBudget : new CacheBudget(8 * MIB)
    await withTier(
      0,
      async ({ tier }) => {
        const one = sample(size, 1)
        const before = cache.admit(one.key, size, 3, { start: 0, end: size })!
        before.directoryAt = 3
        before.writePairs(0, one.outboard)
        for (let at = 0; at < size; at += SEGMENT_BYTES) {
          before.write(at, one.bytes.subarray(at, at + SEGMENT_BYTES))
        }
        const taken: number[] = []
        before.returnSegment = (index) => {
          CachedValue.prototype.returnSegment.call(before, index)
          pool.trim(0)
          taken.push(pool.bytes / MIB)
        }
        const moves = [tier.adopt(before, cache), tier.adopt(before, cache)]
        t.true(budget.usedBytes <= budget.budgetBytes)
        const arriving = tier.get(one.key)!
        t.false(arriving.isWhole)
        const signal = AbortSignal.abort(new Error('no longer'))
        await t.throwsAsync(tier.check(arriving, { signal }), { message: 'no longer' })
        await tier.check(arriving)
        t.true(arriving.isWhole, 'R003-158 who wants to read it waits for the move')
        const [value, other] = await Promise.all(moves)
        t.is(value, other, 'callers share one move')
        const inSteps = [5, 4, 3, 2, 1, 0]
        t.deepEqual(taken, isShared ? inSteps : Array(6).fill(6), 'memory is given back in steps')
        t.true(value!.isWhole)
        t.true(value!.isDirectory)
        t.is(value!.incarnation, 3)
        sameBytes(t, await read(value!), one.bytes)
        t.is(cache.peek(one.key), undefined)
        t.is(cache.usedBytes, 0)
        pool.trim(0)
        t.is(pool.bytes, 0, 'its memory is free')
        t.is(await tier.adopt(before, cache), undefined, 'it is not in memory any more')
      },
      { budget, isShared },
    )
  })
}

test('R003-152 who reads a value in memory while it moves goes on reading', async (t) => {
  const budget = new CacheBudget(8 * MIB)
  const pool = new SegmentPool()
  const cache = new Cache(budget, undefined, pool)
  await withTier(
    0,
    async ({ tier }) => {
      const size = 4 * SEGMENT_BYTES
      const value = fillMemory(cache, sample(1, 1).key, size, 5)
      const release = value.use()
      // It is no value of this key, which nothing looks at here.
      t.true((await tier.adopt(value, cache))!.isWhole)
      for (const view of viewsOf(value)) t.true(isAll(view, 5))
      t.is(viewsOf(value).length, 4)
      release()
      pool.trim(0)
      t.is(pool.bytes, 0)
    },
    { budget, isShared: true },
  )
})

test('R003-146 where what is evicted stays open elsewhere, room is refused and not taken twice', (t) => {
  const budget = new CacheBudget(100)
  let stillOpen = 0
  const sizes = [30, 30, 30]
  budget.add({
    get usedBytes() {
      return sizes.reduce((sum, bytes) => sum + bytes, stillOpen)
    },
    *evictable() {
      for (const [usedAt, bytes] of sizes.entries()) {
        const evict = (): boolean => {
          sizes.splice(0, 1)
          stillOpen += bytes
          return true
        }
        yield { value: sizes, usedAt, bytes, evict }
      }
    },
  })
  t.true(budget.makeRoom(10))
  t.false(budget.makeRoom(101))
  t.is(sizes.length, 3)
  t.false(budget.makeRoom(20), 'to evict one frees nothing')
  t.is(sizes.length, 2, 'and no more are evicted')
  stillOpen = 0
  t.true(budget.makeRoom(40))
  t.is(sizes.length, 2)
})
