/** Runs schedules until one fails, and says what a person needs to see it again. */
import { type ArchiveWorldOptions, runArchive } from './archive-world.ts'

const SHOWN = 60

export async function firstArchiveViolation(
  first: number,
  schedules: number,
  options: ArchiveWorldOptions = {},
): Promise<string | undefined> {
  for (let seed = first; seed < first + schedules; seed++) {
    const { violation, transcript } = await runArchive(seed, options)
    if (violation === undefined) continue
    const again = `again: DSTORE_SEED=${seed} npx ava dist/test/simulation/archive/archive.test.js`
    return [`seed ${seed}: ${violation}`, again, ...transcript.slice(-SHOWN)].join('\n')
  }
  return undefined
}
