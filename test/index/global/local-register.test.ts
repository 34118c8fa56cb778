import { test } from '../../serial.ts'
import { decodeLocal } from '../../../src/index/records/record.ts'
import { LocalRegister } from '../../../src/index/global/local-register.ts'
import { withMargin } from '../../../src/index/lease.ts'
import { FORGET_AFTER_MS } from '../../../src/limits.ts'

const BOOT = new Uint8Array(16)
const REBOOT = new Uint8Array(16).fill(1)
const FAR = Number.MAX_SAFE_INTEGER

function register(
  options: { leaseMs?: number; known?: boolean; leased?: boolean } = {},
): LocalRegister {
  const { leaseMs, known = false, leased = false } = options
  const local = { bootId: BOOT, acknowledged: 3, leased }
  const locals = new Map(known ? [['L', local]] : [])
  return new LocalRegister({ locals, now: 0, leaseMs, longestLeaseMs: leaseMs ?? 0 })
}

test('R004-21: it owes what is above what it has acknowledged, connected or not, also after a restart', (t) => {
  const kept = register({ known: true })
  t.true(kept.isOwed(4, FAR, FAR))
  t.false(kept.isOwed(3, 0, FAR))
  kept.acknowledge('L', 4, 0)
  t.false(kept.isOwed(4, 0, FAR))
  t.is(
    decodeLocal({ id: BOOT, version: 1, value: kept.takeUnwritten(FAR)[0]!.value! }).acknowledged,
    4,
  )
  t.deepEqual(kept.takeUnwritten(FAR), [])
})

test('R004-23: another boot id begins empty, a goodbye ends it, time out of touch ends it', (t) => {
  const kept = register({ known: true })
  t.is(kept.registration('L', BOOT, 9), undefined, 'nothing changes')
  t.truthy(kept.registration('L', REBOOT, 9))
  kept.welcome('L', REBOOT, { seq: 9, applied: undefined, now: 0 })
  t.false(kept.isOwed(9, 0, FAR))
  t.true(kept.isOwed(10, 0, FAR))
  t.deepEqual(kept.outOfTouch(FORGET_AFTER_MS, FORGET_AFTER_MS), [], 'it is connected')
  kept.disconnected('L', 5)
  t.deepEqual(kept.outOfTouch(5 + FORGET_AFTER_MS, FORGET_AFTER_MS), ['L'])
  t.is(kept.remove('L')!.value, undefined)
  t.false(kept.isOwed(10, 0, FAR))
  t.is(kept.remove('L'), undefined)
})

test('R004-51: who held a lease is waited for no longer than that and its margin', (t) => {
  const kept = register({ known: true, leased: true, leaseMs: 1000 })
  const ends = withMargin(1000)
  t.true(ends > 1000)
  t.true(kept.isOwed(4, ends - 1, FAR))
  t.false(kept.isOwed(4, ends, FAR), 'granted at the restart at the latest')
  t.deepEqual(kept.acknowledgements(4, ends, FAR), { acknowledged: [], owed: [], expired: ['L'] })
})

test('R004-52: who was welcomed without a lease counts as leased only once he has spoken', (t) => {
  const kept = register({ known: true, leased: false, leaseMs: 1000 })
  kept.welcome('L', BOOT, { seq: 3, applied: 3, now: 0 })
  t.true(kept.isOwed(4, 1_000_000, 1_000_000), 'he may not know of it')
  kept.heard('L', 0)
  t.false(kept.isOwed(4, 1_000_000, 1_000_000))
})

test('R012-66: a position is written only where a loss lies between it and the written one', (t) => {
  const kept = register({ known: true })
  const written = (lastLoss: number): number[] =>
    kept
      .takeUnwritten(lastLoss)
      .map(({ value }) => decodeLocal({ id: BOOT, version: 1, value: value! }).acknowledged)
  kept.acknowledge('L', 9, 0)
  t.deepEqual(written(3), [], 'it has acknowledged that loss durably')
  t.deepEqual(written(4), [9])
  t.deepEqual(written(9), [])
  kept.acknowledge('L', 20, 0)
  t.deepEqual(written(9), [])
  t.deepEqual(written(10), [20])
  kept.acknowledge('L', 30, 0)
  kept.welcome('L', BOOT, { seq: 40, applied: 31, now: 0 })
  t.deepEqual(written(20), [])
  t.deepEqual(written(25), [31])
})

test('R012-66: a loss that is not acknowledged yet writes nothing again and again', (t) => {
  const kept = register({ known: true })
  kept.acknowledge('L', 9, 0)
  t.is(kept.takeUnwritten(12).length, 1)
  t.deepEqual(kept.takeUnwritten(12), [])
})

test('R012-66: that a Local has a lease is written at once, with its position', (t) => {
  const kept = register({ known: true, leased: false, leaseMs: 1000 })
  kept.welcome('L', BOOT, { seq: 3, applied: 3, now: 0 })
  kept.heard('L', 0)
  t.is(kept.takeUnwritten(0).length, 1)
})
