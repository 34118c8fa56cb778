/** Runs schedules until one fails, and says what a person needs to see it again. */
import { type WorldOptions, runJournal } from './journal-world.ts'

const SHOWN = 60

export function firstJournalViolation(
  first: number,
  schedules: number,
  options: WorldOptions = {},
): string | undefined {
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = runJournal(seed, options)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/journal/journal.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}
