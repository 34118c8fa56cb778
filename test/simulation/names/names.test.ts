import { test } from '../../serial.ts'
import { firstViolation } from '../report.ts'

/** simulation.slow.ts runs more. */
const seed = process.env.DSTORE_SEED
const [FIRST, SCHEDULES] = seed === undefined ? [1, 25] : [Number(seed), 1]

for (const clockFaults of [false, true]) {
  const which = clockFaults ? ' and clocks that are set' : ''
  test(`R004-115 to R004-150: ${SCHEDULES} schedules of tags and expiry${which}, and no promise is broken`, (t) => {
    const violation = firstViolation(FIRST, SCHEDULES, { names: true, clockFaults })
    if (violation === undefined) t.pass()
    else t.fail(violation)
  })
}
