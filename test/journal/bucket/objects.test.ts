import { equal } from '../../../src/bytes.ts'
import { JournalObjects } from '../../../src/journal/bucket/journal-objects.ts'
import {
  LARGEST_OBJECT_BYTES,
  NO_OBJECT,
  OBJECT_HEAD_BYTES,
  encodeObject,
  keyOf,
} from '../../../src/journal/bucket/object.ts'
import {
  type BucketJournal,
  openBucketJournal,
} from '../../../src/journal/bucket/bucket-journal.ts'
import { JOURNAL_ENTRY_BYTES, JOURNAL_OBJECT_ENTRIES, MIB } from '../../../src/limits.ts'
import type { Followed } from '../../../src/journal/journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { follow, readAll, text } from '../tools.ts'

const open = (bucket: MemoryBucket, name = 'client'): BucketJournal =>
  openBucketJournal({ objects: bucket.client(name), pollMs: 2 })

const texts = (entries: readonly Uint8Array[]): string[] =>
  entries.map((entry) => Buffer.from(entry).toString())

test('R009-61 several entries are one object, all of them or none', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  t.is(await journal.appendAll(0, ['1', '2', '3'].map(text)), 'ok')
  t.is(await journal.appendAll(3, ['4'].map(text)), 'ok')
  t.deepEqual(bucket.keys(), [keyOf(1), keyOf(4)])
  t.is(await journal.appendAll(2, ['x', 'y'].map(text)), 'taken')
  t.deepEqual(await journal.extent(), { first: 1, last: 4 })
  for (const client of [journal, open(bucket)]) {
    for (const position of [1, 2, 3, 4]) {
      t.deepEqual(await client.at(position), text(`${position}`))
    }
    t.is(await client.at(5), undefined)
    t.deepEqual(texts(await readAll(client)), ['1', '2', '3', '4'])
    t.deepEqual(texts(await readAll(client, 2)), ['3', '4'])
  }
  // Whole objects: another client still reads what is before the position.
  await journal.trim(2)
  t.is(await journal.at(2), 'gone')
  t.deepEqual(await journal.extent(), { first: 3, last: 4 })
  t.deepEqual(bucket.keys(), [keyOf(1), keyOf(4)])
  await journal.trim(3)
  t.deepEqual(bucket.keys(), [keyOf(4)])
  t.deepEqual(await open(bucket).extent(), { first: 4, last: 4 })
})

test('R009-61 what makes no object is a mistake', async (t) => {
  const journal = open(new MemoryBucket())
  const wrong = { instanceOf: RangeError }
  await t.throwsAsync(journal.appendAll(0, []), wrong)
  const many = Array.from({ length: JOURNAL_OBJECT_ENTRIES + 1 }, () => text('x'))
  await t.throwsAsync(journal.appendAll(0, many), wrong)
  const half = new Uint8Array(JOURNAL_ENTRY_BYTES / 2)
  await t.throwsAsync(journal.appendAll(0, [half, half]), wrong)
  t.is(await journal.appendAll(0, many.slice(1)), 'ok')
  t.is((await journal.extent()).last, JOURNAL_OBJECT_ENTRIES)
  t.deepEqual(await journal.at(JOURNAL_OBJECT_ENTRIES), text('x'))
})

test('R009-60 a journal begins after the position that its first writer states', async (t) => {
  const bucket = new MemoryBucket()
  const start = { position: 7 }
  const first = openBucketJournal({ objects: bucket.client(), start })
  t.deepEqual(await first.extent(), { first: 8, last: 7 })
  t.is(await first.at(7), 'gone')
  t.is(await first.at(8), undefined)
  t.is(await first.append(6, text('x')), 'taken')
  await t.throwsAsync(first.append(8, text('x')), { code: 'integrity' })
  t.is(bucket.keys().length, 0)
  t.is(await first.append(7, text('8')), 'ok')
  // From now on it is as it is, whatever one states.
  const other = openBucketJournal({ objects: bucket.client(), start: { position: 90 } })
  t.deepEqual(await other.extent(), { first: 8, last: 8 })
  t.is(await other.append(7, text('x')), 'taken')
  await t.throwsAsync(other.append(90, text('x')), { code: 'integrity' })
  t.deepEqual(await follow(other, 6), ['gone'])
  t.throws(() => openBucketJournal({ objects: bucket.client(), start: { position: -1 } }), {
    instanceOf: RangeError,
  })
})

