import { createMemoryJournal } from '../journal/memory-journal.ts'
import { Followed } from '../../src/set/followed.ts'
import { Heard } from '../../src/set/notes/heard.ts'
import { Noting, noteIn, readNotes, writeNote } from '../../src/set/notes/notes.ts'
import type { MemberNote } from '../../src/set/notes/member-note.ts'
import { decodeEntry } from '../../src/journal/decode.ts'
import { ALL_SET_RULES } from '../../src/set/rules.ts'
import { pause } from '../../src/deadline.ts'
import { DstoreError } from '../../src/errors.ts'
import { SILENT } from '../../src/log.ts'
import { SET_FORGET_MS, SET_MEMBERS, SET_NOTE_BYTES, SET_NOTE_MS } from '../../src/limits.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { marked, openWriter, readAll } from '../journal/tools.ts'
import { test } from '../serial.ts'

test('R012-7: what is not known to be acknowledged waits', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  for (let i = 1; i <= 3; i++) await writer.append([marked(i)])
  const entries = await readAll(journal)
  const followed = new Followed()
  t.is(followed.read(entries.slice(0, 2)).length, 1)
  t.true(followed.isHolding)
  t.is(followed.heldBytes, entries[1]!.byteLength)
  t.deepEqual(followed.read(entries.slice(2)), entries.slice(1, 3))
  t.is(followed.end.position, 4)
  const hasty = new Followed(undefined, { ...ALL_SET_RULES, appliesAcknowledged: false })
  t.is(hasty.read(entries).length, 4)
})

test('R012-8: an entry that does not follow what was read is refused', async (t) => {
  const [one, other] = [createMemoryJournal(), createMemoryJournal()]
  for (const [journal, mark] of [
    [one, 1],
    [other, 2],
  ] as const) {
    const { writer } = await openWriter(journal, 1)
    await writer.append([marked(mark)])
    await writer.append([marked(9)])
  }
  const followed = new Followed()
  followed.read((await readAll(one)).slice(0, 2))
  const others = await readAll(other)
  t.throws(() => followed.read(others.slice(2)), { code: 'integrity' })
})

test('R012-9: the last entry of the replica is known before another is read', async (t) => {
  const journal = createMemoryJournal()
  const { writer } = await openWriter(journal, 1)
  await writer.say('farewell')
  const last = decodeEntry((await readAll(journal))[1]!)
  const start = { position: 2, digest: new Uint8Array(32) }
  t.is(new Followed(start).end.kind, undefined)
  const { kind, head } = new Followed(start, ALL_SET_RULES, last).end
  t.is(kind, 'farewell')
  t.is(head?.epoch, 1)
})

const note = (id: string, more: Partial<MemberNote> = {}): MemberNote => ({
  id,
  name: 'one',
  version: '1.0',
  state: 'standby',
  position: 3,
  addresses: ['/ip4/127.0.0.1/tcp/4001'],
  at: 1000,
  ...more,
})

test('R012-20: notes of members come back, the latest first', async (t) => {
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  const [a, b] = [note('a'.repeat(16)), note('b'.repeat(16), { at: 2000, lag: 0, epoch: 4 })]
  for (const one of [a, b]) await writeNote(objects, one)
  t.deepEqual((await readNotes(objects, 2000)).notes, [b, a])
  const later = await readNotes(objects, 1000 + SET_FORGET_MS)
  t.deepEqual(later, { notes: [b], hidden: [a] }, 'a long silent one is forgotten')
})

