import { DstoreError } from '../../../src/errors.ts'
import {
  ARCHIVE_CONFIRM_MS,
  ARCHIVE_GATHER_MS,
  ARCHIVE_HEARTBEAT_MS,
  ARCHIVE_LAG_BYTES,
  ARCHIVE_LAG_MS,
  ARCHIVE_OBJECT_BYTES,
  JOURNAL_OBJECT_ENTRIES,
  MIB,
} from '../../../src/limits.ts'
import { Shipper, type ShipperStart } from '../../../src/archive/following/shipper.ts'
import { pattern } from '../../journal/tools.ts'
import { test } from '../../serial.ts'

const start: ShipperStart = { place: 's3://b/p', archived: 10, at: 0, acknowledges: false }

const opened = (options: Partial<ShipperStart> = {}): Shipper => {
  const shipper = new Shipper({ ...start, ...options })
  shipper.open()
  return shipper
}

const entry = (bytes: number, seed: number = 0): Uint8Array => pattern(bytes, seed)
const away = new DstoreError('unreachable', 'away')

function note(shipper: Shipper, now: number, ...entries: Uint8Array[]): void {
  for (const one of entries) shipper.note(shipper.own + 1, one.byteLength, now, one)
}

test('R011-53 entries gather for a second, and go up together in their order', (t) => {
  const shipper = opened()
  const entries = [entry(3), entry(4, 1)]
  note(shipper, 100, entries[0]!)
  t.deepEqual(shipper.next(100), { type: 'rest', ms: ARCHIVE_GATHER_MS })
  note(shipper, 600, entries[1]!)
  t.deepEqual(shipper.next(600), { type: 'rest', ms: ARCHIVE_GATHER_MS - 500 })
  t.deepEqual(shipper.next(100 + ARCHIVE_GATHER_MS), { type: 'append', after: 10, entries })
  t.throws(() => shipper.next(2000), { instanceOf: TypeError })
  shipper.answer({ type: 'ok' }, 2000)
  t.is(shipper.archived, 12)
  t.deepEqual(shipper.lag(2000), { entries: 0, bytes: 0, ms: 0 })
})

test('R011-53 nothing gathers where somebody waits, in acknowledging mode, at the end, or when an object is full', (t) => {
  const wanted = opened()
  note(wanted, 0, entry(3))
  wanted.want(11)
  t.is(wanted.next(0).type, 'append')
  const acknowledging = opened({ acknowledges: true })
  note(acknowledging, 0, entry(3))
  t.is(acknowledging.next(0).type, 'append')
  const closing = opened()
  note(closing, 0, entry(3))
  closing.close()
  t.is(closing.next(0).type, 'append')
  const full = opened()
  note(full, 0, entry(ARCHIVE_OBJECT_BYTES - 1), entry(2))
  const step = full.next(0)
  t.is(step.type === 'append' && step.entries.length, 1)
  const many = opened()
  const small = entry(1)
  for (let i = 0; i < JOURNAL_OBJECT_ENTRIES; i++) note(many, 0, small)
  t.is(many.next(0).type, 'rest')
  note(many, 0, small)
  const most = many.next(0)
  t.is(most.type === 'append' && most.entries.length, JOURNAL_OBJECT_ENTRIES)
})

test('R011-53 what comes while a group is sent is in the next one', (t) => {
  const shipper = opened({ acknowledges: true })
  note(shipper, 0, entry(3))
  const first = shipper.next(0)
  note(shipper, 0, entry(4))
  shipper.answer({ type: 'failed', fault: away }, 0)
  t.is(shipper.next(0).type, 'rest')
  t.deepEqual(shipper.next(200), { type: 'read', after: 10, count: 1 })
  shipper.answer({ type: 'found', found: [] }, 200)
  t.deepEqual(shipper.next(200), first)
  shipper.answer({ type: 'ok' }, 200)
  t.deepEqual(shipper.next(200), { type: 'append', after: 11, entries: [entry(4)] })
})

