/** Global's index, message by message. */
import { test } from '../../serial.ts'
import type { Body, Position, Removed, Welcome } from '../../../src/index/message.ts'
import { grantorClock } from '../../../src/node/clock.ts'
import { withMargin } from '../../../src/index/lease.ts'
import { REGISTERED_LOCALS, REMOVAL_TIMEOUT_MS, WALL_SETTLED_MS } from '../../../src/limits.ts'
import { decodeLocal, encodeLocal, localRow } from '../../../src/index/records/record.ts'
import { Machine, boot, digestOf, valueOf } from './machine.ts'

const remove = (n: number, timeoutMs?: number) =>
  ({ type: 'remove', digest: digestOf(n), timeoutMs, force: true }) as const

const expel = (peer: string) => ({ type: 'expel', peer, timeoutMs: 1000 }) as const

const welcome = (machine: Machine, session: number): Welcome => {
  const body = machine.sentTo(session).find((message) => message.id === 1)?.body
  if (body?.type !== 'welcome') throw new Error(`a ${body?.type} answered the hello`)
  return body
}

const ack = (machine: Machine, session: number, seq: number): void =>
  machine.message(session, { id: 0, body: { type: 'ack', seq } })

/** A Local that is welcome and has acknowledged everything. */
function local(machine: Machine, peer = 'L'): { session: number; position: Position } {
  const session = machine.hello(peer)
  const { position } = welcome(machine, session)
  ack(machine, session, position.seq)
  return { session, position }
}

/** Comes back with the same boot id. */
function again(machine: Machine, position: Position): Welcome {
  return welcome(machine, machine.hello('L', { position, highestSeen: position.seq }))
}

test('R004-10 R004-11 a position older than the trimmed log is reset, not resumed', (t) => {
  const machine = new Machine()
  const { position } = local(machine)
  machine.put(1)
  machine.put(2)
  machine.handle({ type: 'trimmed', upto: position.seq, now: 0 })
  t.false(again(machine, position).reset, 'the log holds everything after it')
  machine.handle({ type: 'trimmed', upto: position.seq + 1, now: 0 })
  t.true(again(machine, position).reset, 'a change after it was trimmed')
  t.false(machine.index.contains(position))
})

test('R004-10 a run that ended before the log begins is forgotten', (t) => {
  const machine = new Machine()
  const { position } = local(machine)
  machine.put(1)
  machine.start()
  t.true(machine.index.contains(position), 'the run before')
  machine.put(2)
  machine.start({}, machine.store.lastSeq + 1)
  t.false(machine.index.contains(position))
  t.false(machine.index.contains({ ...position, seq: machine.store.lastSeq }), 'no such run')
})

test('R004-4 R004-15 only the seq that a Local was fed may be acknowledged', (t) => {
  for (const off of [-1, 1]) {
    const machine = new Machine()
    machine.put(1)
    const { session } = local(machine)
    machine.ask(remove(1))
    const feed = machine.last(session) as Body & { type: 'feed' }
    ack(machine, session, feed.upto + off)
    t.like(machine.last(session), { type: 'failure', code: 'protocol' })
    t.true(machine.isClosed(session))
  }
})

test('R004-20 a removal that is owed is answered at its deadline, by default after 5 s', (t) => {
  for (const [timeoutMs, ms] of [
    [300, 300],
    [undefined, REMOVAL_TIMEOUT_MS],
  ] as const) {
    const machine = new Machine()
    machine.put(1)
    local(machine)
    const removed = machine.ask(remove(1, timeoutMs))
    machine.tick(ms - 1)
    t.is(removed(), undefined)
    machine.tick(1)
    t.like(removed(), { type: 'removed', owed: ['L'], acknowledged: [] })
  }
})

test('R004-20 R004-51 with a lease the default is the lease with its margin, and 5 s', (t) => {
  t.is(withMargin(2000), 2000 * 1.01 + 1000)
  const machine = new Machine()
  machine.put(1)
  local(machine)
  // It was welcomed without a lease, so none covers what it holds.
  machine.start({ leaseMs: 2000 })
  const removed = machine.ask(remove(1))
  machine.tick(REMOVAL_TIMEOUT_MS + withMargin(2000) - 1)
  t.is(removed(), undefined)
  machine.tick(1)
  t.truthy(removed())
})

