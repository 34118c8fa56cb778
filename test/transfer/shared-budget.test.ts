import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'

const settled = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve))

const never = new AbortController().signal

test('R003-23: shares are given in the order of asking, and given back once', async (t) => {
  const allowance = new SharedBudget(10, 10)
  const order: string[] = []
  const first = await allowance.take('a', 8, never)
  const large = allowance.take('b', 9, never).then((back) => (order.push('large'), back))
  const small = allowance.take('c', 1, never).then((back) => (order.push('small'), back))
  first()
  first()
  t.is(allowance.usedBytes, 10)
  const backs = await Promise.all([large, small])
  t.deepEqual(order, ['large', 'small'])
  for (const back of backs) back()
  t.is(allowance.usedBytes, 0)
})

test('R003-23: more than a peer may have counts as all that it may have', async (t) => {
  const allowance = new SharedBudget(10, 4)
  const back = await allowance.take('a', 1000, never)
  t.is(allowance.usedBytes, 4)
  back()
})

test('R003-23: a peer never holds more than its part, however much is free', async (t) => {
  const allowance = new SharedBudget(100, 4)
  const first = await allowance.take('a', 3, never)
  t.is(allowance.takeNow('a', 2), undefined)
  const second = allowance.take('a', 2, never)
  await settled()
  t.is(allowance.usedBytes, 3)
  t.not(allowance.takeNow('b', 4), undefined)
  first()
  await second
  t.is(allowance.usedBytes, 6)
})

test('R003-23: who holds nothing goes before those who hold something, and finds room', async (t) => {
  const allowance = new SharedBudget(16, 8)
  const held: string[] = []
  const take = (peer: string): void => {
    // A signal for each: many listeners on one would be reported as a leak.
    const { signal } = new AbortController()
    void allowance.take(peer, 1, signal).then(() => held.push(peer))
  }
  // Greedy peers, which give nothing back: each takes what it gets.
  for (let n = 0; n < 8; n++) for (const peer of ['a', 'b', 'c']) take(peer)
  await settled()
  t.is(held.length, 12)
  for (const peer of ['d', 'e', 'd']) take(peer)
  await settled()
  t.deepEqual(held.slice(12), ['d', 'e'])
})

test('R003-23: of those who wait, whoever holds least is next', async (t) => {
  const allowance = new SharedBudget(4, 4)
  const order: string[] = []
  const backs = await Promise.all(['a', 'a', 'b'].map((peer) => allowance.take(peer, 1, never)))
  const last = await allowance.take('z', 1, never)
  for (const peer of ['a', 'a', 'b', 'c']) {
    void allowance.take(peer, 1, never).then(() => order.push(peer))
  }
  last()
  await settled()
  t.deepEqual(order, ['c'])
  for (const back of backs) back()
  await settled()
  t.is(order.length, 3)
})

test('R003-22: it is known when somebody waits who holds nothing', async (t) => {
  const allowance = new SharedBudget(4, 4)
  const back = await allowance.take('a', 4, never)
  const more = allowance.take('a', 1, never)
  t.false(allowance.isStarving)
  const other = allowance.take('b', 1, never)
  t.true(allowance.isStarving)
  back()
  await Promise.all([more, other])
  t.false(allowance.isStarving)
})

test('who gives up waiting leaves the queue, and fails with the reason', async (t) => {
  const allowance = new SharedBudget(10, 10)
  const back = await allowance.take('a', 10, never)
  const stop = new AbortController()
  const waiting = allowance.take('b', 10, stop.signal)
  const reason = new Error('enough')
  stop.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  t.is(await t.throwsAsync(allowance.take('b', 1, stop.signal)), reason)
  back()
  t.is(allowance.usedBytes, 0)
  ;(await allowance.take('c', 10, never))()
})

test('whatever is taken and given back, no bound is passed and nobody waits in vain', async (t) => {
  const wish = fc.record({
    peer: fc.constantFrom('a', 'b', 'c'),
    bytes: fc.integer({ min: 1, max: 12 }),
    giveUp: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { maxLength: 30 }), async (wishes) => {
      const allowance = new SharedBudget(10, 6)
      const held: (() => void)[] = []
      const waiting = wishes.map(async ({ peer, bytes, giveUp }) => {
        const stop = new AbortController()
        const taking = allowance.take(peer, bytes, stop.signal)
        if (giveUp) stop.abort(new Error('enough'))
        const back = await taking.catch(() => undefined)
        if (back !== undefined) held.push(back)
      })
      const all = Promise.all(waiting)
      for (let left = wishes.length * 2; left > 0; left--) {
        await Promise.resolve()
        t.true(allowance.usedBytes <= 10)
        held.shift()?.()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await all
      for (const back of held) back()
      t.is(allowance.usedBytes, 0)
    }),
    { numRuns: 100 },
  )
})
