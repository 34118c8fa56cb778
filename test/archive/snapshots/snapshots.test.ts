import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ARCHIVE_PART_BYTES, MIB } from '../../../src/limits.ts'
import { listSnapshots, newestSnapshot } from '../../../src/archive/snapshots/listed.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { text } from '../../journal/tools.ts'
import { Archived } from './tools.ts'

type Case = (t: ExecutionContext, archived: Archived) => Promise<void>

function check(title: string, run: Case): void {
  test(title, async (t) => {
    const archived = await Archived.make()
    try {
      await run(t, archived)
    } finally {
      await archived.close()
    }
  })
}

const positions = async ({ bucket }: Archived): Promise<number[]> =>
  (await listSnapshots(bucket.client())).whole.map(({ position }) => position)

check(
  'R011-40, R011-41 a snapshot has the records as of its position, in parts',
  async (t, archived) => {
    await archived.append(3, 4 * MIB)
    const snapshot = await archived.take()
    t.is(snapshot.position, 3)
    t.deepEqual(snapshot.digest, entryDigest(text('entry 3')))
    t.true(snapshot.size > ARCHIVE_PART_BYTES)
    await archived.append(2)
    t.deepEqual(await newestSnapshot(archived.bucket.client()), snapshot)
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }): void => void progress.push(done)
    t.deepEqual(await archived.load({ onProgress }), { snapshot, rows: 3 })
    t.is(progress.at(-1), snapshot.size)
    t.true(progress.length > 1)
    t.deepEqual(
      archived.bucket.keys('s/').map((key) => key.slice(0, 18)),
      ['s/0000000000000003', 's/0000000000000003'],
    )
    t.deepEqual(await readdir(join(archived.directory, 'snapshot')), [])
  },
)

check('R011-40 before the first entry there is nothing to take', async (t, archived) => {
  t.like(await t.throwsAsync(archived.take(), { message: /no entry has been applied yet/ }), {
    code: 'busy',
  })
  t.deepEqual(archived.bucket.keys('s/'), [])
})

check(
  'R011-40 it waits until the bucket has its position, and refuses another history',
  async (t, archived) => {
    await archived.append(2)
    const { bucket } = archived
    let isThere = false
    await archived.take({
      archived: async (position) => {
        t.is(position, 2)
        t.deepEqual(bucket.keys('s/'), [])
        isThere = true
      },
    })
    t.true(isThere)
    await archived.append(1)
    const other = new MemoryBucket()
    const wrong = { code: 'integrity' }
    const elsewhere = await Archived.make(other)
    try {
      // The bucket has less, then something else.
      await elsewhere.append(2)
      await t.throwsAsync(archived.take({ journal: elsewhere.journal }), wrong)
      await elsewhere.journal.append(2, text('another third'))
      await t.throwsAsync(archived.take({ journal: elsewhere.journal }), wrong)
    } finally {
      await elsewhere.close()
    }
    t.deepEqual(await positions(archived), [2])
    const away = new Error('away')
    await t.throwsAsync(archived.take({ archived: () => Promise.reject(away) }), {
      code: 'unwritable',
    })
    t.deepEqual(await positions(archived), [2])
  },
)

check('R011-42 it counts only once it was read back as it was', async (t, archived) => {
  const { bucket } = archived
  await archived.append(1)
  await archived.take()
  await archived.append(5)
  await archived.take()
  await archived.append(5)
  const before = bucket.keys()
  bucket.onAnswer = ({ verb, key }) => {
    // The bucket spoils what it has.
    const bytes = bucket.objects.get(key)
    if (verb === 'put' && key.startsWith('s/') && bytes !== undefined)
      bytes[100_000 % bytes.length]! ^= 1
  }
  await t.throwsAsync(archived.take(), { code: 'integrity' })
  bucket.onAnswer = () => undefined
  t.deepEqual(bucket.keys(), before)
  t.deepEqual(await positions(archived), [6, 1])
  t.is((await archived.journal.extent()).first, 2)
  await archived.take()
  t.deepEqual(await positions(archived), [11, 6])
  t.is((await archived.journal.extent()).first, 7)
})

check('R011-43 two are kept, and the journal is trimmed behind the older', async (t, archived) => {
  const { bucket } = archived
  const expected = [1, 11, 21, 31, 41]
  for (const first of expected) {
    await archived.append(10)
    await archived.take()
    t.is((await archived.journal.extent()).first, first)
  }
  t.deepEqual(await positions(archived), [50, 40])
  t.is(bucket.keys('s/').length, 4)
  // Nothing changed: there is no other one.
  const again = await archived.take()
  t.is(again.position, 50)
  t.is(bucket.keys('s/').length, 4)
})

check(
  'R011-43 what earlier tries left goes; what a later node uploads stays',
  async (t, archived) => {
    const { bucket } = archived
    const client = bucket.client()
    const name = (position: number, rest: string): string =>
      `s/${`${position}`.padStart(16, '0')}${rest}`
    await client.beginUpload(name(3, '-00000000000000aa'))
    await client.beginUpload(name(9, '-00000000000000aa'))
    for (const position of [3, 9]) {
      await client.put(name(position, '-00000000000000aa'), text('part'))
      await client.put(name(position, '.json'), text('{'))
    }
    await client.put('s/note', text('mine'))
    await archived.append(5)
    await archived.take()
    t.deepEqual(
      bucket.keys('s/').filter((key) => !key.startsWith(name(5, ''))),
      [name(9, '-00000000000000aa'), name(9, '.json'), 's/note'],
    )
    t.deepEqual(
      [...bucket.uploads.values()].map(({ key }) => key),
      [name(9, '-00000000000000aa')],
    )
  },
)

