/** Members that end in every way but in order: each has a way to the engine of its own. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { pause } from '../../src/deadline.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import type { Elected } from '../../src/set/interface.ts'
import type { DiskStore } from '../../src/store/disk/disk.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { test } from '../serial.ts'
import { member, open, wayTo } from './members.ts'

const never = new AbortController().signal
const id = (text: string): Uint8Array => new TextEncoder().encode(text)
const row = (text: string) => ({ table: 'meta', id: id(text) }) as const
const write = (store: DiskStore, key: string) =>
  store.commit({ conditions: [], writes: [{ key: row(key), value: id(key) }], entry: undefined })

/** What a backup of a journal has up to a position, in a journal of its own. */
async function backup(journal: Journal, last: number): Promise<Journal> {
  const restored = createMemoryJournal()
  for (let position = 1; position <= last; position++) {
    await restored.append(position - 1, (await journal.at(position)) as Uint8Array)
  }
  return restored
}

/** `whole`; `away`: calls fail; `frozen`: they wait until it is over, then arrive. */
type State = 'whole' | 'away' | 'frozen'

class Way {
  state: State = 'whole'
  /** What it leads to now. */
  to: Journal
  /** How often one was tried. */
  appends = 0
  readonly journal: Journal

  constructor(journal: Journal) {
    this.to = journal
    this.journal = {
      ...wayTo(journal),
      append: async (after, entry) => {
        this.appends++
        await this.#pass()
        return this.to.append(after, entry)
      },
      extent: async () => {
        await this.#pass()
        return this.to.extent()
      },
      at: async (position) => {
        await this.#pass()
        return this.to.at(position)
      },
    }
  }

  async #pass(): Promise<void> {
    while (this.state === 'frozen') await pause(20, never)
    if (this.state === 'away') throw new DstoreError('unreachable', 'the engine is away')
  }
}

async function world(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  t.teardown(async () => {
    await journal.close()
    await rm(directory, { recursive: true, force: true })
  })
  return async (name: string) => {
    await mkdir(join(directory, name))
    const way = new Way(journal)
    const clock = { ahead: 0 }
    const elapsed = (): number => performance.now() + clock.ahead
    const made = member({ directory, journal: way.journal, bucket, name, elapsed })
    return { ...made, way, clock }
  }
}

test('R012-4: three members are killed in turn, and nothing is lost', async (t) => {
  const make = await world(t)
  const members = [await make('a'), await make('b'), await make('c')]
  const standing = new Map(members.map((one) => [one, one.set.stand(never)]))
  const stores: DiskStore[] = []
  const order: string[] = []
  let epoch = 0
  for (let i = 0; i < 3; i++) {
    const [one, elected] = await Promise.race(
      [...standing].map(async ([which, elects]) => [which, await elects] as const),
    )
    standing.delete(one)
    order.push(one.directory)
    t.true(elected.epoch > epoch)
    epoch = elected.epoch
    const store = await open(one.directory, elected)
    stores.push(store)
    for (let j = 0; j < i; j++) t.truthy((await store.rows([row(`k${j}`)]))[0], `k${j}`)
    await write(store, `k${i}`)
    if (i < 2) one.way.state = 'frozen'
  }
  t.is(new Set(order).size, 3)
  // What was killed does nothing more; here it ends, so that the test can.
  for (const { way } of members) way.state = 'whole'
  for (const store of stores) await store.close()
  for (const { set } of members) await set.close()
})

test('R012-14: an engine that is away for 20 s pauses the active member, and nobody takes over', async (t) => {
  const make = await world(t)
  const [a, b] = [await make('a'), await make('b')]
  const elected = await a.set.stand(never)
  const store = await open(a.directory, elected)
  const ends = new AbortController()
  const standing = b.set.stand(ends.signal).catch(() => undefined)
  await pause(600, never)
  let silences = 0
  elected.onSilent = () => silences++
  for (const { way } of [a, b]) way.state = 'away'
  for (let i = 0; i < 10; i++) {
    for (const { clock } of [a, b]) clock.ahead += 2_000
    await pause(60, never)
  }
  t.false(elected.mayServe())
  t.is(elected.refusal?.code, 'unreachable')
  await pause(300, never)
  t.true(silences > 0)
  t.is(a.set.status().own.state, 'paused')
  const serving = elected.serving()
  for (const { way } of [a, b]) way.state = 'whole'
  await serving
  t.is(elected.refusal, undefined)
  await write(store, 'after')
  t.is(a.set.status().pauses, 1)
  t.is(b.set.status().own.state, 'standby')
  ends.abort(new Error('over'))
  await standing
  await store.close()
  for (const { set } of [a, b]) await set.close()
})

