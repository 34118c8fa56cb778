import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { GROUP_BYTES, MIB } from '../../../src/limits.ts'
import { Pace, Paces } from '../../../src/node/pins/pace.ts'

const never = new AbortController().signal

test('R007-379: no more bytes are asked for than the rate allows, whatever the parts', async (t) => {
  // A call that has ended still counts, and does not wait.
  const over = AbortSignal.abort(new Error('over'))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 16_384, max: 1_000_000_000 }),
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      async (rate, parts, isBusy) => {
        let now = 0
        const pace = new Pace(rate, () => now)
        let dueMs = 0
        for (const part of parts) {
          await pace.take(part, over).catch(() => undefined)
          dueMs = Math.max(now, dueMs) + (part / rate) * 1000
          // Time that nothing was asked for in is not made up for.
          now += isBusy ? 0 : 7
        }
        now = dueMs - 0.001
        t.true(pace.isOwing)
        now = dueMs + 0.001
        t.false(pace.isOwing)
      },
    ),
    { numRuns: 50 },
  )
})

test('R007-379: what is asked for at once is more than a group, and a part of a second', (t) => {
  for (const rate of [16_384, MIB, 200 * MIB, 10_000 * MIB]) {
    const { stepBytes } = new Pace(rate)
    t.is(stepBytes % GROUP_BYTES, 0)
    t.true(stepBytes > GROUP_BYTES && stepBytes <= 16 * MIB)
    if (rate === 200 * MIB) t.true(stepBytes > MIB)
  }
})

test('R007-379: calls of one group share a pace, and others do not', async (t) => {
  let now = 0
  const paces = new Paces(() => now)
  const paceOf = (rate: number | undefined, group?: string): Promise<Pace | undefined> =>
    paces.run(rate, group, async (pace) => {
      await pace?.take(1000, never)
      return pace
    })
  const first = await paceOf(100_000, 'a')
  t.is(await paceOf(undefined, 'a'), undefined)
  t.not(await paceOf(100_000), first)
  t.not(await paceOf(100_000, 'b'), first)
  t.not(await paceOf(200_000, 'a'), first)
  // It owes 10 ms, though no call is left.
  t.is(await paceOf(100_000, 'a'), first)
  now += 1000
  t.not(await paceOf(100_000, 'a'), first, 'nothing is kept of a group that is over')
})

test('R007-379: a wait for the rate ends with its call', async (t) => {
  const pace = new Pace(16_384)
  await pace.take(1_000_000, never)
  const controller = new AbortController()
  const waiting = pace.take(1, controller.signal)
  controller.abort(new Error('left'))
  await t.throwsAsync(waiting, { message: 'left' })
})
