import { test } from '../serial.ts'
import { holderClock, type Clocks } from '../../src/node/clock.ts'
import { firstViolation } from './report.ts'
import { runSchedule, type ScheduleOptions } from './schedule.ts'

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
