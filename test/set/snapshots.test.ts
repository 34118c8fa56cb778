import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { listSnapshots } from '../../src/archive/snapshots/listed.ts'
import { pause } from '../../src/deadline.ts'
import { asDstoreError } from '../../src/errors.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { SET_SNAPSHOTS } from '../../src/limits.ts'
import { SILENT } from '../../src/log.ts'
import { diskReplica } from '../../src/set/disk-replica.ts'
import type { MemberNote } from '../../src/set/interface.ts'
import type { ReplicaPlace } from '../../src/set/replica-place.ts'
import { SetSnapshots } from '../../src/set/snapshots.ts'
import type { Follower } from '../../src/store/disk/follower/follower.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { openWriter } from '../journal/tools.ts'
import { test } from '../serial.ts'

const HOUR = 3_600_000
const note = (
  id: string,
  state: MemberNote['state'],
  verified?: readonly number[],
): MemberNote => ({
  id,
  name: 'x',
  version: '1',
  state,
  position: 1,
  addresses: [],
  at: 0,
  ...(verified && { verified }),
})
const idOf = (name: string): string => name.repeat(16)

interface Made {
  readonly snapshots: SetSnapshots
  readonly follower: Follower
  readonly clock: { now: number }
  readonly faults: string[]
  readonly parted: { count: number }
  readonly said: { others: readonly MemberNote[]; hasStandby: boolean }
  readonly replica: ReplicaPlace
  readonly run: (role: 'active' | 'standby') => void
}

/** A journal with a writer, and members that have its entries; the test says when they go on. */
async function world(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const objects = bucket.client()
  const { writer } = await openWriter(journal, 1)
  const ends = new AbortController()
  const over: (() => Promise<unknown>)[] = []
  t.teardown(async () => {
    ends.abort()
    for (const one of over.toReversed()) await one()
    await writer.close()
    await journal.close()
    await rm(directory, { recursive: true, force: true })
  })
  const members: Pick<Made, 'follower' | 'snapshots' | 'clock'>[] = []
  const member = async (
    name: string,
    source: (own: Follower) => Partial<Follower> = () => ({}),
  ): Promise<Made> => {
    await mkdir(join(directory, name))
    const replica = diskReplica({ directory: join(directory, name), objects, log: SILENT })
    const follower = await replica.open()
    over.push(() => follower.close())
    const clock = { now: 0 }
    const faults: string[] = []
    const parted = { count: 0 }
    const said: { others: readonly MemberNote[]; hasStandby: boolean } = {
      others: [],
      hasStandby: false,
    }
    const snapshots = new SetSnapshots({
      journal,
      objects,
      replica,
      log: SILENT,
      id: idOf(name),
      elapsed: () => clock.now,
      wall: () => clock.now,
      // Fast, but 40 looks must leave a standby time to take one on a busy machine.
      sleep: (ms, signal) => pause(Math.min(ms, 30_000) / 400, signal ?? ends.signal),
      hasStandby: () => said.hasStandby,
      others: () => said.others,
      onParted: () => void parted.count++,
      onFailed: (error) => faults.push(asDstoreError(error).code),
    })
    const run = (role: 'active' | 'standby'): void => {
      const own = {
        copyRecords: (to: string) => follower.copyRecords(to),
        rowsDigest: (signal?: AbortSignal) => follower.rowsDigest(signal),
        ...source(follower),
      }
      const running = snapshots.run(role, own, ends.signal)
      over.push(() => running)
    }
    const made = { snapshots, follower, clock, faults, parted, said, run, replica }
    members.push(made)
    return made
  }
  /** Another entry, which all apply, and an hour. */
  const later = async (key: string): Promise<number> => {
    const id = new TextEncoder().encode(key)
    const position = await writer.append([
      {
        type: 'transaction',
        conditions: [],
        writes: [{ key: { table: 'meta', id }, value: id }],
        increments: [],
        entry: undefined,
        adopt: [],
        release: [],
      },
    ])
    for (const { follower, snapshots, clock } of members) {
      for (let at = follower.position.position + 1; at <= position; at++) {
        const entry = (await journal.at(at)) as Uint8Array
        await follower.apply([entry])
        snapshots.applied([entry])
      }
      clock.now += HOUR
    }
    return position
  }
  const positions = async (): Promise<readonly number[]> =>
    (await listSnapshots(objects)).whole.map(({ position }) => position)
  const until = async (what: string, is: () => Promise<boolean> | boolean): Promise<void> => {
    for (let i = 0; !(await is()); i++) {
      if (i === 1_000) throw new Error(`not within 5 s: ${what}`)
      await pause(5, new AbortController().signal)
    }
  }
  const first = async (): Promise<number> => (await journal.extent()).first
  return { bucket, member, later, positions, until, first }
}

