import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Sleep } from '../../src/archive/interface.ts'
import { pause } from '../../src/deadline.ts'
import { DstoreError } from '../../src/errors.ts'
import { SET_NOTE_MS } from '../../src/limits.ts'
import { AppendError, type Journal } from '../../src/journal/journal.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import type { DiskStore } from '../../src/store/disk/disk.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import type { MemberNote } from '../../src/set/interface.ts'
import { saysActive } from '../../src/set/notes/member-note.ts'
import { eventually } from '../eventually.ts'
import { openWriter, readAll } from '../journal/tools.ts'
import { test } from '../serial.ts'
import { member, open, wayTo } from './members.ts'

const never = new AbortController().signal
const id = (text: string): Uint8Array => new TextEncoder().encode(text)
const row = (text: string) => ({ table: 'meta', id: id(text) }) as const

test('a second member follows, and takes over with all that was acknowledged', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'b']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const a = member({ directory, journal, bucket, name: 'a' })
  const b = member({ directory, journal, bucket, name: 'b' })
  const first = await a.set.stand(never)
  const store = await open(a.directory, first)
  t.true(first.mayServe())
  const standing = b.set.stand(never)
  for (let i = 0; i < 50; i++) {
    await store.commit({
      conditions: [],
      writes: [{ key: row(`k${i}`), value: id(`${i}`) }],
      entry: undefined,
    })
  }
  t.is(a.set.status().own.state, 'active')
  await store.close()
  const second = await standing
  const other = await open(b.directory, second)
  t.true(second.epoch > first.epoch)
  const rows = await other.rows([row('k0'), row('k49')])
  t.deepEqual(
    rows.map((one) => one && Buffer.from(one.value).toString()),
    ['0', '49'],
  )
  await other.close()
  await a.set.close()
  await b.set.close()
  await journal.close()
})

const twoMembers = async (t: ExecutionContext) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'b']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const of = (name: string, way: Journal = journal, sleep?: Sleep) =>
    member({ directory, journal: way, bucket, name, ...(sleep && { sleep }) })
  t.teardown(() => journal.close())
  return { journal, bucket, of }
}

const write = (store: DiskStore, key: string) =>
  store.commit({
    conditions: [],
    writes: [{ key: row(key), value: id(key) }],
    entry: undefined,
  })

test('R012-12: a member that closes its store answers nothing more', async (t) => {
  const { of } = await twoMembers(t)
  const a = of('a')
  const elected = await a.set.stand(never)
  const store = await open(a.directory, elected)
  t.true(elected.mayServe())
  const closing = store.close()
  t.false(elected.mayServe(), 'before the farewell')
  await closing
  t.false(elected.mayServe())
  const late = await t.throwsAsync(elected.serving(), { code: 'unreachable' })
  t.is(late.message, 'the store is closed', 'who asks later does not wait without end')
  await a.set.close()
})

test('R012-2: an empty journal beside a bucket with a history is refused', async (t) => {
  const { bucket, of } = await twoMembers(t)
  bucket.objects.set(`j/${'1'.padStart(16, '0')}`, new Uint8Array([1]))
  const a = of('a')
  const error = await t.throwsAsync(a.set.stand(never), { code: 'integrity' })
  t.regex(error.message, /journal is empty/)
  await a.set.close()
})

test('R012-3: a journal that lacks what a member has is refused, with the count', async (t) => {
  const { of } = await twoMembers(t)
  const a = of('a')
  const store = await open(a.directory, await a.set.stand(never))
  await write(store, 'k')
  await store.close()
  await a.set.close()
  const other = createMemoryJournal()
  const again = of('a', other)
  const error = await t.throwsAsync(again.set.stand(never), { code: 'integrity' })
  t.regex(error.message, /ends at entry 0: this member alone has \d+ entries more/)
  await again.set.close()
})

test('R012-1: of two that begin at once, one stands by', async (t) => {
  const { of, journal } = await twoMembers(t)
  const [a, b] = [of('a'), of('b')]
  const ends = new AbortController()
  const standing = [a, b].map((one) => one.set.stand(ends.signal))
  const states = new Set<string>()
  const first = await Promise.race(standing)
  for (const one of [a, b]) states.add(one.set.status().own.state)
  t.is(first.epoch, 2)
  await new Promise((resolve) => setTimeout(resolve, 700))
  const begins = (await readAll(journal)).filter((entry) => entry[1] === 3)
  t.is(begins.length, 1)
  ends.abort(new Error('over'))
  const outcomes = await Promise.allSettled(standing)
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const one of [a, b]) await one.set.close()
})