test('R011-54 memory is bounded: entries beyond it are read again from the own journal', (t) => {
  const shipper = opened()
  const large = entry(3 * MIB)
  note(shipper, 0, large, large, large)
  t.is(shipper.next(0).type, 'append')
  shipper.answer({ type: 'ok' }, 0)
  t.is(shipper.next(0).type, 'append')
  shipper.answer({ type: 'ok' }, 0)
  t.deepEqual(shipper.next(ARCHIVE_GATHER_MS), { type: 'load', after: 12, count: 1 })
  shipper.answer({ type: 'loaded', entries: [large] }, 0)
  t.deepEqual(shipper.next(ARCHIVE_GATHER_MS), { type: 'append', after: 12, entries: [large] })
  shipper.answer({ type: 'ok' }, 0)
  // Memory is free again.
  note(shipper, 0, large)
  t.is(shipper.next(ARCHIVE_GATHER_MS).type, 'append')
})

test('R011-55 a found object may be that of an earlier process: what is equal counts, and only that', (t) => {
  const shipper = opened({ acknowledges: true })
  note(shipper, 0, entry(3, 1), entry(3, 2), entry(3, 3))
  t.is(shipper.next(0).type, 'append')
  shipper.answer({ type: 'taken' }, 5)
  t.deepEqual(shipper.next(5), { type: 'read', after: 10, count: 3 })
  shipper.answer({ type: 'found', found: [entry(3, 1)] }, 6)
  t.is(shipper.archived, 11)
  t.deepEqual(shipper.next(6), { type: 'append', after: 11, entries: [entry(3, 2), entry(3, 3)] })
  shipper.answer({ type: 'taken' }, 7)
  t.is(shipper.next(7).type, 'read')
  shipper.answer({ type: 'found', found: [entry(3, 2), entry(3, 9)] }, 8)
  t.is(shipper.archived, 12)
  t.is(shipper.fence?.code, 'unwritable')
  t.deepEqual(shipper.next(8), { type: 'ended' })
})

test('R011-55 R011-56 a trimmed place, or another entry, fences; the message says who and where', (t) => {
  for (const found of ['gone', [entry(3, 7)]] as const) {
    const shipper = opened({ acknowledges: true })
    note(shipper, 0, entry(3))
    t.is(shipper.next(0).type, 'append')
    shipper.answer({ type: 'taken' }, 0)
    t.is(shipper.next(0).type, 'read')
    shipper.answer({ type: 'found', found }, 0)
    t.regex(shipper.fence!.message, /taken over the archive in s3:\/\/b\/p.*after entry 10$/)
    t.false(shipper.mayServe(0))
  }
})

test('R011-57 a failure is tried again, later and later, and read back each time', (t) => {
  const shipper = opened({ acknowledges: true })
  note(shipper, 0, entry(3))
  let now = 0
  const waits: number[] = []
  t.is(shipper.next(now).type, 'append')
  for (let i = 0; i < 9; i++) {
    shipper.answer({ type: 'failed', fault: away }, now)
    const rest = shipper.next(now)
    if (rest.type !== 'rest') return t.fail(rest.type)
    waits.push(rest.ms)
    now += rest.ms
    t.is(shipper.next(now).type, 'read')
  }
  t.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
  t.true(shipper.isFailing)
  t.is(shipper.lastFault?.fault, away)
  shipper.answer({ type: 'found', found: [entry(3)] }, now)
  t.false(shipper.isFailing)
})

test('R011-58 the bucket may lack 64 MiB: then nothing more is admitted', (t) => {
  const shipper = opened()
  const large = entry(2 * MIB)
  while (shipper.lag(0).bytes + large.byteLength < ARCHIVE_LAG_BYTES) note(shipper, 0, large)
  t.true(shipper.admits(0))
  note(shipper, 0, large)
  t.false(shipper.admits(0))
  t.false(shipper.refuses(ARCHIVE_CONFIRM_MS))
  const step = shipper.next(0)
  t.is(step.type, 'append')
  shipper.answer({ type: 'ok' }, 0)
  t.true(shipper.admits(0))
})

