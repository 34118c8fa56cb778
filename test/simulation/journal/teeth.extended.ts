import { ALL_APPENDER_RULES } from '../../../src/journal/rules.ts'
import { test } from '../../serial.ts'
import { type JournalSwitches, runJournal } from './journal-world.ts'
import { ALL_JOURNAL_RULES } from './sim-journal.ts'

/** How many schedules a fault may hide from. */
const SCHEDULES = 2000

const RULES = Object.keys({ ...ALL_APPENDER_RULES, ...ALL_JOURNAL_RULES })

for (const rule of RULES as (keyof JournalSwitches)[]) {
  test(`with the rule "${rule}" switched off, the simulation of journals finds a violation`, (t) => {
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const { violation } = runJournal(seed, { switched: { [rule]: false } })
      if (violation === undefined) continue
      t.log(`seed ${seed}: ${violation}`)
      t.is(runJournal(seed).violation, undefined, 'the same schedule with the rule is sound')
      return
    }
    t.fail(`nothing was found in ${SCHEDULES} schedules`)
  })
}
