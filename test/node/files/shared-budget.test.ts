/** Memory and files under one budget. */
import { test } from '../../serial.ts'
import { MIB, SEGMENT_BYTES } from '../../../src/limits.ts'
import { Cache } from '../../../src/node/cache/cache.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { fill as fillMemory } from '../cache/cached.ts'
import { fill, sample, withTier } from './tier.ts'

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
