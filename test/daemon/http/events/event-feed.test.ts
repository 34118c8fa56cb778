import { test } from '../../../serial.ts'
import { EventFeed, type EventReader } from '../../../../src/daemon/http/events/event-feed.ts'
import { Sampler, type Totals } from '../../../../src/daemon/http/statistics/sampler.ts'
import { BUCKETS } from '../../../../src/daemon/http/statistics/latencies.ts'
import type { StatusAnswer } from '../../../../src/daemon/api/api.ts'
import type { EventUpdate } from '../../../../src/daemon/api/events.ts'
import { EVENT_MS, EVENT_READERS, SAMPLE_MS } from '../../../../src/limits.ts'
import type {
  FollowedRemoval,
  MemberActivity,
  TransferReport,
} from '../../../../src/node/activity/node-activity.ts'

const NOTHING: Totals = {
  bytesIn: 0,
  bytesOut: 0,
  peerIn: 0,
  peerOut: 0,
  ok: 0,
  refused: 0,
  failed: 0,
  hits: 0,
  misses: 0,
  latencies: new Float64Array(BUCKETS),
}

class Reader implements EventReader {
  readonly seesMembers: boolean
  readonly got: EventUpdate[] = []
  bytes = 0
  behind = false

  constructor(seesMembers = true) {
    this.seesMembers = seesMembers
  }

  isBehind(): boolean {
    return this.behind
  }

  send(event: Buffer): void {
    const text = event.toString()
    const match = /^event: update\ndata: (\{.*\})\n\n$/.exec(text)
    if (match === null) throw new Error(`not an update: ${text}`)
    this.bytes += event.byteLength
    this.got.push(JSON.parse(match[1]!) as EventUpdate)
  }
}

/** A feed over figures at the test's command, whose clock and timer the test moves. */
class World {
  readonly samples = new Sampler(NOTHING)
  status = { role: 'global', daemon: { residentBytes: 1e8 } } as unknown as StatusAnswer
  statusCalls = 0
  members: MemberActivity[] = []
  transfers: TransferReport[] = []
  removals: FollowedRemoval[] = []
  isBusy = false
  now = 0
  timers = 0
  wait: Promise<void> = Promise.resolve()
  readonly feed: EventFeed
  #tick: () => void = () => undefined

  constructor() {
    this.feed = new EventFeed({
      status: async () => {
        this.statusCalls++
        await this.wait
        return this.status
      },
      samples: this.samples,
      activity: () => ({
        counts: () => ({ peerIn: 0, peerOut: 0 }),
        isBusy: this.isBusy,
        transfers: () => ({ active: this.transfers.length, transfers: this.transfers }),
        cancelTransfer: () => false,
        members: () => this.members,
        removals: () => this.removals,
      }),
      now: () => this.now,
      every: (_, tick) => {
        this.timers++
        this.#tick = tick
        return () => {
          this.timers--
          this.#tick = () => undefined
        }
      },
    })
  }

  /** Time passes: a sample each second, and a look each `EVENT_MS`. */
  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      this.now += EVENT_MS
      if (this.now % SAMPLE_MS === 0) this.samples.observe(this.now, NOTHING)
      this.#tick()
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
  }
}

const member = (peer: string): MemberActivity => ({
  peer,
  role: 'reader',
  state: 'away',
  since: '2026-01-01T00:00:00.000Z',
})

const moving = (done: number): TransferReport => ({
  id: '1',
  key: 'k',
  done,
  rate: 0,
  startedAt: '',
  direction: 'in',
  peers: [],
})

test('R013-20 the first event has everything, later ones what has changed', async (t) => {
  const world = new World()
  world.members = [member('a'), member('b')]
  world.samples.observe(1, NOTHING)
  const reader = new Reader()
  await world.feed.join(reader)
  const [first] = reader.got
  t.deepEqual(Object.keys(first!).toSorted(), [
    'members',
    'rates',
    'removals',
    'status',
    'transfers',
  ])
  t.deepEqual(first!.members, { changed: world.members, gone: [], all: true })
  t.is(first!.rates!.samples.length, 1)
  await world.pass(SAMPLE_MS)
  t.deepEqual(Object.keys(reader.got[1]!), ['rates'], 'a sample is always new')
  t.is(reader.got[1]!.rates!.samples.length, 1)
  world.members = [{ ...member('a'), state: 'connected' }, member('c')]
  world.status = { ...world.status, members: 7 }
  await world.pass(SAMPLE_MS)
  t.like(reader.got[2], { status: { members: 7 } })
  t.deepEqual(reader.got[2]!.members, {
    changed: [{ ...member('a'), state: 'connected' }, member('c')],
    gone: ['b'],
  })
  t.is(reader.got.length, 3)
})

test('R013-20 a reader that joins later gets everything, and each sample once', async (t) => {
  const world = new World()
  await world.feed.join(new Reader())
  await world.pass(5 * SAMPLE_MS)
  // One that the feed has not told yet.
  world.samples.observe(world.now + 1, NOTHING)
  const late = new Reader()
  await world.feed.join(late)
  await world.pass(3 * SAMPLE_MS)
  t.true(late.got[0]!.status !== undefined)
  const times = late.got.flatMap(({ rates }) => rates?.samples.map(({ at }) => at) ?? [])
  t.is(times.length, 9)
  t.is(new Set(times).size, times.length)
})

