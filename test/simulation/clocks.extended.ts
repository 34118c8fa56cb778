import { test } from '../serial.ts'
import { ALL_RULES } from '../../src/index/rules.ts'
import { grantorClock, holderClock, type Clocks } from '../../src/node/clock.ts'
import { Oracle } from './oracle.ts'
import { firstViolation } from './report.ts'
import { runSchedule, type ScheduleOptions } from './schedule.ts'
import { SimClock } from './sim-clock.ts'
import { SimGlobal } from './sim-global.ts'
import { SimLocal } from './sim-local.ts'
import { digestOf } from './tokens.ts'
import { World } from './world.ts'

/** The faults below show within ten schedules; simulation.slow.ts runs 20,000. */
const seed = process.env.DSTORE_SEED
const [FIRST, SCHEDULES] = seed === undefined ? [1, 500] : [Number(seed), 1]

test('R004-60 R004-61: 500 schedules with clocks that step, sleep and drift, and no promise is broken', (t) => {
  const violation = firstViolation(FIRST, SCHEDULES, { clockFaults: true })
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('in such a schedule wall clocks are set in both directions', (t) => {
  for (let i = 1; i <= 20; i++) {
    const { steps } = runSchedule(i, { clockFaults: true })
    t.true(steps.forward > 2 && steps.back > 2, JSON.stringify(steps))
  }
})

const monotonicOnly = ({ monotonic }: Clocks) => monotonic

const FAULTS: Readonly<Record<string, ScheduleOptions>> = {
  "a holder's clock at Global": { grantor: holderClock },
  'the wall clock at Global': { grantor: ({ wall }) => wall },
  'a clock at Locals that stands still in their sleep': { holder: monotonicOnly },
}

for (const [what, fault] of Object.entries(FAULTS)) {
  test(`with ${what}, the simulation finds a violation`, (t) => {
    for (let i = 1; i <= 3000; i++) {
      const { violation } = runSchedule(i, { ...fault, clockFaults: true })
      if (violation === undefined) continue
      t.log(`seed ${i}: ${violation}`)
      t.is(runSchedule(i, { clockFaults: true }).violation, undefined, 'with the right clock')
      return
    }
    t.fail('nothing was found')
  })
}

test('what a Local hears after a sleep does not say that Global counts on it still', (t) => {
  const world = new World(1)
  const oracle = new Oracle(world)
  const forgetAfterMs = 12_000
  const parts = { world, oracle, rules: ALL_RULES, leaseMs: undefined, forgetAfterMs }
  const clock = new SimClock(world, 1)
  const global = new SimGlobal({ ...parts, clock, elapsed: grantorClock })
  const local = new SimLocal({ ...parts, peer: 'L1', global, elapsed: holderClock })
  const upTo = (ms: number): void => world.run(ms, () => oracle.violation !== undefined)
  global.admit(['L1'])
  global.start()
  local.start()
  const ignore = (): void => undefined
  global.ask({ type: 'put', values: [Uint8Array.of(1)], name: undefined }, ignore)
  upTo(3000)
  t.true(local.isConnected && local.isCounted)
  local.sleep()
  global.ask({ type: 'remove', digest: digestOf(1), force: true, timeoutMs: 1000 }, ignore)
  upTo(4000)
  local.partitioned = true
  upTo(11_000)
  local.wake()
  upTo(15_500)
  t.false(local.isCounted, 'what it heard was sent before 4 s')
  t.is(oracle.violation, undefined)
})
