/** What each type of change does, and what it is refused for. */
import type { Change, SealedValue, TransactionChange } from '../../../../src/journal/entry.ts'
import { applyBody, applyChange } from '../../../../src/store/disk/replica/apply.ts'
import { sealedValue, storedValue } from '../../../../src/store/disk/replica/sealed-value.ts'
import { test } from '../../../serial.ts'
import { keyOf, text, write } from '../../conformance/suite.ts'
import { PlainRecords } from './plain-records.ts'
import { locationAt } from './random-changes.ts'

const EMPTY: TransactionChange = {
  type: 'transaction',
  conditions: [],
  writes: [],
  increments: [],
  entry: text('entry'),
  adopt: [],
  release: [],
}

const small = (number: number, value: string): SealedValue => ({
  location: locationAt(number),
  size: value.length,
  outboardBytes: 0,
  place: 'small',
  bytes: text(value),
})

const inFile = (number: number, size: number): SealedValue => ({
  location: locationAt(number),
  size,
  outboardBytes: 3,
  place: 'records',
  bytes: text('out'),
})

const GONE = locationAt(9)

test('R005-23: conditions are decided before locations, and by what was applied before', (t) => {
  const state = new PlainRecords()
  const absent = { key: keyOf('a'), version: 0 }
  const change = { ...EMPTY, conditions: [absent], writes: [write('a', 'x')] }
  t.deepEqual(applyChange(state, change), { result: { ok: true, seq: 1 }, released: [] })
  const again = applyChange(state, { ...change, release: [GONE] })
  t.deepEqual(again, { result: { ok: false, failed: absent }, released: [] })
  t.is(again.result.ok ? undefined : again.result.failed, absent)
})

test('R005-22: a transaction that releases what is not adopted leaves no trace', (t) => {
  const state = new PlainRecords()
  applyChange(state, { ...EMPTY, adopt: [small(1, 'one')] })
  const before = state.tally()
  const change = { ...EMPTY, writes: [write('a', 'x')], adopt: [small(2, 'two')] }
  const { mistake } = applyChange(state, { ...change, release: [locationAt(1), GONE] })
  t.true(mistake instanceof RangeError)
  t.regex(mistake?.message ?? '', new RegExp(`release names ${GONE}`, 'u'))
  t.is(state.tally(), before)
  t.is(state.row(keyOf('a')), undefined)
  t.not(state.value(locationAt(1)), undefined)
  t.is(state.value(locationAt(2)), undefined)
})

test('R005-82: a transaction whose counter would leave its bounds leaves no trace', (t) => {
  const state = new PlainRecords()
  const count = keyOf('count', 'meta')
  const up = { ...EMPTY, entry: undefined, increments: [{ key: count, by: 1 }] }
  t.true(applyChange(state, up).result.ok)
  const before = state.tally()
  const down = { ...EMPTY, writes: [write('a', 'x')], increments: [{ key: count, by: -2 }] }
  const { mistake } = applyChange(state, down)
  t.like(mistake, { code: 'integrity' })
  t.is(state.tally(), before)
  t.is(state.row(keyOf('a')), undefined)
  t.is(state.version(count), 1)
})

test('R005-6: versions are seqs, in meta numbers of their own; the tally counts values', (t) => {
  const state = new PlainRecords()
  applyBody(state, 5, { kind: 'begin' })
  const writes = [write('a', 'x'), write('m', 'x', 'meta'), write('m', 'y', 'meta')]
  applyChange(state, { ...EMPTY, writes, adopt: [small(1, 'one'), inFile(2, 100)] })
  t.is(state.version(keyOf('a')), 1)
  t.is(state.version(keyOf('m', 'meta')), 2)
  const adopted = { run: 5, lastSeq: 1, revision: 2, values: 2, valueBytes: 103 }
  t.like(state.tally(), adopted)
  const { released } = applyChange(state, { ...EMPTY, release: [locationAt(2), locationAt(1)] })
  t.deepEqual(
    released.map(({ size }) => size),
    [100, 3],
  )
  t.like(state.tally(), { ...adopted, lastSeq: 2, values: 0, valueBytes: 0 })
})

