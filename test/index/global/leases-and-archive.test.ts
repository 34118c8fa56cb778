import { PING_INTERVAL_MS } from '../../../src/limits.ts'
import { withMargin } from '../../../src/index/lease.ts'
import { failure } from '../../../src/index/failure.ts'
import { test } from '../../serial.ts'
import { Machine, digestOf } from './machine.ts'

const remove = (n: number) =>
  ({ type: 'remove', digest: digestOf(n), force: false, timeoutMs: 600_000 }) as const

test('R011-84 no lease is renewed while the archive forbids it, and a session stays up', (t) => {
  let mayRenew = true
  const machine = new Machine({ leaseMs: 60_000, mayRenew: () => mayRenew })
  machine.put(1)
  const session = machine.hello('L')
  t.like(machine.last(session), { type: 'welcome', leaseMs: 60_000 })
  machine.message(session, { id: 0x8000_0001, body: { type: 'ping' } })
  t.like(machine.last(session), { type: 'pong' })
  mayRenew = false
  const sent = machine.sentTo(session).length
  machine.message(session, { id: 0x8000_0002, body: { type: 'ping' } })
  t.is(machine.sentTo(session).length, sent)
  // Values and names are still told.
  machine.ask({ type: 'list', after: undefined, limit: 1 }, session)
  t.is(machine.effects.at(-1)?.type, 'page')
  machine.tick(PING_INTERVAL_MS)
  t.like(machine.last(session), { type: 'ping' })
  t.false(machine.isClosed(session))
  mayRenew = true
  machine.message(session, { id: 0x8000_0003, body: { type: 'ping' } })
  t.like(machine.last(session), { type: 'pong' })
})

test('R011-84 a lease that is not renewed ends, and a removal does not wait for it again', (t) => {
  let mayRenew = true
  const machine = new Machine({ leaseMs: 10_000, mayRenew: () => mayRenew })
  machine.put(1)
  const session = machine.hello('L')
  machine.message(session, { id: 0x8000_0001, body: { type: 'ping' } })
  machine.tick(5_000)
  mayRenew = false
  machine.message(session, { id: 0x8000_0002, body: { type: 'ping' } })
  // The removal's own grace is longer than what is left of the lease.
  const removed = machine.ask(remove(1))
  machine.tick(withMargin(10_000) - 5_000 - 1)
  t.is(removed(), undefined)
  machine.tick(1)
  t.like(removed(), { type: 'removed', owed: [], expired: ['L'] })
})

test('R011-84 a Local is not welcomed under a lease that the archive forbids', (t) => {
  const machine = new Machine({ leaseMs: 60_000, mayRenew: () => false })
  const session = machine.hello('L')
  t.like(machine.last(session), { type: 'failure', code: 'unreachable' })
  t.true(machine.isClosed(session))
  // Without leases there is nothing to renew.
  const plain = new Machine({ mayRenew: () => false })
  const other = plain.hello('L')
  t.like(plain.last(other), { type: 'welcome' })
  plain.message(other, { id: 0x8000_0001, body: { type: 'ping' } })
  t.like(plain.last(other), { type: 'pong' })
})

test('R011-84 a Local is welcomed once the archive has its registration', (t) => {
  const machine = new Machine()
  machine.holds.add('commit')
  machine.answer({ type: 'admit', peer: 'L', role: 'reader' })
  machine.release()
  machine.holds.add('commit')
  const session = machine.hello('L')
  const [effect] = machine.held
  t.like(effect, { type: 'commit', isArchived: true })
  t.deepEqual(machine.sentTo(session), [])
  const { ticket } = effect as unknown as { readonly ticket: number }
  const why = failure('unreachable', 'the archive is away')
  machine.handle({ type: 'failed', ticket, failure: why, now: machine.now })
  t.like(machine.last(session), { type: 'failure', code: 'unreachable' })
  t.true(machine.isClosed(session))
})