test('R013-21 one look a second, and four while something moves', async (t) => {
  const world = new World()
  const reader = new Reader()
  await world.feed.join(reader)
  await world.pass(10 * SAMPLE_MS)
  t.is(world.statusCalls, 11)
  t.is(reader.got.length, 11)
  world.isBusy = true
  for (let i = 0; i < 40; i++) {
    world.transfers = [moving(i)]
    await world.pass(EVENT_MS)
  }
  t.is(reader.got.length, 11 + 40)
  t.is(world.statusCalls, 21, 'what is not urgent is asked for once a second all the same')
})

test('R013-22 the node is asked once for all readers, and not at all without one', async (t) => {
  const world = new World()
  const leaves = []
  for (let i = 0; i < 10; i++) leaves.push(await world.feed.join(new Reader()))
  await world.pass(3 * SAMPLE_MS)
  t.is(world.statusCalls, 4)
  t.is(world.timers, 1)
  for (const leave of leaves) leave()
  await world.pass(3 * SAMPLE_MS)
  t.is(world.statusCalls, 4)
  t.is(world.timers, 0)
  const again = new Reader()
  world.status = { ...world.status, members: 3 }
  await world.feed.join(again)
  t.like(again.got[0], { status: { members: 3 } })
})

test('R013-23 a reader that takes nothing is sent nothing more, and then everything', async (t) => {
  const world = new World()
  world.members = Array.from({ length: 1000 }, (_, i) => member(`peer-${i}`))
  const [reader, other] = [new Reader(), new Reader()]
  await world.feed.join(reader)
  await world.feed.join(other)
  reader.behind = true
  const { bytes } = reader
  for (let i = 0; i < 30; i++) {
    world.members = world.members.map((one) => ({ ...one, behind: i }))
    await world.pass(SAMPLE_MS)
  }
  t.is(reader.bytes, bytes)
  t.is(other.got.length, 31)
  reader.behind = false
  await world.pass(SAMPLE_MS)
  t.is(reader.got.length, 2)
  const [, all] = reader.got
  t.true(all!.members!.all)
  t.is(all!.members!.changed.length, 1000)
  t.true(all!.members!.changed.every(({ behind }) => behind === 29))
  t.is(all!.rates!.samples.length, 31)
  await world.pass(SAMPLE_MS)
  t.deepEqual(Object.keys(reader.got[2]!), ['rates'])
})

test('R013-23 more readers than the limit are refused, and their places are free again', async (t) => {
  const world = new World()
  const leaves = []
  for (let i = 0; i < EVENT_READERS; i++) leaves.push(await world.feed.join(new Reader()))
  await t.throwsAsync(world.feed.join(new Reader()), { code: 'busy' })
  leaves[3]!()
  await t.notThrowsAsync(world.feed.join(new Reader()))
})

test('a first look that fails refuses the reader, and keeps no place', async (t) => {
  const world = new World()
  world.wait = Promise.reject(new Error('closed'))
  await t.throwsAsync(world.feed.join(new Reader()), { message: 'closed' })
  t.is(world.timers, 0)
  world.wait = Promise.resolve()
  await t.notThrowsAsync(world.feed.join(new Reader()))
  // One that fails later ends nothing.
  world.wait = Promise.reject(new Error('closed'))
  await world.pass(SAMPLE_MS)
  world.wait = Promise.resolve()
  const reader = new Reader()
  await world.feed.join(reader)
  await world.pass(SAMPLE_MS)
  t.is(reader.got.length, 2)
})

test('readers that join while the first look is under way get everything once', async (t) => {
  const world = new World()
  let open: () => void = () => undefined
  world.wait = new Promise((resolve) => (open = resolve))
  const readers = [new Reader(), new Reader(), new Reader()]
  const joined = Promise.all(readers.map((one) => world.feed.join(one)))
  await Promise.resolve()
  open()
  await joined
  await world.pass(SAMPLE_MS)
  for (const { got } of readers) {
    t.is(got.length, 2)
    t.true(got[0]!.status !== undefined)
  }
})

test('R013-25 members are told only to those who may list them', async (t) => {
  const world = new World()
  world.members = [member('a')]
  const reader = new Reader(false)
  await world.feed.join(reader)
  world.members = [member('b')]
  await world.pass(SAMPLE_MS)
  t.false(reader.got.some((update) => 'members' in update))
  t.true(reader.got.some((update) => 'removals' in update))
})

test('R013-26 a status that differs in memory alone is not told again, one step of it is', async (t) => {
  const world = new World()
  const reader = new Reader()
  await world.feed.join(reader)
  const told = (): number => reader.got.filter(({ status }) => status !== undefined).length
  const set = (residentBytes: number): void => {
    world.status = { ...world.status, daemon: { ...world.status.daemon, residentBytes } }
  }
  set(1e8 + 4096)
  await world.pass(SAMPLE_MS)
  t.is(told(), 1)
  set(2e8)
  await world.pass(SAMPLE_MS)
  t.is(told(), 2)
})