test('R012-20: who asks hears what others say now, and what was read a moment ago is new enough', async (t) => {
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  let reads = 0
  const list = (prefix: string): ReturnType<typeof objects.list> => (reads++, objects.list(prefix))
  const [own, other] = [note('a'.repeat(16)), note('b'.repeat(16))]
  const closing = new AbortController()
  let now = 0
  const noting = new Noting(
    {
      objects: {
        list,
        put: objects.put.bind(objects),
        get: objects.get.bind(objects),
        remove: objects.remove.bind(objects),
        place: objects.place,
      },
      id: own.id,
      own: () => own,
      wall: () => 1000,
      elapsed: () => now,
      sleep: (ms, signal) => pause(ms, signal ?? closing.signal),
      log: SILENT,
      vanished: async () => undefined,
      onCopied: (why) => t.fail(why.message),
      random: (length) => new Uint8Array(length),
    },
    closing.signal,
  )
  await noting.freshen()
  t.deepEqual(noting.others, [])
  await writeNote(objects, other)
  const before = reads
  await noting.freshen()
  t.deepEqual([noting.others, reads], [[], before])
  now = 1001
  await noting.freshen()
  t.deepEqual(noting.others, [other])
  closing.abort()
  await noting.ended
})

test('R012-20: notes of members that are gone make room for those that there are', async (t) => {
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  const wall = 10 * SET_FORGET_MS
  const idOf = (i: number): string => i.toString(16).padStart(16, '0')
  // A machine without a lasting disk is a new member at each start.
  for (let i = 1; i <= 100; i++)
    await writeNote(objects, note(idOf(i), { at: wall - 3_600_000 - i }))
  const own = note(idOf(0), { at: wall })
  await writeNote(objects, { ...own, at: 1 })
  const other = note('f'.repeat(16), { at: wall })
  await writeNote(objects, other)
  const closing = new AbortController()
  let [now, isAccepted] = [0, false]
  const noting = new Noting(
    {
      objects,
      id: own.id,
      own: () => (isAccepted ? own : undefined),
      wall: () => wall,
      elapsed: () => now,
      sleep: (ms, signal) => pause(ms, signal ?? closing.signal),
      log: SILENT,
      vanished: async () => undefined,
      onCopied: (why) => t.fail(why.message),
      random: (length) => new Uint8Array(length),
    },
    closing.signal,
  )
  await noting.freshen()
  now += 12 * SET_NOTE_MS
  await noting.freshen()
  t.is(bucket.keys('m/').length, 102, 'it may be refused, and deletes nothing before')
  isAccepted = true
  now += 12 * SET_NOTE_MS
  await noting.freshen()
  t.true(bucket.objects.has(`m/${own.id}`), 'its own was as old as the others')
  for (let i = 0; i < 6; i++) {
    now += 12 * SET_NOTE_MS
    await noting.freshen()
  }
  t.deepEqual(noting.others[0], other)
  t.is(noting.others.length, SET_MEMBERS - 1)
  t.is(bucket.keys('m/').length, SET_MEMBERS, 'its own, and all that are shown')
  t.true(bucket.objects.has(`m/${own.id}`))
  closing.abort()
  await noting.ended
})

test('R012-20, R012-105: how long a member said nothing new is told by no clock of another machine', (t) => {
  const heard = new Heard()
  const wall = 1_000_000
  const dead = note('d'.repeat(16), { at: wall - 60_000 })
  const ahead = note('a'.repeat(16), { at: wall + 3_600_000 })
  const ago = (...notes: MemberNote[]): number[] => notes.map((one) => heard.agoMs(one, now))
  let now = 500
  heard.read([dead, ahead], now, wall)
  t.deepEqual(ago(dead, ahead), [60_000, 0], 'what was there at the start')
  now += 20_000
  // A step of this machine's own clock changes nothing.
  heard.read([dead, ahead], now, wall - 7_200_000)
  t.deepEqual(ago(dead, ahead), [80_000, 20_000])
  t.is(heard.unchangedMs(dead, now), 20_000)
  const replaced = { ...ahead, at: ahead.at - 7_200_000 }
  heard.read([dead, replaced], now, wall)
  now += 1
  t.deepEqual(ago(replaced), [1])
  const later = note('b'.repeat(16), { at: 0 })
  heard.read([dead, replaced, later], now, wall)
  t.deepEqual(ago(later), [0], 'one that came since')
  heard.read([], now, wall)
  t.is(heard.unchangedMs(dead, now), undefined)
  heard.read([dead], now, wall)
  t.is(heard.unchangedMs(dead, now + 1), 1, 'it came back')
})

