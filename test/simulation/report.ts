/** Runs schedules until one fails, and says what a person needs to see it again. */
import { runSchedule } from './schedule.ts'

/** The lines of a transcript that are shown before the violation. */
const SHOWN = 80

/** Undefined where nothing was found from seed `first` on, in so many schedules. */
export function firstViolation(first: number, schedules: number): string | undefined {
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = runSchedule(seed)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/simulation.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}
