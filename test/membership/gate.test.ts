import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { ADMISSION_WINDOW_MS, REFUSALS_TOLD, REFUSAL_TOLD_MS } from '../../src/limits.ts'
import { Gate, type GateOptions } from '../../src/membership/gate.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import { Handshakes } from '../../src/membership/handshakes.ts'
import { Rate, networkOf } from '../../src/membership/rate.ts'
import { Refusals, type Refused } from '../../src/membership/refusal.ts'

const INDEX = '/index'
const BOUNDS = {
  strangers: 4,
  strangersPerHost: 2,
  failedAdmissions: 10,
  failedAdmissionsPerHost: 3,
}

function gate(options: Partial<GateOptions> = {}) {
  const told: Refused[] = []
  const clock = { now: 0 }
  const made = new Gate({
    admission: INDEX,
    now: () => clock.now,
    report: (refused) => told.push(refused),
    bounds: BOUNDS,
    ...options,
  })
  made.follow((peer) => peer.startsWith('member'))
  return { gate: made, told, clock }
}

test('R006-30: before it knows the members, no peer is one', (t) => {
  const fresh = new Gate({ admission: undefined, now: () => 0, report: () => undefined })
  t.false(fresh.mayConnect('member', '10.0.0.1'))
  t.false(fresh.mayOpen('member', INDEX))
  t.is(fresh.refused.stranger, 2)
})

test('R006-30: a stranger may open the protocol that admits it, at Global only', (t) => {
  const { gate: global } = gate()
  t.true(global.mayConnect('stranger', '10.0.0.1'))
  t.true(global.connected('c1', 'stranger', '10.0.0.1'))
  t.true(global.mayOpen('stranger', INDEX))
  t.false(global.mayOpen('stranger', '/transfer'))
  t.true(global.mayOpen('member', '/transfer'))
  const { gate: local } = gate({ admission: undefined })
  t.false(local.mayConnect('stranger', '10.0.0.1'))
  t.false(local.mayOpen('stranger', INDEX))
  t.true(local.mayConnect('member', '10.0.0.1'))
})

test('R006-34: the connections of strangers are bounded, per host and in all; those of members are not', (t) => {
  const { gate: global } = gate()
  const come = (id: string, host: string): boolean => {
    const may = global.mayConnect(`stranger ${id}`, host)
    if (may) global.connected(id, `stranger ${id}`, host)
    return may
  }
  t.deepEqual(
    [come('1', '10.0.0.1'), come('2', '10.0.0.1'), come('3', '10.0.0.1')],
    [true, true, false],
  )
  t.deepEqual(
    [come('4', '10.0.0.2'), come('5', '10.0.0.3'), come('6', '10.0.0.4')],
    [true, true, false],
  )
  for (let i = 0; i < 20; i++) {
    t.true(global.mayConnect(`member ${i}`, '10.0.0.1'))
    t.false(global.connected(`m${i}`, `member ${i}`, '10.0.0.1'))
  }
  t.is(global.refused.connections, 2)
  global.disconnected('1')
  t.true(come('7', '10.0.0.1'))
})

test('R006-34: a stranger that has become a member no longer counts as one', (t) => {
  const members = new Set<string>()
  const { gate: global } = gate()
  global.follow((peer) => members.has(peer))
  for (const id of ['a', 'b']) global.connected(id, id, '10.0.0.1')
  t.false(global.mayConnect('c', '10.0.0.1'))
  members.add('a')
  t.true(global.mayConnect('c', '10.0.0.1'))
})

test('R006-34: after too many failures strangers of that host are refused for a while; others and members are not', (t) => {
  const { gate: global, clock } = gate()
  for (let i = 0; i < BOUNDS.failedAdmissionsPerHost; i++) {
    t.true(global.mayConnect('s', '10.0.0.1'))
    global.connected(`c${i}`, 's', '10.0.0.1')
    global.refuse('s', 'ticket')
    global.disconnected(`c${i}`)
  }
  t.false(global.mayConnect('s', '10.0.0.1'))
  t.is(global.refused.flood, 1)
  t.true(global.mayConnect('member', '10.0.0.1'))
  t.true(global.mayConnect('s', '10.0.0.2'))
  clock.now = ADMISSION_WINDOW_MS
  t.true(global.mayConnect('s', '10.0.0.1'))
})

