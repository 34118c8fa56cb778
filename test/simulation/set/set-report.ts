/** Runs schedules until one fails, and says what a person needs to see it again. */
import { type SetWorldOptions, runSet } from './set-world.ts'

const SHOWN = 80

export async function firstSetViolation(
  first: number,
  schedules: number,
  options: SetWorldOptions = {},
): Promise<string | undefined> {
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = await runSet(seed, options)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/set/set.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}
