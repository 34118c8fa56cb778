import { test } from '../serial.ts'
import { firstViolation, runManyAddresses } from './report.ts'

/**
 * As many as are wanted, from a seed that no other run begins with, or from the one that is given.
 */
const SCHEDULES = Number(process.env.DSTORE_SCHEDULES ?? 20_000)
const FIRST = Number(process.env.DSTORE_SEED ?? Math.floor(Date.now() / 1000) * 1000)
/** With trees, which take longer. */
const TREES = Math.ceil(SCHEDULES / 5)
/** With names that move and expire. */
const NAMES = Math.ceil(SCHEDULES / 10)
/** Of two addresses of one Global. */
const SEEDS = Math.ceil(SCHEDULES / 2)

for (const clockFaults of [false, true]) {
  const which = clockFaults ? ', with faults of clocks' : ''
  test(`${SCHEDULES} schedules from seed ${FIRST} on${which}`, (t) => {
    const violation = firstViolation(FIRST, SCHEDULES, { clockFaults })
    if (violation === undefined) t.pass()
    else t.fail(violation)
  })
}

test(`R004-88 to R004-109: ${TREES} schedules of trees from seed ${FIRST} on`, (t) => {
  const violation = firstViolation(FIRST, TREES, { trees: true })
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

for (const clockFaults of [false, true]) {
  const which = clockFaults ? ', with faults of clocks' : ''
  test(`R004-115 to R004-150: ${NAMES} schedules of names from seed ${FIRST} on${which}`, (t) => {
    const violation = firstViolation(FIRST, NAMES, { names: true, clockFaults })
    if (violation === undefined) t.pass()
    else t.fail(violation)
  })
}

test(`R004-8 R004-72 to R004-74: ${SEEDS} seeds of two addresses from seed ${FIRST} on`, (t) => {
  const { violation, hellos, replaced } = runManyAddresses(FIRST, SEEDS)
  if (violation !== undefined) return t.fail(violation)
  t.log(`${hellos} hellos, ${replaced} sessions replaced`)
  t.true(hellos > 2 * SEEDS && replaced > SEEDS / 10)
})