test('R006-34: a stranger that stays connected and keeps failing may open no stream', (t) => {
  const { gate: global } = gate()
  global.connected('c', 's', '10.0.0.1')
  let opened = 0
  while (global.mayOpen('s', INDEX)) {
    opened++
    global.refuse('s', 'ticket')
  }
  t.is(opened, BOUNDS.failedAdmissionsPerHost)
})

test('R006-34: refusals of members do not count against strangers', (t) => {
  const { gate: global } = gate()
  for (let i = 0; i < 100; i++) global.refuse('member', 'role')
  t.true(global.mayConnect('s', '10.0.0.1'))
  t.is(global.refused.role, 100)
})

test('R006-34: failures of a stranger that became a member no longer count', (t) => {
  const members = new Set<string>()
  const { gate: global } = gate()
  global.follow((peer) => members.has(peer))
  global.connected('c', 'a', '10.0.0.1')
  members.add('a')
  for (let i = 0; i < 100; i++) global.refuse('a', 'role')
  t.true(global.mayConnect('s', '10.0.0.1'))
})

test('R006-34: strangers of one IPv6 network count as one host', (t) => {
  const { gate: global } = gate()
  const hosts = ['2001:db8::1', '2001:db8::2', '2001:db8::3']
  for (const host of hosts.slice(0, 2)) global.connected(host, host, host)
  t.false(global.mayConnect('s', hosts[2]!), 'two are connected')
  t.true(global.mayConnect('s', '2001:db8:0:1::1'))
  for (let i = 0; i < BOUNDS.failedAdmissionsPerHost; i++) global.refuse(hosts[i % 2]!, 'ticket')
  t.false(global.mayOpen(hosts[0]!, INDEX))
  for (const host of hosts) global.disconnected(host)
  t.false(global.mayConnect('s', hosts[2]!), 'too many have failed')
  t.is(global.refused.flood, 2)
})

test('R006-34: failures of all hosts together', (t) => {
  const { gate: global } = gate()
  for (let i = 0; i < BOUNDS.failedAdmissions; i++) {
    global.connected('c', 's', `10.0.1.${i}`)
    global.refuse('s', 'stranger')
    global.disconnected('c')
  }
  t.false(global.mayConnect('s', '10.9.9.9'))
})

