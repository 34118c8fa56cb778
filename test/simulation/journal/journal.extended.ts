import { test } from '../../serial.ts'
import { firstJournalViolation } from './journal-report.ts'
import { runJournal } from './journal-world.ts'

const SCHEDULES = Number(process.env['DSTORE_RUNS'] ?? 3000)

test(`R009-20 to R009-25: ${SCHEDULES} schedules of an unreliable journal`, (t) => {
  const violation = firstJournalViolation(1000, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('R009-23 the writer is killed at every step of 20 schedules', (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { steps } = runJournal(seed)
    for (let killAt = 1; killAt <= steps; killAt++) {
      const { violation } = runJournal(seed, { killAt })
      t.is(violation, undefined, `seed ${seed}, killed at ${killAt}`)
    }
  }
})
