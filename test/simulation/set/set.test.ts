import { test } from '../../serial.ts'
import { firstSetViolation } from './set-report.ts'
import { runSet } from './set-world.ts'

/** teeth.extended.ts shows that each rule matters; set.extended.ts runs more. */
const seed = process.env['DSTORE_SEED']
const [FIRST, SCHEDULES] = seed === undefined ? [1, 100] : [Number(seed), 1]

test(`R012-4 to R012-13: ${SCHEDULES} schedules of a set, and no promise is broken`, async (t) => {
  const violation = await firstSetViolation(FIRST, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('a seed replays the same schedule of a set, word for word', async (t) => {
  const [one, same] = [await runSet(7), await runSet(7)]
  t.deepEqual(one.transcript, same.transcript)
  t.true(one.transcript.length > 5)
})
