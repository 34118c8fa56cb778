/** Runs schedules until one fails, and says what a person needs to see it again. */
import { runSchedule, type ScheduleOptions } from './schedule.ts'
import { runAddresses } from './sim-addresses.ts'

/** The lines of a transcript that are shown before the violation. */
const SHOWN = 80

/** Undefined where nothing was found from seed `first` on, in so many schedules. */
export function firstViolation(
  first: number,
  schedules: number,
  options: ScheduleOptions = {},
): string | undefined {
  const { clockFaults, trees, names } = options
  const file =
    names === true
      ? 'names/names'
      : clockFaults === true
        ? 'clocks'
        : trees === true
          ? 'trees/trees'
          : 'simulation'
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = runSchedule(seed, options)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/${file}.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}

/** What runs of two addresses did together, up to the first with a violation. */
export interface ManyAddresses {
  readonly hellos: number
  readonly replaced: number
  readonly violation: string | undefined
}

/** The same for runs of two addresses of one Global. */
export function runManyAddresses(first: number, seeds: number): ManyAddresses {
  let [hellos, replaced] = [0, 0]
  for (let seed = first; seed < first + seeds; seed++) {
    const outcome = runAddresses(seed)
    hellos += outcome.hellos
    replaced += outcome.replaced
    if (outcome.violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/addresses.extended.js`
    const shown = outcome.transcript.slice(-SHOWN)
    const violation = [`seed ${seed}: ${outcome.violation}`, again, ...shown].join('\n')
    return { hellos, replaced, violation }
  }
  return { hellos, replaced, violation: undefined }
}