test('R004-52 a Global without a lease still waits for the longest that it ever granted', (t) => {
  const machine = new Machine({ leaseMs: 60_000 })
  machine.put(1)
  const { session } = local(machine)
  machine.message(session, { id: 20, body: { type: 'ping' } })
  machine.tick(5000)
  t.true(decodeLocal(machine.store.get(localRow('L'))!).leased)
  machine.start()
  machine.start()
  const removed = machine.ask(remove(1, 300_000))
  machine.tick(withMargin(60_000) - 1)
  t.is(removed(), undefined)
  machine.tick(1)
  t.like(removed(), { owed: [], expired: ['L'] })
})

test('R004-22 a removal asked for again waits for the same Locals, while the log holds it', (t) => {
  const machine = new Machine()
  machine.put(1)
  const { session } = local(machine)
  const first = machine.ask(remove(1, 1000))
  const second = machine.ask(remove(1, 1000))
  t.deepEqual([first(), second()], [undefined, undefined])
  ack(machine, session, machine.store.lastSeq)
  t.like(first(), { type: 'removed', acknowledged: ['L'], owed: [] })
  t.like(second(), { type: 'removed', seq: (first() as Removed).seq, acknowledged: ['L'] })
  machine.handle({ type: 'trimmed', upto: machine.store.lastSeq - 1, now: 0 })
  t.like(machine.answer(remove(1)), { type: 'removed' })
  machine.handle({ type: 'trimmed', upto: machine.store.lastSeq, now: 0 })
  t.like(machine.answer(remove(1)), { type: 'failure', code: 'not-found' })
})

test('R004-22 a second removal concludes nothing while changes are being committed', (t) => {
  const machine = new Machine()
  machine.put(1)
  const { session } = local(machine)
  machine.holds.add('commit')
  machine.ask({ type: 'put', values: [valueOf(2)], name: undefined })
  const first = machine.ask(remove(1, 1000))
  const [put, removal] = machine.held.splice(0)
  // The store has done both, and has reported neither: it may be far ahead.
  if (put?.type !== 'commit' || removal?.type !== 'commit') return t.fail()
  machine.store.apply(put.transaction)
  machine.store.apply(removal.transaction)
  const second = machine.ask(remove(1, 1000))
  const seq = machine.store.lastSeq
  machine.handle({ type: 'committed', ticket: put.ticket, seq: seq - 1, now: 0 })
  t.is(second(), undefined, 'nobody was fed the removal')
  machine.handle({ type: 'committed', ticket: removal.ticket, seq, now: 0 })
  t.deepEqual([first(), second()], [undefined, undefined])
  ack(machine, session, seq)
  t.like(second(), { type: 'removed', seq, acknowledged: ['L'] })
  t.like(first(), { type: 'removed', seq, acknowledged: ['L'] })
})

test('R004-23 a Local that is out of touch is forgotten, and owes nothing', (t) => {
  const machine = new Machine({ forgetAfterMs: 60_000 })
  machine.put(1)
  const { session } = local(machine)
  machine.handle({ type: 'closed', session, now: machine.now })
  const removed = machine.ask(remove(1, 300_000))
  machine.tick(59_999)
  t.is(removed(), undefined)
  t.truthy(machine.store.get(localRow('L')))
  machine.tick(1)
  t.like(removed(), { owed: [], acknowledged: [], expired: [] })
  t.is(machine.store.get(localRow('L')), undefined)
})

test('R004-23 R006-14 an expelled member owes nothing, also after a restart', (t) => {
  const machine = new Machine()
  machine.put(1)
  local(machine)
  const removed = machine.ask(remove(1, 300_000))
  t.is(removed(), undefined)
  t.like(machine.answer(expel('L')), { type: 'removed', owed: [] })
  t.like(removed(), { owed: [], acknowledged: [] })
  t.deepEqual(machine.index.registered(), [])
  // Even if its row came back: an acknowledged position may be written at any time.
  const value = encodeLocal({ bootId: boot(1), acknowledged: 1, leased: false })
  const writes = [{ key: localRow('L'), value: value }]
  machine.store.apply({ conditions: [], writes, entry: undefined })
  machine.start()
  t.deepEqual(machine.index.registered(), [])
})

