import { test } from '../../serial.ts'
import { firstSetViolation } from './set-report.ts'
import { runSet } from './set-world.ts'

const SCHEDULES = Number(process.env['DSTORE_RUNS'] ?? 120)
const STEPS = 40
/** Schedules in which a process is killed at some of the events. */
const [KILLED, EVERY] = SCHEDULES < 2000 ? [1, 11] : [8, 7]

test(`R012-4 to R012-13: ${SCHEDULES} schedules of a set`, async (t) => {
  const violation = await firstSetViolation(1000, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('a member of a set is killed at events of some schedules', async (t) => {
  for (let seed = 1; seed <= KILLED; seed++) {
    const { delivered } = await runSet(seed, { steps: STEPS })
    for (let killAt = seed; killAt <= delivered; killAt += EVERY) {
      const { violation } = await runSet(seed, { steps: STEPS, killAt })
      t.is(violation, undefined, `seed ${seed}, killed at ${killAt}`)
    }
  }
})