test('R012-30, R012-13: a member that wakes after a pause is fenced', async (t) => {
  const make = await world(t)
  const [a, b] = [await make('a'), await make('b')]
  const first = await a.set.stand(never)
  const store = await open(a.directory, first)
  const standing = b.set.stand(never)
  await write(store, 'k')
  a.way.state = 'frozen'
  const late = write(store, 'late')
  const second = await standing
  t.false(first.mayServe(), 'before it hears of the other')
  const other = await open(b.directory, second)
  a.way.state = 'whole'
  t.is((await first.lost).code, 'unwritable')
  await t.throwsAsync(late)
  await t.throwsAsync(first.serving(), { code: 'unwritable' })
  t.deepEqual(
    (await other.rows([row('k'), row('late')])).map((found) => found !== undefined),
    [true, false],
  )
  for (const one of [store, other]) await one.close()
  for (const { set } of [a, b]) await set.close()
})

for (const isInDoubt of [false, true]) {
  const how = isInDoubt ? 'while an append is in doubt' : 'between appends'
  test(`R012-102: an active member ends where its journal was restored from a backup ${how}`, async (t) => {
    const make = await world(t)
    const [a, b] = [await make('a'), await make('b')]
    const elected = await a.set.stand(never)
    const store = await open(a.directory, elected)
    const standing = t.throwsAsync(b.set.stand(never), { code: 'integrity' })
    await write(store, 'before')
    const kept = (await a.way.journal.extent()).last
    for (const key of ['k1', 'k2', 'k3']) await write(store, key)
    while (b.set.status().own.position < kept + 2) await pause(10, never)
    const restored = await backup(a.way.to, kept)
    t.teardown(() => restored.close())
    const underWay: Promise<unknown>[] = []
    if (isInDoubt) {
      a.way.state = 'away'
      const { appends } = a.way
      underWay.push(t.throwsAsync(write(store, 'doubt'), { code: 'unwritable' }))
      while (a.way.appends === appends) await pause(10, never)
    }
    const { last } = await a.way.to.extent()
    for (const { way } of [a, b]) way.to = restored
    a.way.state = 'whole'
    const why = await elected.lost
    t.is(why.code, 'integrity')
    t.is(
      why.message,
      `the engine's journal ends at entry ${kept}: this member alone has ${last - kept} entries more`,
    )
    t.regex(why.hint!, /see docs\/set\.md/)
    t.is(a.set.status().own.state, 'fenced')
    t.like(a.set.status().lastFault?.fault, { code: 'integrity', message: why.message })
    t.false(elected.mayServe())
    await t.throwsAsync(elected.serving(), { code: 'integrity' })
    await t.throwsAsync(write(store, 'after'), { code: 'integrity' })
    await standing
    await Promise.all(underWay)
    t.is((await restored.extent()).last, kept)
    await store.close()
    await t.throwsAsync(a.set.stand(never), { code: 'integrity', message: why.message })
    for (const { set } of [a, b]) await set.close()
  })
}

test('R012-17, R012-34: a store whose member was overtaken while it opened is refused, and stands by', async (t) => {
  const make = await world(t)
  const [a, b] = [await make('a'), await make('b')]
  const first = await a.set.stand(never)
  const begins = first.begins!.bind(first)
  const made: { store?: DiskStore } = {}
  const paused = first as { begins: () => Promise<void> }
  paused.begins = async () => {
    await begins()
    // Until the store reads the end of the journal, it appends nothing that could fail.
    const standing = b.set.stand(never)
    while (b.set.status().own.state !== 'standby') await pause(10, never)
    b.clock.ahead += 4_000
    made.store = await open(b.directory, await standing)
    await write(made.store, 'k')
  }
  await t.throwsAsync(open(a.directory, first), { code: 'conflict', message: /took over while/ })
  const standing = a.set.stand(never)
  await write(made.store!, 'after')
  await made.store!.close()
  const store = await open(a.directory, await standing)
  const rows = await store.rows([row('k'), row('after')])
  t.false(rows.includes(undefined))
  await store.close()
  for (const { set } of [a, b]) await set.close()
})

test('R012-36: a begin of an epoch that gets no answer ends at the signal', async (t) => {
  const make = await world(t)
  const a = await make('a')
  const ends = new AbortController()
  const journal = a.way.journal as { append: Journal['append'] }
  journal.append = () => new Promise(() => undefined)
  const standing = a.set.stand(ends.signal)
  while (a.set.status().own.state !== 'beginning') await pause(10, never)
  const why = new Error('stop')
  ends.abort(why)
  t.is(await t.throwsAsync(standing), why)
  await a.set.close()
})

test('R012-36: an opening of the store that gets no answer ends at the signal', async (t) => {
  const make = await world(t)
  const a = await make('a')
  const ends = new AbortController()
  const elected: Elected = await a.set.stand(ends.signal)
  const journal = a.way.journal as { append: Journal['append'] }
  journal.append = () => new Promise(() => undefined)
  const opening = open(a.directory, elected)
  await pause(300, never)
  ends.abort(new DstoreError('unreachable', 'stop'))
  await t.throwsAsync(opening)
  await a.set.close()
})