test('R006-34: a host is an IPv4 address, or the network of an IPv6 address', (t) => {
  for (const [host, network] of [
    ['10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['1:2::', '1:2:0:0'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ] as const) {
    t.is(networkOf(host), network, host)
  }
  fc.assert(fc.property(fc.ipV6(), (host) => networkOf(host).length > 0))
})

test('R006-36: handshakes are bounded at a time, in all and per host, and in their rate', (t) => {
  let now = 0
  const bounds = {
    connectionsPending: 5,
    connectionsPendingPerHost: 3,
    connectionsPerHostPerSecond: 4,
  }
  const handshakes = new Handshakes(bounds, () => now)
  const begin = (id: string, host: string): boolean => handshakes.begin(id, host)
  t.deepEqual(
    ['1', '2', '3', '4'].map((id) => begin(id, '10.0.0.1')),
    [true, true, true, false],
  )
  t.deepEqual([begin('5', '10.0.0.2'), begin('6', '10.0.0.3')], [true, true])
  t.false(begin('7', '10.0.0.4'), 'enough in all')
  for (const id of ['1', '2', '3']) handshakes.end(id)
  t.true(begin('8', '10.0.0.1'))
  t.false(begin('9', '10.0.0.1'), 'enough for this second')
  now = 1000
  t.true(begin('9', '10.0.0.1'))
})

test('R006-36: handshakes of one IPv6 network count as of one host', (t) => {
  const bounds = {
    connectionsPending: 5,
    connectionsPendingPerHost: 2,
    connectionsPerHostPerSecond: 4,
  }
  const handshakes = new Handshakes(bounds, () => 0)
  const hosts = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1']
  t.deepEqual(
    hosts.map((host) => handshakes.begin(host, host)),
    [true, true, false, true],
  )
})

test('a rate starts from zero in the next window, for one source and for all', (t) => {
  let now = 0
  const rate = new Rate({ now: () => now, perSource: 2, total: 3, windowMs: 100, remembered: 3 })
  for (const at of [0, 100, 250]) {
    now = at
    t.false(rate.isSpent('a'))
    rate.add('a')
    t.false(rate.isSpent('a'))
    rate.add('a')
    t.true(rate.isSpent('a'))
    t.false(rate.isSpent('b'))
    rate.add('b')
    t.true(rate.isSpent('c'), 'all together')
    now = at + 99
    t.true(rate.isSpent('a'))
  }
})

test('a rate forgets first the source that has been silent longest', (t) => {
  const rate = new Rate({ now: () => 0, perSource: 2, total: 99, windowMs: 100, remembered: 2 })
  for (const source of ['a', 'b', 'a', 'c']) rate.add(source)
  t.true(rate.isSpent('a'))
})

test('a rate remembers few sources, and forgets the oldest', (t) => {
  let now = 0
  const rate = new Rate({ now: () => now, perSource: 2, total: 1000, windowMs: 100, remembered: 3 })
  rate.add('a')
  t.false(rate.isSpent('a'))
  rate.add('a')
  t.true(rate.isSpent('a'))
  for (const one of ['b', 'c', 'd']) rate.add(one)
  t.false(rate.isSpent('a'), 'forgotten')
  rate.add('d')
  t.true(rate.isSpent('d'))
  now = 100
  t.false(rate.isSpent('d'))
})

test('R006-40, R006-41: each refusal is counted, and reported once in a while with their number', (t) => {
  const told: Refused[] = []
  let now = 0
  const refusals = new Refusals({ now: () => now, report: (one) => told.push(one) })
  for (let i = 0; i < 5; i++) refusals.add('stranger', `peer ${i}`, '10.0.0.1')
  refusals.add('ticket', 'peer 0', '10.0.0.1')
  refusals.add('stranger', 'peer 9', '10.0.0.2')
  t.deepEqual(
    told.map(({ why, host, times }) => [why, host, times]),
    [
      ['stranger', '10.0.0.1', 1],
      ['ticket', '10.0.0.1', 1],
      ['stranger', '10.0.0.2', 1],
    ],
  )
  now = REFUSAL_TOLD_MS
  refusals.add('stranger', 'peer 5', '10.0.0.1')
  t.like(told.at(-1), { why: 'stranger', peer: 'peer 5', times: 5 })
  t.is(refusals.counts.stranger, 7)
})

test('R006-41: reported peers are remembered in bounded number', (t) => {
  let told = 0
  const refusals = new Refusals({ now: () => 0, report: () => told++ })
  for (let i = 0; i < 2 * REFUSALS_TOLD; i++) refusals.add('role', `peer ${i}`)
  refusals.add('role', 'peer 0')
  t.is(told, 2 * REFUSALS_TOLD + 1)
  refusals.add('role', 'peer 0')
  t.is(told, 2 * REFUSALS_TOLD + 1)
})

test('R006-31, R006-32: a Local knows the members that Global named, and cuts off those that are gone', (t) => {
  const gone: string[] = []
  const known = new KnownMembers((peer) => gone.push(peer))
  known.replace(['a', 'b'])
  known.apply([
    { peer: 'c', admitted: true },
    { peer: 'a', admitted: false },
  ])
  t.deepEqual([known.has('a'), known.has('b'), known.has('c'), known.size], [false, true, true, 2])
  t.deepEqual(gone, ['a'])
  known.replace(['c', 'd'])
  t.deepEqual([known.has('b'), known.has('c'), known.has('d')], [false, true, true])
  t.deepEqual(gone, ['a', 'b'])
  known.apply([{ peer: 'x', admitted: false }])
  t.deepEqual(gone, ['a', 'b', 'x'], 'also one that was never known: it may be connected')
})