test('R012-13: a member that was overtaken is fenced, and its store takes nothing', async (t) => {
  const { of, journal } = await twoMembers(t)
  const a = of('a')
  const elected = await a.set.stand(never)
  const store = await open(a.directory, elected)
  const other = await openWriter(journal, 7)
  const fault = await elected.lost
  t.is(fault.code, 'unwritable')
  t.false(elected.mayServe())
  await t.throwsAsync(elected.serving(), { code: 'unwritable' })
  t.is(elected.refusal, fault)
  t.is(a.set.status().own.state, 'fenced')
  await t.throwsAsync(write(store, 'k'))
  await store.close()
  await other.writer.close()
  await a.set.close()
})

test('R012-14: answers wait while the engine is away, and go on', async (t) => {
  const { of, journal } = await twoMembers(t)
  let isAway = false
  const way: Journal = {
    ...wayTo(journal),
    append: async (after, entry) => {
      if (isAway) throw new DstoreError('unreachable', 'away')
      return journal.append(after, entry)
    },
    at: async (position) => {
      if (isAway) throw new DstoreError('unreachable', 'away')
      return journal.at(position)
    },
  }
  const a = of('a', way)
  const elected = await a.set.stand(never)
  const store = await open(a.directory, elected)
  isAway = true
  await new Promise((resolve) => setTimeout(resolve, 2600))
  t.false(elected.mayServe())
  t.is(a.set.status().own.state, 'paused')
  let isServing = false
  const waiting = elected.serving().then(() => (isServing = true))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.false(isServing)
  isAway = false
  await waiting
  t.true(elected.mayServe())
  await write(store, 'k')
  await store.close()
  await a.set.close()
})

/** Notes in the bucket. */
const notesIn = (bucket: MemoryBucket): string[] =>
  [...bucket.objects.keys()].filter((key) => key.startsWith('m/'))

test('R012-20 a member that is refused leaves no note', async (t) => {
  const { bucket, of } = await twoMembers(t)
  bucket.objects.set(`j/${'1'.padStart(16, '0')}`, new Uint8Array([1]))
  const a = of('a')
  await t.throwsAsync(a.set.stand(never), { code: 'integrity' })
  // It reads those of others meanwhile, and says nothing.
  await new Promise((resolve) => setTimeout(resolve, 300))
  await a.set.close()
  t.deepEqual(notesIn(bucket), [])
  bucket.objects.clear()
  const b = of('b')
  await b.set.stand(never)
  t.true(await eventually(async () => notesIn(bucket).length === 1))
  await b.set.close()
})

test('R012-51 others know from the journal that a member was overtaken, whatever its note says', async (t) => {
  const { journal, of } = await twoMembers(t)
  let isAway = false
  const check = (): void => {
    if (isAway) throw new DstoreError('unreachable', 'away')
  }
  const way: Journal = {
    ...wayTo(journal),
    append: async (after, entry) => (check(), journal.append(after, entry)),
    at: async (position) => (check(), journal.at(position)),
  }
  const a = of('a', way)
  const first = await a.set.stand(never)
  const store = await open(a.directory, first)
  const b = of('b')
  const standing = b.set.stand(never)
  const ofA = (): MemberNote | undefined => b.set.status().others.find(({ name }) => name === 'a')
  t.true(await eventually(async () => ofA()?.state === 'active'))
  t.is(ofA()?.epoch, first.epoch)
  t.is(b.set.status().epoch, first.epoch)
  t.true(ofA()!.since! <= Date.now())
  t.true(saysActive(ofA()!, b.set.status().epoch))
  isAway = true
  const second = await standing
  const { epoch, epochAt } = b.set.status()
  t.is(epoch, second.epoch)
  t.true(Date.now() - epochAt! < 10_000)
  t.false(saysActive(ofA()!, epoch), ofA()!.state)
  isAway = false
  t.is((await first.lost).code, 'unwritable')
  await store.close()
  await a.set.close()
  await b.set.close()
})

