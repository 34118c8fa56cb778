/** Runs schedules until one fails, and says what a person needs to see it again. */
import { runSchedule, type ScheduleOptions } from './schedule.ts'

/** The lines of a transcript that are shown before the violation. */
const SHOWN = 80

/** Undefined where nothing was found from seed `first` on, in so many schedules. */
export function firstViolation(
  first: number,
  schedules: number,
  options: ScheduleOptions = {},
): string | undefined {
  const file = options.clockFaults === true ? 'clocks' : 'simulation'
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = runSchedule(seed, options)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/${file}.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}