test('R012-71: the active member trims only behind what it has verified itself', async (t) => {
  const { member, later, positions, until, first } = await world(t)
  const [a, b] = [await member('a'), await member('b')]
  a.said.hasStandby = true
  const one = await later('1')
  b.run('standby')
  await until('the first', async () => (await positions()).length === 1)
  a.run('active')
  await until('begun', () => a.snapshots.newest !== undefined)
  const two = await later('2')
  await until('both verified', () => a.snapshots.verified.includes(two))
  await until('trimmed', async () => (await first()) === one + 1)
  t.deepEqual(await positions(), [two, one])
  const three = await later('3')
  await until('trimmed again', async () => (await first()) === two + 1)
  t.deepEqual(await positions(), [three, two])
  t.deepEqual(await readdir(a.replica.workDirectory), [])
  t.deepEqual(a.faults, [])
})

test('R012-72: a snapshot with other rows is reported and deleted, and never trimmed behind', async (t) => {
  const { member, later, positions, until, first } = await world(t)
  const a = await member('a', (own) => ({
    rowsDigest: async (signal) => {
      const { position, digest } = await own.rowsDigest(signal)
      return { position, digest: digest.map((byte) => byte ^ 1) }
    },
  }))
  const b = await member('b')
  a.said.hasStandby = true
  await later('1')
  b.run('standby')
  await until('the first', async () => (await positions()).length === 1)
  a.run('active')
  await until('begun', () => a.snapshots.newest !== undefined)
  for (let i = 2; i <= 4; i++) {
    await later(`${i}`)
    await until('reported', () => a.faults.length >= i)
    await until('deleted', async () => (await positions()).length === 0)
    t.is(await first(), 1)
  }
  t.deepEqual(new Set(a.faults), new Set(['integrity']))
  t.deepEqual(a.snapshots.verified, [])
  t.true(a.snapshots.parted.length > 0)
  t.is(a.parted.count, 0, 'what the active member has counts')
  b.snapshots.noted()
  t.is(b.parted.count, 0)
  const of = (parted: readonly number[]) => [{ ...note(idOf('a'), 'active'), parted }]
  b.said.others = of([999])
  b.snapshots.noted()
  t.is(b.parted.count, 0, 'of another member')
  b.said.others = of(a.snapshots.parted)
  b.snapshots.noted()
  t.is(b.parted.count, 1)
})

test('R012-72: a standby that finds other rows in a snapshot of the active member has parted', async (t) => {
  const { member, later, positions, until } = await world(t)
  const a = await member('a')
  const b = await member('b', (own) => ({
    rowsDigest: async (signal) => {
      const { position, digest } = await own.rowsDigest(signal)
      return { position, digest: digest.map((byte) => byte ^ 1) }
    },
  }))
  await later('1')
  a.run('active')
  await until('the first', async () => (await positions()).length === 1)
  b.said.others = [note(idOf('a'), 'active')]
  b.run('standby')
  await until('begun', () => b.snapshots.newest !== undefined)
  await later('2')
  await until('parted', () => b.parted.count > 0)
  t.true((await positions()).length > 0, 'a standby deletes none')
})

for (const isVerified of [false, true]) {
  const which = isVerified ? 'counts once a standby verified it' : 'does not count before'
  test(`R012-71: what the active member took itself ${which}`, async (t) => {
    const { member, later, positions, until, first } = await world(t)
    const [a, b] = [await member('a'), await member('b')]
    const one = await later('1')
    a.run('active')
    await until('the first', async () => (await positions()).length === 1)
    a.said.hasStandby = true
    b.said.others = [note(idOf('a'), 'active')]
    if (isVerified) a.said.others = [note(idOf('b'), 'standby', [one])]
    b.run('standby')
    await until('begun', () => b.snapshots.newest !== undefined)
    const two = await later('2')
    await until('verified by both', () =>
      [a.snapshots.verified.includes(two), b.snapshots.verified.includes(one)].every(Boolean),
    )
    if (isVerified) await until('trimmed', async () => (await first()) === one + 1)
    else await pause(100, new AbortController().signal)
    t.is(await first(), isVerified ? one + 1 : 1)
  })
}

test('R012-71: a member alone trims behind what it read back', async (t) => {
  const { member, later, positions, until, first } = await world(t)
  const a = await member('a')
  const one = await later('1')
  a.run('active')
  await until('the first', async () => (await positions()).length === 1)
  await later('2')
  await until('trimmed', async () => (await first()) === one + 1)
  t.is((await positions()).length, 2)
})

test('R012-73: standbys take no more than a few that nobody verifies', async (t) => {
  const { member, later, positions, until } = await world(t)
  const b = await member('b')
  await later('0')
  b.run('standby')
  for (let i = 1; i < SET_SNAPSHOTS; i++) {
    await until(`${i}`, async () => (await positions()).length === i)
    await later(`${i}`)
  }
  await until('all', async () => (await positions()).length === SET_SNAPSHOTS)
  const before = await positions()
  await later('more')
  await pause(200, new AbortController().signal)
  t.deepEqual(await positions(), before)
})
