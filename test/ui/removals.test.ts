import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Progress {
  readonly id: string
  readonly key: string
  readonly name?: string
  readonly tiles: readonly { readonly name: string; readonly state: string }[]
  readonly acknowledged: number
  readonly owing: number
  readonly unlisted: number
  readonly note?: string
  readonly isAsking?: boolean
}

interface Removals {
  readonly progressOf: (removal: object) => Progress
  readonly progressOfAnswer: (
    answer: object,
    key: string,
    nameOf: (peer: string) => string,
  ) => Progress
  readonly spokenOf: (progress: Progress) => string
}

interface Attention {
  readonly attentionOf: (state: object) => { level: string; text: string; hint?: string }[]
}

const { progressOf, progressOfAnswer, spokenOf } = await pageModule<Removals>('core/removals.js')
const { attentionOf } = await pageModule<Attention>('core/attention.js')

const REMOVAL = {
  id: 'r1',
  key: 'bafk',
  name: 'models/v1',
  startedAt: '2026-11-30T10:00:00Z',
  acknowledged: ['amsterdam', 'berlin'],
  owing: ['copenhagen'],
  acknowledgedCount: 200,
  owingCount: 3,
}

test('R013-56: machines that owe stand first, and those that are only counted are said to be', (t) => {
  const progress = progressOf(REMOVAL)
  t.deepEqual(progress.tiles, [
    { name: 'copenhagen', state: 'owes' },
    { name: 'amsterdam', state: 'done' },
    { name: 'berlin', state: 'done' },
  ])
  t.is(progress.unlisted, 200)
  t.is(spokenOf(progress), 'models/v1: 200 of 203 machines have acknowledged')
  t.is(spokenOf({ ...progress, owing: 0 }), 'models/v1: every machine has acknowledged')
  const asking = { ...progress, acknowledged: 0, owing: 0, isAsking: true }
  t.is(spokenOf(asking), 'models/v1: waiting for the machines')
})

test('R013-56: the answer of a removal tells the same where no events do', (t) => {
  const answer = {
    seq: 7,
    key: 'bafk',
    freedBytes: 5,
    names: [],
    acknowledged: ['p1'],
    owed: ['p2'],
    expired: ['p3'],
  }
  const progress = progressOfAnswer(answer, 'bafk', (peer) => `label of ${peer}`)
  t.deepEqual(
    progress.tiles.map(({ name, state }) => `${name}: ${state}`),
    ['label of p2: owes', 'label of p3: expired', 'label of p1: done'],
  )
  t.is(progress.owing, 1)
})

test('a name that went alone is said to have left its value', (t) => {
  const answer = {
    seq: 7,
    name: 'a',
    freedBytes: 0,
    names: [],
    acknowledged: [],
    owed: [],
    expired: [],
  }
  const progress = progressOfAnswer(answer, 'bafk', String)
  t.is(progress.key, 'bafk')
  t.regex(progress.note ?? '', /its value stays/)
})

const WELL = {
  role: 'global',
  store: { durable: true, damaged: 0, headroomBytes: 1e12 },
  clock: { trusted: true },
}

test('R013-57: a node that is well needs no attention', (t) => {
  t.deepEqual(attentionOf({ status: undefined }), [])
  t.deepEqual(attentionOf({ status: WELL, members: new Map() }), [])
})

test('R013-57: what is wrong is told, the worst first', (t) => {
  const status = {
    ...WELL,
    leaseMs: 10_000,
    store: { durable: false, damaged: 2, headroomBytes: 5, missingHeld: 1 },
    clock: { trusted: false, why: 'ahead', offMs: 90_000_000 },
    archive: { state: 'behind', lagEntries: 3, lagMs: 4000, lagBytes: 1 },
    pins: { pins: 3, incomplete: 1 },
    global: { state: 'away', error: 'no route' },
    set: { state: 'standby', members: [] },
    inactiveStore: { values: 4 },
  }
  const members = new Map([['p', { peer: 'p', state: 'connected', owes: 1 }]])
  const found = attentionOf({ status, members })
  const levels = found.map(({ level }) => level)
  t.deepEqual(levels, levels.toSorted())
  for (const text of [
    /Global is away: no route/,
    /2 values damaged/,
    /directories hold missing/,
    /Room for 5B/,
    /in memory/,
    /clock is 1d 1h ahead/,
    /lacks 3 entries/,
    /1 pin not held/,
    /No member of the set/,
    /4 values of an earlier role/,
    /1 machine owes/,
  ]) {
    t.is(found.filter((one) => text.test(one.text)).length, 1, String(text))
  }
  t.is(found.length, 11)
})

test('a clock that is not trusted because the node just started is no matter', (t) => {
  t.deepEqual(attentionOf({ status: { ...WELL, clock: { trusted: false, why: 'starting' } } }), [])
})
