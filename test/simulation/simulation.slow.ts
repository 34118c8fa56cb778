import { test } from '../serial.ts'
import { firstViolation } from './report.ts'

/**
 * As many as are wanted, from a seed that no other run begins with, or from the one that is given.
 */
const SCHEDULES = Number(process.env.DSTORE_SCHEDULES ?? 20_000)
const FIRST = Number(process.env.DSTORE_SEED ?? Math.floor(Date.now() / 1000) * 1000)

for (const clockFaults of [false, true]) {
  const which = clockFaults ? ', with faults of clocks' : ''
  test(`${SCHEDULES} schedules from seed ${FIRST} on${which}`, (t) => {
    const violation = firstViolation(FIRST, SCHEDULES, { clockFaults })
    if (violation === undefined) t.pass()
    else t.fail(violation)
  })
}