test('R012-34: a standby for whose take-over the engine has no room goes on standing by', async (t) => {
  const { journal, of } = await twoMembers(t)
  let tries = 0
  const way: Journal = {
    ...wayTo(journal),
    append: async (after, entry) => {
      if (++tries > 2) return journal.append(after, entry)
      throw new AppendError('not-appended', new DstoreError('no-space', 'the stream is full'))
    },
  }
  const a = of('a', way)
  const standing = a.set.stand(never)
  t.true(await eventually(async () => a.set.status().lastFault !== undefined))
  t.is(a.set.status().lastFault?.fault.message, 'the stream is full')
  t.is((await standing).epoch, 2)
  t.is(tries, 3)
  await a.set.close()
})

test('R012-3: a journal that lacks what another member has said to have is refused', async (t) => {
  const { of } = await twoMembers(t)
  const a = of('a')
  const store = await open(a.directory, await a.set.stand(never))
  for (const key of ['k', 'l', 'm']) await write(store, key)
  await a.set.freshen()
  await new Promise((resolve) => setTimeout(resolve, 1100))
  await a.set.freshen()
  await store.close()
  await a.set.close()
  // As after a backup: of the same set, and shorter. The new member has nothing that is missing.
  const restored = createMemoryJournal()
  const { writer } = await openWriter(restored, 7)
  await writer.close()
  const b = of('b', restored)
  const error = await t.throwsAsync(b.set.stand(never), { code: 'integrity' })
  t.regex(error.message, /ends at entry 1: the member a has said that it has entry \d+$/)
  await b.set.close()
})

test('R012-48: a set whose objects are gone is not made anew by a member that stands by', async (t) => {
  const { bucket, of } = await twoMembers(t)
  const a = of('a')
  const store = await open(a.directory, await a.set.stand(never))
  await write(store, 'k')
  await store.close()
  for (const key of bucket.keys()) bucket.objects.delete(key)
  const error = await t.throwsAsync(a.set.stand(never), { code: 'conflict' })
  t.regex(error.message, /the journal has entries, and .* has no set/)
  t.false(bucket.objects.has('set.json'))
  await a.set.close()
})

test('R012-103: an active member and a standby whose bucket was emptied say so until it is there again', async (t) => {
  const { of, bucket } = await twoMembers(t)
  // Notes that follow each other fast.
  const sleep: Sleep = (ms, signal = never) => pause(ms === SET_NOTE_MS ? 100 : ms, signal)
  const [a, b] = [of('a', undefined, sleep), of('b', undefined, sleep)]
  const store = await open(a.directory, await a.set.stand(never))
  const standing = b.set.stand(never)
  const faultOf = (set: typeof a.set) => set.status().bucketFault?.fault
  const hasNotes = async (): Promise<boolean> => bucket.keys('m/').length === 2
  t.true(await eventually(hasNotes))
  t.deepEqual([faultOf(a.set), faultOf(b.set)], [undefined, undefined])
  // A note that vanished alone is one that another member took for that of a member that is gone.
  const kept = new Map(bucket.objects)
  for (const key of bucket.keys('m/')) bucket.objects.delete(key)
  t.true(await eventually(hasNotes))
  t.deepEqual([faultOf(a.set), faultOf(b.set)], [undefined, undefined])
  bucket.objects.clear()
  for (const { set } of [a, b]) {
    t.true(await eventually(async () => faultOf(set) !== undefined))
    t.is(faultOf(set)?.code, 'conflict')
    t.regex(faultOf(set)!.message, /^the journal has entries, and .* has no set$/)
  }
  t.is(a.set.status().own.state, 'active')
  // Notes are there again: that does not end it.
  t.true(await eventually(hasNotes))
  for (const key of bucket.keys('m/')) {
    const before = bucket.objects.get(key)
    t.true(await eventually(() => bucket.objects.get(key) !== before))
  }
  t.is(faultOf(a.set)?.code, 'conflict')
  t.is(faultOf(b.set)?.code, 'conflict')
  for (const [key, bytes] of kept) bucket.objects.set(key, bytes)
  for (const { set } of [a, b]) {
    t.true(await eventually(async () => faultOf(set) === undefined))
  }
  await store.close()
  await open(b.directory, await standing).then((other) => other.close())
  for (const { set } of [a, b]) await set.close()
})
