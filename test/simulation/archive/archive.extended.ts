import { test } from '../../serial.ts'
import { firstArchiveViolation } from './archive-report.ts'
import { runArchive } from './archive-world.ts'

const SCHEDULES = Number(process.env['DSTORE_RUNS'] ?? 1000)
const STEPS = 60

test(`R011-50 to R011-73: ${SCHEDULES} schedules of nodes over one archive`, async (t) => {
  const violation = await firstArchiveViolation(1000, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('R011-54, R011-73 a process is killed at every event of some schedules', async (t) => {
  for (let seed = 1; seed <= 4; seed++) {
    const { delivered } = await runArchive(seed, { steps: STEPS })
    t.true(delivered > 20)
    for (let killAt = 1; killAt <= delivered; killAt++) {
      const { violation, transcript } = await runArchive(seed, { steps: STEPS, killAt })
      if (violation === undefined) continue
      t.fail([`seed ${seed}, killed at ${killAt}: ${violation}`, ...transcript].join('\n'))
      return
    }
  }
})
