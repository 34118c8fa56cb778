import { test } from '../../serial.ts'
import { firstArchiveViolation } from './archive-report.ts'
import { runArchive } from './archive-world.ts'

/** teeth.extended.ts shows that each rule matters; archive.extended.ts runs more. */
const seed = process.env['DSTORE_SEED']
const [FIRST, SCHEDULES] = seed === undefined ? [1, 60] : [Number(seed), 1]

test(`R011-53 to R011-64: ${SCHEDULES} schedules of nodes over one archive`, async (t) => {
  const violation = await firstArchiveViolation(FIRST, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('the schedules do what they should', async (t) => {
  const sum: Record<string, number> = {}
  for (let i = 1; i <= 20; i++) {
    const { counts } = await runArchive(100 + i)
    for (const [what, count] of Object.entries(counts)) sum[what] = (sum[what] ?? 0) + count
  }
  t.log(sum)
  for (const what of ['acknowledged', 'acknowledged before', 'confirmed', 'not appended', 'kills'])
    t.true((sum[what] ?? 0) > 10, what)
  for (const what of ['restarts', 'refused']) t.true((sum[what] ?? 0) > 3, what)
})
