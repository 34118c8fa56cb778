import { test } from '../serial.ts'
import { firstViolation } from './report.ts'

/**
 * As many as are wanted, from a seed that no other run begins with, or from the one that is given.
 */
const SCHEDULES = Number(process.env.DSTORE_SCHEDULES ?? 20_000)
const FIRST = Number(process.env.DSTORE_SEED ?? Math.floor(Date.now() / 1000) * 1000)

test(`${SCHEDULES} schedules from seed ${FIRST} on`, (t) => {
  const violation = firstViolation(FIRST, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})