test('R005-11, R005-126: a trim beyond the end does not reach entries that come later', (t) => {
  const state = new PlainRecords()
  applyChange(state, EMPTY)
  t.is(applyChange(state, { type: 'trim', upto: 10 }).mistake, undefined)
  applyChange(state, EMPTY)
  t.deepEqual(
    state.entries(0, 10).map(({ seq }) => seq),
    [2],
  )
  t.is(state.tally().trimmed, 1)
})

test('R005-41: only an adopted value is marked as damaged; its release forgets the mark', (t) => {
  const state = new PlainRecords()
  applyChange(state, { ...EMPTY, adopt: [small(1, 'one')] })
  const damaged = (location: string): Change => ({ type: 'damaged', location })
  t.true(applyChange(state, damaged(GONE)).mistake instanceof RangeError)
  t.is(applyChange(state, damaged(locationAt(1))).mistake, undefined)
  t.true(state.isDamaged(locationAt(1)))
  applyChange(state, { ...EMPTY, release: [locationAt(1)] })
  t.false(state.isDamaged(locationAt(1)))
})

test('R005-42: a replacement takes the place of a damaged value, whose file is released', (t) => {
  const state = new PlainRecords()
  const location = locationAt(1)
  const before = state.tally()
  applyChange(state, { ...EMPTY, adopt: [inFile(1, 100)] })
  applyChange(state, { type: 'damaged', location })
  const replace = (by: SealedValue, at: string = location): Change => {
    return { type: 'replace', location: at, by }
  }
  for (const wrong of [replace(inFile(2, 99)), replace(inFile(2, 100), GONE)]) {
    t.true(applyChange(state, wrong).mistake instanceof RangeError)
    t.true(state.isDamaged(location))
    t.is(state.value(location)?.file, location)
  }
  const { released, mistake } = applyChange(state, replace(inFile(2, 100)))
  t.is(mistake, undefined)
  t.deepEqual(
    released.map(({ file }) => file),
    [location],
  )
  t.false(state.isDamaged(location))
  t.is(state.value(location)?.file, locationAt(2))
  t.like(state.tally(), { ...before, lastSeq: 1, values: 1, valueBytes: 100 })
})

test('R005-65, R005-128: an outboard is moved away from behind its value, and nothing is released', (t) => {
  const state = new PlainRecords()
  const file = locationAt(3)
  const location = locationAt(1)
  const behind = { size: 10, outboardBytes: 3, file, small: undefined, place: 'behind' } as const
  state.writeValue(location, behind)
  const move: Change = { type: 'replace', location, by: inFile(3, 10) }
  state.markDamaged(location)
  t.true(applyChange(state, move).mistake instanceof RangeError)
  t.true(state.isDamaged(location))
  state.deleteValue(location)
  state.writeValue(location, behind)
  t.deepEqual(applyChange(state, move), { result: { ok: true, seq: 0 }, released: [] })
  t.like(state.value(location), { file, place: 'records' })
  t.true(applyChange(state, move).mistake instanceof RangeError)
})

test('R005-120: a sealed value is the same in an entry and in the records', (t) => {
  const large: SealedValue = { ...inFile(3, 9), place: 'file', bytes: new Uint8Array(0) }
  for (const value of [small(1, 'one'), inFile(2, 100), large]) {
    t.deepEqual(sealedValue(storedValue(value, value.location)), value)
  }
  const moved = storedValue(inFile(2, 9), locationAt(7))
  t.is(moved.file, locationAt(2))
  t.is(storedValue(small(2, 'two'), locationAt(7)).file, locationAt(7))
  t.throws(() => sealedValue({ ...moved, place: 'behind' }), { instanceOf: TypeError })
})