test('R009-62, R009-63 a stale writer, woken after two trims, is fenced and leaves nothing', async (t) => {
  const bucket = new MemoryBucket()
  const stale = open(bucket, 'stale')
  for (let i = 0; i < 3; i++) await stale.append(i, text(`${i + 1}`))
  const other = open(bucket, 'other')
  for (let i = 3; i < 20; i++) await other.append(i, text(`${i + 1}`))
  await other.trim(8)
  await other.trim(15)
  const before = bucket.keys()
  t.is(await stale.append(3, text('another fourth')), 'taken')
  t.deepEqual(bucket.keys(), before)
  t.is(await stale.at(4), 'gone')
  // Also where it can't delete what it has put: readers tell it from the journal.
  bucket.onRequest = ({ verb }) => (verb === 'remove' ? 'lost' : 'whole')
  const again = open(bucket, 'again')
  await again.extent()
  bucket.objects.set(keyOf(4), encodeObject(4, NO_OBJECT, [text('another fourth')]).bytes)
  t.is(await again.at(4), 'gone')
  t.deepEqual(await open(bucket).extent(), { first: 16, last: 20 })
  t.deepEqual(await follow(again, 3), ['gone'])
  bucket.onRequest = () => 'whole'
  await other.trim(16)
  t.false(bucket.objects.has(keyOf(4)))
})

test('R009-62 the object before must be the one that the writer knows', async (t) => {
  const bucket = new MemoryBucket()
  const stale = open(bucket, 'stale')
  for (let i = 0; i < 3; i++) await stale.append(i, text(`${i + 1}`))
  const other = open(bucket, 'other')
  for (let i = 3; i < 20; i++) await other.append(i, text(`${i + 1}`))
  await other.trim(15)
  // Another stale writer has put this, and not looked yet.
  bucket.objects.set(keyOf(3), encodeObject(3, NO_OBJECT, [text('another third')]).bytes)
  t.is(await stale.append(3, text('another fourth')), 'taken')
  t.false(bucket.objects.has(keyOf(4)))
})

test('R009-63 an object on which others built stays, although the one before is trimmed', async (t) => {
  const bucket = new MemoryBucket()
  const slow = open(bucket, 'slow')
  await slow.append(0, text('1'))
  let isFrozen = true
  let wake = (): void => undefined
  const frozen = new Promise<void>((resolve) => (wake = resolve))
  bucket.onAnswer = async ({ client, verb }) => {
    if (isFrozen && client === 'slow' && verb === 'put') await frozen
  }
  const appending = slow.append(1, text('2'))
  const other = open(bucket, 'other')
  while ((await other.extent()).last < 2) await new Promise(setImmediate)
  await other.append(2, text('3'))
  await other.trim(1)
  isFrozen = false
  wake()
  t.is(await appending, 'ok')
  t.deepEqual(texts(await readAll(other, 1)), ['2', '3'])
})

test('R009-64 a lost answer leaves doubt, and the same append again tells', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  await journal.append(0, text('1'))
  for (const fate of ['unanswered', 'lost', 'late'] as const) {
    const { last } = await journal.extent()
    const entries = ['a', 'b'].map((name) => text(`${fate} ${name}`))
    bucket.onRequest = ({ verb }) => (verb === 'put' ? fate : 'whole')
    const error = await t.throwsAsync(journal.appendAll(last, entries), { code: 'unreachable' })
    t.false(error !== undefined && 'outcome' in error)
    bucket.onRequest = () => 'whole'
    bucket.arrive()
    t.deepEqual(await journal.at(last + 1), fate === 'lost' ? undefined : entries[0])
    t.is(await open(bucket).appendAll(last, [text('another')]), fate === 'lost' ? 'ok' : 'taken')
    if (fate === 'lost') continue
    t.is(await journal.appendAll(last, entries), 'ok')
    // Only the first ones of these are there: in doubt until they are read.
    await t.throwsAsync(open(bucket).appendAll(last, [...entries, text('c')]), {
      code: 'unreachable',
    })
    t.deepEqual((await journal.extent()).last, last + 2)
  }
})

test('R009-65 objects that are torn, or another one, are damage', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  await journal.appendAll(0, ['1', '2'].map(text))
  await journal.appendAll(2, ['3', '4'].map(text))
  const whole = bucket.objects.get(keyOf(3))!
  for (let length = 0; length < whole.length; length++) {
    bucket.objects.set(keyOf(3), whole.slice(0, length))
    await t.throwsAsync(journal.at(3), { code: 'integrity' }, `${length} bytes`)
  }
  for (let i = 0; i < whole.length; i++) {
    const flipped = whole.slice()
    flipped[i]! ^= 1
    bucket.objects.set(keyOf(3), flipped)
    const error = await t.throwsAsync(open(bucket).at(3), undefined, `byte ${i}`)
    t.true(['integrity', 'incompatible'].includes((error as unknown as { code: string }).code))
    await t.throwsAsync(readAll(open(bucket), 2))
    await t.throwsAsync(open(bucket).append(4, text('5')))
  }
  bucket.objects.set(keyOf(3), Uint8Array.of(...whole, 0))
  await t.throwsAsync(journal.at(3), { code: 'integrity' })
  bucket.objects.set(keyOf(3), bucket.objects.get(keyOf(1))!)
  await t.throwsAsync(journal.at(3), { code: 'integrity' })
})