check('R011-44 a restore takes the older one where the newest is damaged', async (t, archived) => {
  const { bucket } = archived
  await archived.append(10)
  await archived.take()
  await archived.append(10)
  const newest = await archived.take()
  const records = bucket.keys('s/').filter((key) => key.includes('014-'))[0]!
  const description = 's/0000000000000014.json'
  const whole = bucket.objects.get(records)!
  const described = bucket.objects.get(description)!
  const flipped = whole.slice()
  flipped[whole.length >> 1]! ^= 1
  const facts = JSON.parse(Buffer.from(described).toString()) as object
  const saying = (changes: object): Uint8Array => text(JSON.stringify({ ...facts, ...changes }))
  const damages: [string, Uint8Array | undefined][] = [
    [records, flipped],
    [records, whole.subarray(0, -1)],
    [records, undefined],
    [description, new Uint8Array(MIB).fill(0x20)],
    [description, text('{}')],
    [description, saying({ chain: '00'.repeat(32) })],
    [description, saying({ position: 21 })],
    [description, saying({ size: 2 ** 52 })],
  ]
  for (const [key, bytes] of damages) {
    if (bytes === undefined) bucket.objects.delete(key)
    else bucket.objects.set(key, bytes)
    const { snapshot, rows } = await archived.load()
    t.deepEqual([snapshot.position, rows], [10, 10])
    bucket.objects.set(records, whole)
    bucket.objects.set(description, described)
  }
  t.deepEqual((await archived.load()).snapshot, newest)
  bucket.objects.set(description, saying({ format: 2 }))
  await t.throwsAsync(archived.load(), { code: 'incompatible' })
  bucket.objects.set(description, text('['))
  for (const key of bucket.keys('s/')) if (key.includes('-')) bucket.objects.set(key, text('x'))
  await t.throwsAsync(archived.load(), { code: 'integrity' })
  for (const key of bucket.keys('s/')) bucket.objects.delete(key)
  await t.throwsAsync(archived.load(), { code: 'not-found' })
})

check('R011-44 a bucket that is away is no damage', async (t, archived) => {
  await archived.append(1)
  await archived.take()
  archived.bucket.onRequest = ({ verb, key }) =>
    verb === 'get' && key.includes('-') ? 'lost' : 'whole'
  await t.throwsAsync(archived.load(), { code: 'unreachable' })
})

check('R011-45 lists and descriptions are bounded', async (t, archived) => {
  const { bucket } = archived
  const client = bucket.client()
  const endless = {
    ...client,
    list: async () => ({
      objects: Array.from({ length: 1000 }, (_, i) => ({
        key: `s/${`${i}`.padStart(16, '0')}.json`,
        size: 1,
      })),
      more: true,
    }),
  }
  await t.throwsAsync(listSnapshots(endless), { code: 'integrity' })
  await t.throwsAsync(
    listSnapshots({ ...client, list: async () => ({ objects: [], more: true }) }),
    {
      code: 'integrity',
    },
  )
  const asked: number[] = []
  await archived.append(1)
  await archived.take()
  bucket.objects.set('s/0000000000000001.json', new Uint8Array(MIB))
  const counting: typeof client = {
    ...client,
    list: (...call) => client.list(...call),
    get: async (key, options) => {
      const bytes = await client.get(key, options)
      asked.push(bytes?.byteLength ?? 0)
      return bytes
    },
  }
  t.is((await listSnapshots(counting)).damaged.length, 1)
  t.deepEqual(asked, [4097])
})

check(
  'R011-42, R011-43 cut at every request: what counts is whole, and can be gone on from',
  async (t, archived) => {
    const { bucket, journal } = archived
    for (let i = 0; i < 2; i++) {
      await archived.append(2)
      await archived.take()
    }
    for (const fate of ['lost', 'unanswered'] as const) {
      for (let cutAt = 1; ; cutAt++) {
        await archived.append(2)
        let requests = 0
        bucket.onRequest = ({ client }) =>
          client === 'snapshots' && ++requests === cutAt ? fate : 'whole'
        const taken = await archived.take().catch(() => undefined)
        bucket.onRequest = () => 'whole'
        const { snapshot } = await archived.load()
        const { first } = await journal.extent()
        const [newest, older] = await positions(archived)
        t.is(snapshot.position, newest ?? -1)
        t.true(first <= (older ?? -1) + 1, `${fate} at ${cutAt}`)
        if (requests < cutAt) {
          t.not(taken, undefined)
          break
        }
        // What it left goes.
        await archived.append(1)
        await archived.take()
        t.is(bucket.keys('s/').length, 4, `${fate} at ${cutAt}`)
        t.is(bucket.uploads.size, 0)
      }
    }
    await archived.append(1)
    await archived.take()
    t.is(bucket.keys('s/').length, 4)
    t.is(bucket.uploads.size, 0)
  },
)
