import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Sample {
  readonly at: number
  readonly hits: number
}

interface State {
  status: unknown
  samples: Sample[]
  members: Map<string, { peer: string; label?: string; owes?: number; state: string }> | undefined
  transfers: unknown
  removals: unknown
}

interface StateModule {
  readonly MOST_SAMPLES: number
  readonly MOST_MEMBERS: number
  readonly emptyState: () => State
  readonly applyUpdate: (state: State, update: object) => string[]
  readonly nameOf: (state: State, peer: string) => string
  readonly sumOf: (
    samples: readonly Sample[],
    field: (sample: Sample) => number,
    ms: number,
  ) => number
}

interface Change {
  readonly type: string
  readonly names: readonly string[]
  readonly key?: string
}

interface Changes {
  readonly MOST_CHANGES: number
  ChangeLog: new () => {
    add(change: Change, at: number): void
    newest(most: number, isWanted: (change: Change) => boolean): { id: number; change: Change }[]
    readonly seen: number
  }
  readonly filterOf: (groups: ReadonlySet<string>, text: string) => (change: Change) => boolean
}

interface Machine {
  readonly peer: string
  readonly state: string
}

interface Machines {
  readonly machinesOf: (state: State) => Machine[]
  readonly countMachines: (machines: readonly Machine[]) => [string, number][]
}

const { MOST_SAMPLES, MOST_MEMBERS, emptyState, applyUpdate, nameOf, sumOf } =
  await pageModule<StateModule>('core/state.js')
const { MOST_CHANGES, ChangeLog, filterOf } = await pageModule<Changes>('core/changes.js')
const { machinesOf, countMachines } = await pageModule<Machines>('core/machines.js')
const { backoffMs } = await pageModule<{
  readonly backoffMs: (failures: number, random: number) => number
}>('core/backoff.js')

const sample = (at: number): Sample => ({ at, hits: 1 })

test('R013-53: an update changes what it has, and nothing else', (t) => {
  const state = emptyState()
  t.deepEqual(applyUpdate(state, { status: { role: 'global' } }), ['status'])
  t.deepEqual(applyUpdate(state, { removals: { removals: [] } }), ['removals'])
  t.deepEqual(applyUpdate(state, {}), [])
  t.deepEqual(state.status, { role: 'global' })
  t.is(state.transfers, undefined)
})

test('R013-53: samples that a new connection repeats are taken once, and the oldest go', (t) => {
  const state = emptyState()
  const rates = (from: number, count: number): object => ({
    rates: { intervalMs: 1000, samples: Array.from({ length: count }, (_, i) => sample(from + i)) },
  })
  applyUpdate(state, rates(0, 10))
  applyUpdate(state, rates(5, 10))
  t.deepEqual(
    state.samples.map(({ at }) => at),
    Array.from({ length: 15 }, (_, i) => i),
  )
  applyUpdate(state, rates(15, 2 * MOST_SAMPLES))
  t.is(state.samples.length, MOST_SAMPLES)
  t.is(state.samples.at(-1)?.at, 14 + 2 * MOST_SAMPLES)
})

test('R013-53: members change, go, and are replaced as a whole; their number is bounded', (t) => {
  const state = emptyState()
  const member = (peer: string, more = {}): object => ({ peer, state: 'connected', ...more })
  const peers = (): string[] => [...(state.members?.keys() ?? [])]
  applyUpdate(state, {
    members: { changed: [member('a', { label: 'one' }), member('b')], all: true },
  })
  applyUpdate(state, { members: { changed: [member('c')], gone: ['b'] } })
  t.deepEqual(peers(), ['a', 'c'])
  t.is(nameOf(state, 'a'), 'one')
  t.is(nameOf(state, 'x'), 'x')
  applyUpdate(state, { members: { changed: [member('d')], gone: [], all: true } })
  t.deepEqual(peers(), ['d'])
  const many = Array.from({ length: MOST_MEMBERS + 5 }, (_, i) => member(`m${i}`))
  applyUpdate(state, { members: { changed: many } })
  t.is(state.members?.size, MOST_MEMBERS)
})