test('R006-13 a peer that is expelled while its registration is made durable is not welcome', (t) => {
  const machine = new Machine()
  machine.answer({ type: 'admit', peer: 'L', role: 'reader' })
  machine.holds.add('commit')
  const session = machine.hello('L')
  const [registration] = machine.held.splice(0)
  machine.holds.clear()
  machine.answer(expel('L'))
  machine.carryOut(registration!)
  // Its status says so before it has dialled again, and shows the way in.
  const hint = 'join with a ticket, or have it listed there: dstore members add L'
  t.like(machine.last(session), { type: 'failure', code: 'not-permitted', hint })
  t.deepEqual(machine.index.peers(), [])
  t.deepEqual(machine.index.registered(), [])
})

test('R004-21 the register is bounded: one Local more is told that Global is busy', (t) => {
  const machine = new Machine()
  machine.answer({ type: 'admit', peer: 'L', role: 'reader' })
  const value = { bootId: boot(1), acknowledged: 0, leased: false }
  const locals = new Map(Array.from({ length: REGISTERED_LOCALS }, (_, i) => [`${i}`, value]))
  const { members } = machine.index
  const runs = [{ id: boot(1), start: 1 }]
  const rest = { longestLeaseMs: 0, newestWallMs: undefined, trimmed: 0, seq: 2 }
  const recovered = { runs, locals, members, ...rest }
  machine.start({ recovered })
  t.like(machine.last(machine.hello('L')), { type: 'failure', code: 'busy' })
})

test('R004-5 of two puts of one value at the same moment one creates it, and the other copy is freed', (t) => {
  const machine = new Machine()
  machine.holds.add('commit')
  const put = { type: 'put', values: [valueOf(1)], name: undefined } as const
  const [first, second] = [machine.ask(put), machine.ask(put)]
  machine.release()
  t.like(first(), { type: 'stored', receipts: [{ existed: false }] })
  t.like(second(), { type: 'stored', receipts: [{ existed: true }] })
  const discarded = machine.effects.filter((effect) => effect.type === 'discard')
  t.deepEqual(discarded, [{ type: 'discard', location: 'location 2' }])
})

test('R004-8 a Local with another boot id waits until the older session is heard, closed or silent', (t) => {
  const machine = new Machine()
  const { session: first } = local(machine)
  const second = machine.hello('L', { bootId: boot(2) })
  t.is(machine.last(second), undefined)
  t.like(machine.last(first), { type: 'ping' })
  const third = machine.hello('L', { bootId: boot(3) })
  t.like(machine.last(third), { type: 'failure', code: 'conflict' }, 'one waits already')
  machine.message(first, { id: 0, body: { type: 'pong', seq: 0 } })
  t.like(machine.last(second), { type: 'failure', code: 'conflict' })
  const fourth = machine.hello('L', { bootId: boot(4) })
  machine.tick(1999)
  t.is(machine.last(fourth), undefined)
  machine.tick(1)
  t.like(machine.last(fourth), { type: 'welcome', reset: true })
  t.true(machine.isClosed(first))
})

test('R004-8 the older session of a boot stays until the newer one is heard after its welcome', (t) => {
  const machine = new Machine()
  const { session: first } = local(machine)
  const second = machine.hello('L', { bootId: boot(1) })
  t.like(machine.last(second), { type: 'welcome' })
  t.false(machine.isClosed(first), 'its Local may have given up the second')
  t.deepEqual(machine.index.peers(), ['L'])
  t.like(machine.answer({ type: 'ping' }, first), { type: 'pong' })
  machine.handle({ type: 'closed', session: second, now: machine.now })
  t.deepEqual(machine.index.peers(), ['L'])
  t.like(machine.index.registered(), [{ peer: 'L', connected: true }])
  const third = machine.hello('L', { bootId: boot(1) })
  const fourth = machine.hello('L', { bootId: boot(1) })
  machine.message(third, { id: 0, body: { type: 'pong', seq: 0 } })
  t.true(machine.isClosed(first))
  t.like(machine.last(first), { type: 'failure', code: 'unreachable' })
  t.false(machine.isClosed(fourth), 'a hello that came later is not older')
  machine.message(fourth, { id: 0, body: { type: 'pong', seq: 0 } })
  t.true(machine.isClosed(third))
  t.deepEqual(machine.index.peers(), ['L'])
})

