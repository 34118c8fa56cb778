import { test } from '../../serial.ts'
import { firstViolation } from '../report.ts'

/** simulation.slow.ts runs more. */
const seed = process.env.DSTORE_SEED
const [FIRST, SCHEDULES] = seed === undefined ? [1, 40] : [Number(seed), 1]

test('R004-88 to R004-109: 40 schedules of trees that share parts, and no promise is broken', (t) => {
  const violation = firstViolation(FIRST, SCHEDULES, { trees: true })
  if (violation === undefined) t.pass()
  else t.fail(violation)
})
