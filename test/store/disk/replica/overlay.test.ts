/** The overlay over a database against plain records, whatever was written when. */
import * as fc from 'fast-check'
import { Database } from '../../../../src/store/disk/records/database.ts'
import { Overlay } from '../../../../src/store/disk/replica/overlay.ts'
import { test } from '../../../serial.ts'
import { keyOf, text } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'
import { locationAt, seeded } from './random-changes.ts'
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

test('R005-8: the overlay has copies of what it was given, and gives copies', async (t) => {
  await inTemporary(async (directory) => {
    const database = new Database(directory)
    const overlay = new Overlay(database)
    const key = keyOf(text('a'))
    const [value, entry] = [text('row'), text('entry')]
    overlay.writeRow(key, 1, value)
    overlay.append(1, entry)
    overlay.writeTally({ ...overlay.tally(), lastSeq: 1 })
    for (const bytes of [key.id, value, entry]) bytes.fill(0)
    const reads = (): (Uint8Array | undefined)[] => [
      overlay.row(keyOf('a'))?.value,
      ...overlay.rows('keys', { limit: 9 }).flatMap((row) => [row.id, row.value]),
      ...overlay.entries(0, 9).map((one) => one.entry),
    ]
    const plain = (): string[] => reads().map((bytes) => Buffer.from(bytes ?? []).toString())
    t.deepEqual(plain(), ['row', 'a', 'row', 'entry'])
    for (const bytes of reads()) bytes?.fill(0)
    t.deepEqual(plain(), ['row', 'a', 'row', 'entry'])
    // A caller that keeps a row keeps no more than that in memory.
    t.deepEqual(
      reads().map((bytes) => bytes?.buffer.byteLength),
      [3, 1, 3, 5],
    )
    const own = keyOf('a')
    t.not(overlay.row(own)?.id, own.id)
    await database.close()
  })
})

test('R005-125: the overlay counts rows, entries and values, and forgets what is dropped', async (t) => {
  await inTemporary(async (directory) => {
    const database = new Database(directory)
    const overlay = new Overlay(database)
    const bytes = new Uint8Array(5000)
    const value = { size: 5000, outboardBytes: 0, file: locationAt(1), place: 'records' } as const
    const writes = [
      () => overlay.writeRow(keyOf('a'), 1, bytes),
      () => overlay.append(1, bytes),
      () => overlay.writeValue(locationAt(1), { ...value, small: bytes }),
      () => overlay.writeValue(locationAt(2), { ...value, small: undefined, outboard: bytes }),
    ]
    for (const [i, write] of writes.entries()) {
      write()
      t.true(overlay.bytes > 5000 * (i + 1) && overlay.bytes < 6000 * (i + 1))
    }
    overlay.advance({ position: 1, digest: new Uint8Array(32) })
    overlay.freeze()
    t.true(overlay.bytes > 20_000)
    t.is(overlay.newestBytes, 0)
    overlay.drop(overlay.oldest!)
    t.is(overlay.bytes, 0)
    await database.close()
  })
})
