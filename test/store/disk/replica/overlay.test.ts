/** The overlay over a database against plain records, whatever was written when. */
import * as fc from 'fast-check'
import { test } from '../../../serial.ts'
import { inTemporary } from '../../temporary.ts'
import { seeded } from './random-changes.ts'
import { Replica } from './replica.ts'

type Step = (replica: Replica) => Promise<void> | void

const steps: Readonly<Record<string, Step>> = {
  change: (replica) => replica.change(),
  heartbeat: (replica) => replica.apply({ kind: 'heartbeat' }),
  freeze: (replica) => replica.overlay.freeze(),
  write: (replica) => replica.write(true),
  'write without an answer': (replica) => replica.write(false),
  'fail to write': (replica) => replica.failToWrite(),
  trim: (replica) => replica.trim(),
  restart: (replica) => replica.restart(),
}

async function run(names: readonly string[], seed: number): Promise<void> {
  await inTemporary(async (directory) => {
    const replica = new Replica(directory, seeded(seed))
    try {
      await replica.begin()
      for (const name of names) {
        await steps[name]!(replica)
        replica.compare()
      }
    } finally {
      await replica.database.close()
    }
  })
}

const weighted = (weights: Readonly<Record<string, number>>): fc.Arbitrary<string> =>
  fc.oneof(
    ...Object.entries(weights).map(([name, weight]) => ({
      arbitrary: fc.constant(name),
      weight,
    })),
  )

const SCHEDULES = {
  never: { change: 1 },
  always: { change: 1, write: 1 },
  'at random': {
    change: 20,
    heartbeat: 1,
    freeze: 2,
    write: 4,
    'write without an answer': 2,
    'fail to write': 1,
    trim: 2,
    restart: 1,
  },
} as const

for (const [when, weights] of Object.entries(SCHEDULES)) {
  test(`R005-121, R005-122: reads are those of plain records, written ${when}`, async (t) => {
    const property = fc.asyncProperty(
      fc.array(weighted(weights), { minLength: 1, maxLength: 50, size: 'max' }),
      fc.nat(),
      run,
    )
    await fc.assert(property, {
      numRuns: when === 'at random' ? 20 : 4,
      includeErrorInReport: true,
    })
    t.pass()
  })
}
