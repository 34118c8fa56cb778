import test from 'ava'
import { ALL_RULES } from '../../../src/index/rules.ts'
import { Freshness } from '../../../src/index/local/freshness.ts'
import { DOUBT_MS, REDIAL_PATIENCE_MS } from '../../../src/limits.ts'

function connected(leaseMs?: number): Freshness {
  const standing = new Freshness({ rules: ALL_RULES, now: 0 })
  standing.welcomed({ sentAt: 0, seq: 5, leaseMs, applied: 5 })
  standing.heard(10)
  return standing
}

test('R004-12: until it has applied what the welcome names, it asks', (t) => {
  const standing = new Freshness({ rules: ALL_RULES, now: 0 })
  standing.welcomed({ sentAt: 0, seq: 9, leaseMs: undefined, applied: 5 })
  t.is(standing.verdict(1, 1), 'ask')
  standing.applied(8)
  t.is(standing.verdict(1, 1), 'ask')
  standing.applied(9)
  t.is(standing.verdict(1, 1), 'serve')
})

test('R004-26: silence leaves a doubt that no message ends but the pong to a later ping, once applied', (t) => {
  const standing = connected()
  t.is(standing.verdict(10 + DOUBT_MS, 10 + DOUBT_MS), 'serve')
  standing.pinged(1, 20)
  const woken = 60_000
  standing.heard(woken)
  t.is(standing.verdict(woken, woken), 'wait', 'old news after a sleep')
  t.true(standing.ponged(1, 5), 'the answer to a ping from before')
  t.is(standing.verdict(woken, woken), 'wait')
  standing.pinged(2, woken)
  standing.ponged(2, 7)
  t.is(standing.verdict(woken, woken), 'wait', 'a removal before the pong is not applied yet')
  standing.applied(7)
  t.is(standing.verdict(woken, woken), 'serve')
})

test('R004-27: after a moment of doubt it serves as one who is away', (t) => {
  const standing = connected()
  standing.closed(100)
  t.is(standing.verdict(100, 100), 'wait')
  t.is(standing.verdict(100 + REDIAL_PATIENCE_MS, 100), 'stale')
  t.false(standing.ponged(99, 5), 'no such ping')
})

test('R004-50: a lease counts from the sending of what was answered, and once that is applied', (t) => {
  const standing = connected(1000)
  t.false(standing.isExpired(999))
  t.true(standing.isExpired(1000))
  standing.pinged(1, 500)
  standing.ponged(1, 8)
  t.true(standing.isExpired(1400), 'not applied yet')
  standing.applied(8)
  t.false(standing.isExpired(1499))
  t.true(standing.isExpired(1500))
  standing.closed(1200)
  t.is(standing.verdict(1600, 1600), 'expired')
})