test('R012-20: who asks does not wait for a bucket that is away', async (t) => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const closing = new AbortController()
  let waited = 0
  const noting = new Noting(
    {
      objects: { place: '', put: never, list: never, get: never, remove: never },
      id: 'a'.repeat(16),
      own: () => note('a'.repeat(16)),
      wall: () => 1000,
      elapsed: () => 0,
      sleep: async (ms) => void (waited = ms),
      log: SILENT,
      vanished: async () => undefined,
      onCopied: (why) => t.fail(why.message),
      random: (length) => new Uint8Array(length),
    },
    closing.signal,
  )
  await noting.freshen()
  t.true(waited > 0 && waited < 5000)
  closing.abort()
})

test('R012-50: why the bucket does not answer is known until it does', async (t) => {
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  const closing = new AbortController()
  let [isAway, now] = [true, 7]
  const put: typeof objects.put = async (...given) => {
    if (isAway) throw new DstoreError('unreachable', 'away')
    return objects.put(...given)
  }
  const noting = new Noting(
    {
      objects: {
        place: '',
        put,
        list: objects.list.bind(objects),
        get: objects.get.bind(objects),
        remove: objects.remove.bind(objects),
      },
      id: 'a'.repeat(16),
      own: () => note('a'.repeat(16)),
      wall: () => 1000,
      elapsed: () => now,
      sleep: (ms, signal) => pause(ms, signal ?? closing.signal),
      log: SILENT,
      vanished: async () => undefined,
      onCopied: (why) => t.fail(why.message),
      random: (length) => new Uint8Array(length),
    },
    closing.signal,
  )
  await noting.freshen()
  t.like(noting.fault, { fault: { message: 'away' }, since: 7 })
  now = 9
  await noting.freshen()
  t.is(noting.fault?.since, 7)
  isAway = false
  await noting.freshen()
  t.is(noting.fault, undefined)
  closing.abort()
  await noting.ended
})

test('R012-21: what no member wrote is no note', async (t) => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
  const { id, ...said } = note('c'.repeat(16))
  const whole = { format: 1, ...said }
  t.deepEqual(noteIn(id, bytes(whole)), { id, ...said })
  const hostile: readonly unknown[] = [
    null,
    [],
    { ...whole, format: 2 },
    { ...whole, name: '\u001b[2J' },
    { ...whole, name: 'a'.repeat(65) },
    { ...whole, version: 1 },
    { ...whole, state: 'king' },
    { ...whole, position: -1 },
    { ...whole, position: 2 ** 53 },
    { ...whole, at: '1' },
    { ...whole, lag: -1 },
    { ...whole, epoch: '4' },
    { ...whole, addresses: 'no' },
    { ...whole, addresses: Array.from({ length: 9 }, () => '/ip4/127.0.0.1/tcp/1') },
    { ...whole, addresses: ['http://one'] },
    { ...whole, addresses: [`/${'a'.repeat(300)}`] },
  ]
  for (const one of hostile) t.is(noteIn(id, bytes(one)), undefined, JSON.stringify(one))
  t.is(noteIn(id, new Uint8Array([0xff])), undefined)
  t.is(noteIn(id, bytes({ ...whole, more: 'a'.repeat(SET_NOTE_BYTES) })), undefined)
  const bucket = new MemoryBucket()
  bucket.objects.set('m/not-an-id', bytes(whole))
  bucket.objects.set(`m/${'d'.repeat(16)}`, new Uint8Array(SET_NOTE_BYTES + 1))
  for (let i = 0; i < SET_MEMBERS + 4; i++) {
    bucket.objects.set(`m/${i.toString(16).padStart(16, '0')}`, bytes({ ...whole, at: i }))
  }
  const { notes, hidden } = await readNotes(bucket.client(), 1000)
  t.is(notes.length, SET_MEMBERS)
  t.is(notes[0]!.at, SET_MEMBERS + 3)
  t.is(hidden.length, 4)
})
