import { test } from '../../serial.ts'
import { ALL_RULES } from '../../../src/index/rules.ts'
import { Freshness } from '../../../src/index/local/freshness.ts'
import { DOUBT_MS, REDIAL_PATIENCE_MS } from '../../../src/limits.ts'

function connected(leaseMs?: number): Freshness {
  const freshness = new Freshness({ rules: ALL_RULES, now: 0 })
  freshness.welcomed({ sentAt: 0, seq: 5, leaseMs, applied: 5 })
  freshness.heard(10)
  return freshness
}

test('R004-12: until it has applied what the welcome names, it asks', (t) => {
  const freshness = new Freshness({ rules: ALL_RULES, now: 0 })
  freshness.welcomed({ sentAt: 0, seq: 9, leaseMs: undefined, applied: 5 })
  t.is(freshness.verdict(1, 1), 'ask')
  freshness.applied(8)
  t.is(freshness.verdict(1, 1), 'ask')
  freshness.applied(9)
  t.is(freshness.verdict(1, 1), 'serve')
})

test('R004-26: silence leaves a doubt that no message ends but the pong to a later ping, once applied', (t) => {
  const freshness = connected()
  t.is(freshness.verdict(10 + DOUBT_MS, 10 + DOUBT_MS), 'serve')
  const asleep = freshness.ping(20)
  const woken = 60_000
  freshness.heard(woken)
  t.is(freshness.verdict(woken, woken), 'wait', 'old news after a sleep')
  t.true(freshness.ponged(asleep, 5), 'the answer to a ping from before')
  t.is(freshness.verdict(woken, woken), 'wait')
  freshness.ponged(freshness.ping(woken), 7)
  t.is(freshness.verdict(woken, woken), 'wait', 'a removal before the pong is not applied yet')
  freshness.applied(7)
  t.is(freshness.verdict(woken, woken), 'serve')
})

test('R004-26: a sleep in the middle of a doubt leaves one that no ping from before the sleep ends', (t) => {
  const freshness = connected()
  const doubtful = 11 + DOUBT_MS
  freshness.poll(doubtful)
  const asleep = freshness.ping(doubtful)
  const woken = 60_000
  freshness.heard(woken)
  freshness.ponged(asleep, 5)
  t.is(freshness.verdict(woken, woken), 'wait', 'removals since then may be under way')
  freshness.ponged(freshness.ping(woken), 5)
  t.is(freshness.verdict(woken, woken), 'serve')
})

test('R004-27: after a moment of doubt it serves as one who is away', (t) => {
  const freshness = connected()
  freshness.closed(100)
  t.is(freshness.verdict(100, 100), 'wait')
  t.is(freshness.verdict(100 + REDIAL_PATIENCE_MS, 100), 'stale')
  t.false(freshness.ponged(99, 5), 'no such ping')
})

test('R004-50: a lease counts from the sending of what was answered, and once that is applied', (t) => {
  const freshness = connected(1000)
  t.false(freshness.isExpired(999))
  t.true(freshness.isExpired(1000))
  freshness.ponged(freshness.ping(500), 8)
  t.true(freshness.isExpired(1400), 'not applied yet')
  freshness.applied(8)
  t.false(freshness.isExpired(1499))
  t.true(freshness.isExpired(1500))
  freshness.closed(1200)
  t.is(freshness.verdict(1600, 1600), 'expired')
})

test('R012-61: a Local asks soon after the welcome whether Global is a set', (t) => {
  const freshness = new Freshness({ rules: ALL_RULES, now: 0 })
  freshness.heard(10)
  freshness.welcomed({ sentAt: 0, seq: 0, leaseMs: undefined, applied: 0 })
  t.false(freshness.isPingDue(109))
  t.true(freshness.isPingDue(110))
  freshness.ping(110)
  t.false(freshness.isPingDue(1109))
  t.true(freshness.isPingDue(1110))
})