test('sums are of the last while', (t) => {
  const samples = [sample(1000), sample(2000), sample(3000)]
  t.is(
    sumOf(samples, ({ hits }) => hits, 2000),
    2,
  )
  t.is(
    sumOf([], ({ hits }) => hits, 2000),
    0,
  )
})

test('R013-54: a log of changes keeps the newest, in bounded memory', (t) => {
  const log = new ChangeLog()
  const all = (): boolean => true
  for (let i = 0; i < 3 * MOST_CHANGES + 7; i++) log.add({ type: 'put', names: [`n${i}`] }, i)
  t.is(log.seen, 3 * MOST_CHANGES + 7)
  const newest = log.newest(MOST_CHANGES * 2, all)
  t.is(newest.length, MOST_CHANGES)
  t.deepEqual(
    newest.map(({ id }) => id),
    Array.from({ length: MOST_CHANGES }, (_, back) => log.seen - 1 - back),
  )
  t.is(log.newest(3, all).length, 3)
  t.is(log.newest(3, ({ names }) => names[0] === 'n7').length, 0)
})

test('changes are chosen by kind and by text, and unknown kinds are shown', (t) => {
  const change = (type: string, ...names: string[]): Change => ({ type, names, key: 'bafkkey' })
  const puts = filterOf(new Set(['puts']), '')
  t.true(puts(change('put', 'a')))
  t.false(puts(change('remove', 'a')))
  t.true(puts(change('of-a-later-version', 'a')))
  const text = filterOf(new Set(['puts', 'names']), 'models/')
  t.true(text(change('bind', 'x', 'models/v1')))
  t.false(text(change('bind', 'x')))
  t.true(filterOf(new Set(['puts']), 'fkkey')(change('put', 'a')))
})

test('R013-55: a stream is tried again after twice as long, at most ten seconds, and not by all at once', (t) => {
  t.deepEqual(
    [1, 2, 3, 4, 5, 6, 60].map((n) => backoffMs(n, 0)),
    [500, 1000, 2000, 4000, 8000, 10_000, 10_000],
  )
  t.is(backoffMs(6, 1), 8000)
})

test('machines that owe come first, then those that are not well', (t) => {
  const state = emptyState()
  const peers = [
    { peer: 'a', label: 'a', state: 'connected' },
    { peer: 'b', label: 'b', state: 'away' },
    { peer: 'c', label: 'c', state: 'connected', owes: 1 },
    { peer: 'd', label: 'd', state: 'doubtful' },
  ]
  const status = { role: 'global', locals: [], registered: [], traffic: [] }
  applyUpdate(state, { status, members: { changed: peers, all: true } })
  const machines = machinesOf(state)
  t.deepEqual(
    machines.map(({ peer }) => peer),
    ['c', 'd', 'b', 'a'],
  )
  t.deepEqual(
    new Map(countMachines(machines)),
    new Map([
      ['connected', 2],
      ['doubtful', 1],
      ['away', 1],
      ['owing', 1],
    ]),
  )
})

test('without a list of members, the status tells of machines', (t) => {
  const state = emptyState()
  const status = {
    role: 'local',
    locals: [],
    registered: [{ peer: 'r', connected: false, seq: 1 }],
    global: { peer: 'g', state: 'connected', since: 's', roundTripMs: 1 },
    traffic: [
      { peer: 'g', valueBytesIn: 5, valueBytesOut: 0 },
      { peer: 'x', valueBytesIn: 7, valueBytesOut: 0 },
    ],
  }
  applyUpdate(state, { status })
  const machines = machinesOf(state)
  t.deepEqual(
    machines.map(({ peer, state: is }) => [peer, is]),
    [
      ['x', 'seen'],
      ['r', 'away'],
      ['g', 'connected'],
    ],
  )
  t.true(machinesOf(state).every((machine, index) => machine === machines[index]))
})