test('R006-42 a welcome names the addresses of Global', (t) => {
  const machine = new Machine({ addresses: () => ['/ip4/10.0.0.1/tcp/4480'] })
  const session = machine.hello('L')
  t.like(machine.last(session), { type: 'welcome', addresses: ['/ip4/10.0.0.1/tcp/4480'] })
})

test('R004-30 a value that is put again is stored once: its new copy is freed, whatever else changes', (t) => {
  const machine = new Machine()
  machine.put(1, 'one')
  machine.put(1)
  machine.put(1, 'uno')
  machine.put(1)
  const discarded = machine.effects.flatMap((e) => (e.type === 'discard' ? [e.location] : []))
  t.deepEqual(discarded, ['location 2', 'location 3', 'location 4'])
})

const DAY = 86_400_000

test('R004-60 R004-20 by the default settings, a step of the wall clock forgets no Local that is cut off', (t) => {
  const machine = new Machine()
  const clocks = { monotonic: 0, wall: 1e12 }
  const now = grantorClock({
    monotonic: () => clocks.monotonic,
    uptime: () => clocks.monotonic,
    wall: () => clocks.wall,
  })
  const pass = (ms: number, stepMs = 0): void => {
    clocks.monotonic += ms
    clocks.wall += ms + stepMs
    machine.wallOffsetMs = clocks.wall - now()
    machine.tick(now() - machine.now)
  }
  machine.put(1)
  const { session } = local(machine)
  pass(13_000)
  t.true(machine.isClosed(session), 'its session is dropped')
  for (const stepMs of [25 * 3_600_000, 400 * DAY, -DAY]) pass(250, stepMs)
  const removed = machine.ask(remove(1))
  pass(REMOVAL_TIMEOUT_MS)
  t.like(removed(), { type: 'removed', owed: ['L'], expired: [] })
  for (let i = 0; i < 24; i++) pass(3_600_000)
  t.is(machine.index.registered().length, 0, 'it is forgotten after a day all the same')
})

const doubtOf = ({ index }: Machine): string | undefined => index.wallDoubt?.why

test('R004-63 R004-64 the newest trusted wall time outlives the run, and a wrong clock stays wrong', (t) => {
  const machine = new Machine()
  machine.wallOffsetMs = 1e12
  machine.start({ trustClock: true })
  t.is(doubtOf(machine), 'starting')
  machine.tick(WALL_SETTLED_MS)
  t.is(doubtOf(machine), undefined)
  // Restarted with a clock that is ahead, twice: its own entries make it no better.
  machine.wallOffsetMs += 30 * DAY
  for (let i = 0; i < 2; i++) {
    machine.start()
    machine.put(1)
    machine.tick(2 * WALL_SETTLED_MS)
    t.is(doubtOf(machine), 'ahead')
    t.is(machine.index.present, undefined)
  }
  machine.wallOffsetMs -= 60 * DAY
  machine.start()
  machine.tick(WALL_SETTLED_MS)
  t.is(doubtOf(machine), 'behind')
  machine.wallOffsetMs += 30 * DAY
  machine.tick(250)
  machine.tick(WALL_SETTLED_MS)
  t.is(doubtOf(machine), undefined, 'set right')
})

test('R004-64 a command says that the wall clock is right; then it must run evenly all the same', (t) => {
  const machine = new Machine()
  machine.tick(WALL_SETTLED_MS)
  machine.wallOffsetMs = 30 * DAY
  machine.start({ trustClock: true })
  t.is(doubtOf(machine), 'starting')
  machine.tick(WALL_SETTLED_MS)
  t.is(doubtOf(machine), undefined)
  machine.start()
  machine.tick(WALL_SETTLED_MS)
  t.is(doubtOf(machine), undefined, 'it is remembered')
})

test('R004-64 a store that knows no trusted time begins with that of its last change', (t) => {
  const machine = new Machine()
  machine.put(1)
  machine.wallOffsetMs = DAY
  machine.start()
  t.is(doubtOf(machine), 'ahead')
})