test('R009-65 no more is read of an object than the largest has', async (t) => {
  const bucket = new MemoryBucket()
  const client = bucket.client()
  const asked: (number | undefined)[] = []
  const objects = new JournalObjects({
    ...client,
    get: async (key, options) => {
      asked.push(options?.range?.end)
      return client.get(key, options)
    },
  })
  bucket.objects.set(keyOf(1), new Uint8Array(LARGEST_OBJECT_BYTES + MIB))
  await t.throwsAsync(objects.read(1), { code: 'integrity', message: /too large/ })
  await t.throwsAsync(objects.head(1), { code: 'integrity' })
  t.deepEqual(asked, [LARGEST_OBJECT_BYTES + 1, OBJECT_HEAD_BYTES])
})

test('R009-65 lists that go back or never end are refused; other keys are not touched', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  const foreign = ['j/0', 'j/note', `${keyOf(1)}.old`, `j/${'f'.repeat(16)}`, `j/${'0'.repeat(16)}`]
  for (const key of foreign) bucket.objects.set(key, text('mine'))
  await journal.appendAll(0, ['1', '2'].map(text))
  await journal.append(2, text('3'))
  await journal.trim(3)
  t.deepEqual(bucket.keys().toSorted(), [...foreign, keyOf(3)].toSorted())
  t.deepEqual(texts(await readAll(open(bucket), 2)), ['3'])
  const client = bucket.client()
  const pages = [
    {
      objects: [
        { key: keyOf(2), size: 1 },
        { key: keyOf(1), size: 1 },
      ],
      more: false,
    },
    { objects: [], more: true },
  ]
  for (const page of pages) {
    const objects = { ...client, list: async () => page }
    await t.throwsAsync(openBucketJournal({ objects }).extent(), { code: 'integrity' })
  }
})

test('R009-66 a journal that has lost its end is refused', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  await journal.append(0, text('1'))
  bucket.objects.clear()
  await t.throwsAsync(journal.extent(), { code: 'integrity' })
})

test('R009-67 a follower reads several objects ahead, and sees what was appended and trimmed between', async (t) => {
  const bucket = new MemoryBucket()
  const journal = open(bucket)
  for (let i = 0; i < 30; i++) await journal.append(i, text(`${i + 1}`))
  let [underWay, most] = [0, 0]
  bucket.onRequest = ({ verb }) => {
    if (verb === 'get') most = Math.max(most, ++underWay)
    return 'whole'
  }
  bucket.onAnswer = async ({ verb }) => {
    await new Promise(setImmediate)
    if (verb === 'get') underWay--
  }
  const reader = open(bucket, 'reader')
  t.is((await readAll(reader)).length, 30)
  t.is(most, 8)
  // At the end it waits; what it waits for comes and goes before it looks.
  const stop = new AbortController()
  const next = reader.follow(30, stop.signal)[Symbol.asyncIterator]().next()
  bucket.onRequest = ({ client }) => (client === 'reader' ? 'lost' : 'whole')
  await t.throwsAsync(Promise.resolve(next), { code: 'unreachable' })
  bucket.onRequest = () => 'whole'
  const waiting = reader.follow(30, stop.signal)[Symbol.asyncIterator]().next()
  const other = open(bucket, 'other')
  for (let i = 30; i < 40; i++) await other.append(i, text(`${i + 1}`))
  await other.trim(40)
  const found = (await waiting).value as Followed
  t.true(found === 'gone' || equal(found[0]!, text('31')))
})

test('the end of a long list is found in a few pages', async (t) => {
  const bucket = new MemoryBucket()
  const client = bucket.client()
  const objects = new JournalObjects(client)
  for (const [count, step] of [
    [1000, 1],
    [1001, 1],
    [5000, 1],
    [5000, 700],
    [2500, 16_384],
  ] as const) {
    bucket.objects.clear()
    for (let i = 0; i < count; i++) bucket.objects.set(keyOf(1 + i * step), text('x'))
    const before = client.requests.writes
    const last = await objects.last(1)
    t.is(last?.first, 1 + (count - 1) * step)
    t.true(client.requests.writes - before <= 20)
    let listed = 0
    for await (const _ of objects.listed(1)) listed++
    t.is(listed, count)
  }
})
