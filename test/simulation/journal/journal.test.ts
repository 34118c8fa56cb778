import { test } from '../../serial.ts'
import { firstJournalViolation } from './journal-report.ts'
import { runJournal } from './journal-world.ts'

/** teeth.extended.ts shows that each rule matters; journal.extended.ts runs more. */
const seed = process.env['DSTORE_SEED']
const [FIRST, SCHEDULES] = seed === undefined ? [1, 100] : [Number(seed), 1]

test(`R009-20 to R009-25: ${SCHEDULES} schedules of an unreliable journal, and what was said is so`, (t) => {
  const violation = firstJournalViolation(FIRST, SCHEDULES)
  if (violation === undefined) t.pass()
  else t.fail(violation)
})

test('R009-23 the writer is killed at every step of a schedule', (t) => {
  const { steps } = runJournal(1, { steps: 300 })
  t.true(steps > 60)
  for (let killAt = 1; killAt <= steps; killAt++) {
    const { violation, transcript } = runJournal(1, { steps: 300, killAt })
    t.is(violation, undefined, `killed at ${killAt}\n${transcript.slice(-30).join('\n')}`)
  }
})

test('the schedules do what they should: appends, take-overs, kills', (t) => {
  const outcomes = Array.from({ length: 20 }, (_, i) => runJournal(i + 1))
  t.true(outcomes.every(({ appended }) => appended > 5))
  t.true(outcomes.some(({ kills }) => kills > 2))
  const lines = outcomes.flatMap(({ transcript }) => transcript).join('\n')
  for (const line of [/has ended: absent/, /has ended: unknown/, /hears: refused/, /epoch [5-9]/]) {
    t.regex(lines, line)
  }
})