test('R011-58 the bucket may lack an entry for 30 s; where it does not answer, changes are refused 10 s later', (t) => {
  const shipper = opened()
  note(shipper, 0, entry(3))
  t.true(shipper.admits(ARCHIVE_LAG_MS - 1))
  t.false(shipper.admits(ARCHIVE_LAG_MS))
  const refused = ARCHIVE_LAG_MS + ARCHIVE_CONFIRM_MS
  t.false(shipper.refuses(refused))
  t.is(shipper.next(1000).type, 'append')
  shipper.answer({ type: 'failed', fault: away }, 1000)
  t.false(shipper.refuses(refused - 1))
  t.true(shipper.refuses(refused))
  const acknowledging = opened({ acknowledges: true })
  note(acknowledging, 0, entry(3))
  t.is(acknowledging.next(0).type, 'append')
  acknowledging.answer({ type: 'failed', fault: away }, 1000)
  t.false(acknowledging.refuses(ARCHIVE_CONFIRM_MS - 1))
  t.true(acknowledging.refuses(ARCHIVE_CONFIRM_MS))
})

test('R011-59 R011-60 an entry is acknowledged while the last one was sent less than 30 s ago', (t) => {
  const shipper = opened()
  note(shipper, 0, entry(3))
  t.false(shipper.mayAcknowledge(11, 0))
  t.is(shipper.next(2000).type, 'append')
  shipper.answer({ type: 'ok' }, 9000)
  t.true(shipper.mayAcknowledge(11, 99_000))
  note(shipper, 9000, entry(3))
  t.true(shipper.mayAcknowledge(12, 2000 + ARCHIVE_LAG_MS - 1))
  t.false(shipper.mayAcknowledge(12, 2000 + ARCHIVE_LAG_MS))
  t.false(shipper.mayServe(2000 + ARCHIVE_LAG_MS))
})

test('R011-60 what is found counts from the first try, and before the first answer from the start', (t) => {
  const shipper = opened({ at: 500, acknowledges: true })
  note(shipper, 1000, entry(3))
  for (const [sentAt, provedAt] of [
    [1000, 500],
    [5000, 5000],
  ] as const) {
    t.is(shipper.next(sentAt).type, 'append')
    shipper.answer({ type: 'failed', fault: away }, sentAt)
    t.is(shipper.next(sentAt + 1000).type, 'read')
    shipper.answer({ type: 'found', found: [entry(3)] }, sentAt + 1000)
    t.true(shipper.mayServe(provedAt + ARCHIVE_LAG_MS - 1))
    t.false(shipper.mayServe(provedAt + ARCHIVE_LAG_MS))
    note(shipper, 5000, entry(3))
  }
})

test('R011-61 with acknowledging nothing is acknowledged before it is there', (t) => {
  const shipper = opened({ acknowledges: true })
  note(shipper, 0, entry(3))
  t.is(shipper.next(0).type, 'append')
  shipper.answer({ type: 'ok' }, 0)
  note(shipper, 0, entry(3))
  t.true(shipper.mayAcknowledge(11, 0))
  t.false(shipper.mayAcknowledge(12, 0))
})

test('R011-62 a heartbeat follows 10 s after the last proof, once, and none while something is missing', (t) => {
  const shipper = opened()
  t.is(shipper.next(0).type, 'heartbeat')
  shipper.answer({ type: 'said' }, 0)
  t.deepEqual(shipper.next(0), { type: 'rest', ms: ARCHIVE_HEARTBEAT_MS })
  note(shipper, 10, entry(3))
  t.is(shipper.next(5000).type, 'append')
  shipper.answer({ type: 'failed', fault: away }, 5000)
  t.is(shipper.next(60_000).type, 'read')
  shipper.answer({ type: 'found', found: [] }, 60_000)
  t.is(shipper.next(60_000).type, 'append')
  shipper.answer({ type: 'ok' }, 60_000)
  t.deepEqual(shipper.next(60_000), { type: 'rest', ms: ARCHIVE_HEARTBEAT_MS })
  const closed = new Shipper(start)
  t.deepEqual(closed.next(0), { type: 'rest', ms: Infinity })
})
