/** Values that a store had before it got an archive. */
import { rm } from 'node:fs/promises'
import { firstCopy } from '../../../src/archive/first-copy.ts'
import { Removals } from '../../../src/archive/values/removals.ts'
import { PIECE_BYTES, SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Layout } from '../../../src/store/disk/layout.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'
import { keep, pattern, readAll, release, sameBytes } from '../../store/conformance/suite.ts'
import { type Archived, withArchived } from '../../store/disk/archived/archived.ts'

const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Values of an earlier run, none of which has its object. */
async function earlier(archived: Archived): Promise<string[]> {
  const values: string[] = []
  for (const outboardBytes of [0, 64, SMALL_VALUE_BYTES + 1, 64, 64, 64]) {
    const size = PIECE_BYTES + values.length
    values.push(await keep(archived.store, pattern(size), pattern(outboardBytes)))
  }
  await keep(archived.store, pattern(10))
  await archived.reopen()
  archived.bucket.objects.clear()
  return values
}

const copying = (
  archived: Archived,
  signal = new AbortController().signal,
): ReturnType<typeof firstCopy> => {
  const { values, source, bucket } = archived
  return firstCopy({
    objects: bucket.client(),
    values,
    source: source!,
    log: SILENT,
    signal,
    sleep,
  })
}

test('R011-21: a first copy uploads what is not there, and goes on where it was', async (t) => {
  await withArchived({ isComplete: false }, async (archived) => {
    const values = await earlier(archived)
    const { bucket } = archived
    let puts = 0
    let lost = 5
    bucket.onRequest = ({ verb }) => {
      if (lost-- > 0) return 'lost'
      return verb === 'put' && ++puts > 3 ? 'silent' : 'whole'
    }
    const aborter = new AbortController()
    const first = copying(archived, aborter.signal)
    await eventually((saw) => saw(puts) > 3)
    aborter.abort(new Error('the end'))
    await t.throwsAsync(first, { message: 'the end' })
    bucket.onRequest = () => 'whole'
    const key = archived.keyOf(values[0]!)
    bucket.objects.set(key, pattern(3))
    const { values: all, uploaded, unreadable } = await copying(archived)
    t.is(all, values.length)
    t.true(uploaded >= 1 && uploaded < values.length, `${uploaded} uploaded`)
    t.deepEqual(unreadable, [])
    t.is((await copying(archived)).uploaded, 0)
    archived.values.completed()
    await archived.loseFiles()
    await archived.reopen({}, { isComplete: true })
    for (const [i, location] of values.entries()) {
      const size = PIECE_BYTES + i
      sameBytes(t, await readAll(archived.store, location, 0, size), pattern(size))
    }
    sameBytes(t, await archived.store.outboard(values[2]!), pattern(SMALL_VALUE_BYTES + 1))
  })
})

test('R011-22: what is released meanwhile leaves no object, and what is unreadable holds up nothing', async (t) => {
  await withArchived({ isComplete: false }, async (archived) => {
    const values = await earlier(archived)
    const { bucket, store } = archived
    await rm(new Layout(archived.directory).valueFile(values[1]!))
    let hasReleased = false
    bucket.onRequest = async ({ verb, key }) => {
      if (verb !== 'put' || key !== archived.keyOf(values[0]!) || hasReleased) return
      hasReleased = true
      await release(store, values[0]!)
    }
    const { unreadable } = await copying(archived)
    t.deepEqual(unreadable, [values[1]])
    const rest = values.slice(2).map((location) => archived.keyOf(location))
    await eventually((saw) => saw(bucket.keys().join()) === rest.join())
    t.deepEqual(bucket.keys(), rest)
  })
})

test('R005-116, R011-20: objects are deleted in one request once the releases are in the bucket', async (t) => {
  const asked: (readonly string[])[] = []
  let settle = (): void => undefined
  let failures = 1
  const removals = new Removals({
    objects: {
      remove: async (keys) => {
        if (failures-- > 0) throw new Error('away')
        asked.push(keys)
      },
    },
    settled: () => new Promise<void>((resolve) => (settle = resolve)),
    sleep,
  })
  for (const key of ['a', 'b', 'c']) removals.add(key)
  for (let turn = 0; turn < 5; turn++) await sleep()
  t.deepEqual(asked, [])
  settle()
  await eventually((saw) => {
    settle()
    return saw(asked.length) === 1
  })
  t.deepEqual(asked, [['a', 'b', 'c']])
  t.is(removals.count, 0)
  await removals.close()
})
