import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { type ModelChange, type ModelEntry, encode } from '../../specs/models/journal-entries.ts'
import { type JournalVectors, journalVectors } from '../../specs/models/journal-vectors.ts'
import { vectorFile } from '../../specs/models/vectors.ts'
import { fromHex, toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { Chain } from '../../src/journal/chain.ts'
import { decodeEntry } from '../../src/journal/decode.ts'
import { entryDigest } from '../../src/journal/digest.ts'
import { changeBytes, changeParts, encodeEntry } from '../../src/journal/encode.ts'
import type { Change, Condition, Entry, RecordKey, SealedValue } from '../../src/journal/entry.ts'
import {
  JOURNAL_CHANGES,
  JOURNAL_ENTRY_BYTES,
  JOURNAL_PARTS,
  RECORD_ID_BYTES,
  RECORD_VALUE_BYTES,
  SMALL_VALUE_BYTES,
} from '../../src/limits.ts'
import type { Increment, Transaction } from '../../src/store/store.ts'
import { test } from '../serial.ts'
import { bytes, count, damage } from '../wire/arbitraries.ts'
import { id, marked } from './tools.ts'

const FILE = 'specs/vectors/009-journal.json'
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as JournalVectors

const unhex = (text: string): Uint8Array => fromHex(text)!

/** The code with which the bytes are refused; undefined for an entry. */
function refusal(entry: Uint8Array): string | undefined {
  try {
    decodeEntry(entry)
    return undefined
  } catch (error) {
    if (error instanceof DstoreError) return error.code
    throw error
  }
}

// The model's words.

const keyModel = ({ table, id }: RecordKey): { table: RecordKey['table']; id: string } => ({
  table,
  id: toHex(id),
})
const valueModel = (value: SealedValue): SealedValue & { bytes: never } =>
  ({ ...value, bytes: toHex(value.bytes) }) as never

function conditionModel(condition: Condition): object {
  if ('present' in condition) return { ...keyModel(condition.present), present: true }
  if ('noneWithPrefix' in condition) {
    const { table, noneWithPrefix } = condition
    return { ...keyModel({ table, id: noneWithPrefix }), prefix: true }
  }
  return { ...keyModel(condition.key), version: condition.version }
}

function changeModel(change: Change): ModelChange {
  if (change.type === 'replace') return { ...change, by: valueModel(change.by) }
  if (change.type !== 'transaction') return change
  const maybe = (value: Uint8Array | undefined): string | null =>
    value === undefined ? null : toHex(value)
  return {
    type: 'transaction',
    conditions: change.conditions.map(conditionModel) as never,
    writes: change.writes.map(({ key, value }) => ({ ...keyModel(key), value: maybe(value) })),
    increments: change.increments.map(({ key, by }) => ({ ...keyModel(key), by })),
    entry: maybe(change.entry),
    adopt: change.adopt.map(valueModel),
    release: change.release,
  }
}

function modelOf({ head, body }: Entry): ModelEntry {
  const { set, writer, before, ...numbers } = head
  const texts = { set: toHex(set), writer: toHex(writer), before: toHex(before) }
  const changes = body.kind === 'changes' ? { changes: body.changes.map(changeModel) } : {}
  return { ...numbers, ...texts, kind: body.kind, ...changes }
}

test("R009-30 the committed vectors are the model's", (t) => {
  t.is(readFileSync(FILE, 'utf8'), vectorFile(journalVectors()))
})

for (const { what, entry, bytes, digest } of vectors.entries) {
  test(`R009-30, R009-33 an entry of the vectors: ${what}`, (t) => {
    const decoded = decodeEntry(unhex(bytes))
    t.deepEqual(modelOf(decoded), entry)
    t.is(toHex(encodeEntry(decoded)), bytes)
    t.is(toHex(entryDigest(unhex(bytes))), digest)
  })
}

test('R009-31, R009-32 what the vectors refuse', (t) => {
  const whole = unhex(vectors.changed)
  t.is(refusal(whole), undefined)
  t.true(vectors.refused.length > 150)
  for (const { why, at, take, put, code } of vectors.refused) {
    const changed = Buffer.concat([whole.subarray(0, at), unhex(put), whole.subarray(at + take)])
    t.is(refusal(changed), code, why)
  }
})

for (const { what, entries, accepted } of vectors.journals) {
  test(`R009-33 to R009-36 a journal of the vectors: ${what}`, (t) => {
    const chain = new Chain()
    for (const [i, entry] of entries.entries()) {
      if (i < accepted) chain.accept(unhex(entry))
      else t.throws(() => chain.accept(unhex(entry)), { code: 'integrity' }, `entry ${i + 1}`)
      t.is(chain.position, Math.min(i + 1, accepted))
      if (i === accepted) break
    }
    t.is(
      toHex(chain.digest),
      toHex(accepted === 0 ? new Uint8Array(32) : entryDigest(unhex(entries[accepted - 1]!))),
    )
  })
}

// Properties.

const recordKey: fc.Arbitrary<RecordKey> = fc.record({
  table: fc.constantFrom('keys', 'names', 'meta'),
  id: fc.uint8Array({ minLength: 1, maxLength: 40 }),
})
const location = bytes(10).map(toHex)
const maybeBytes = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined })
const value: fc.Arbitrary<SealedValue> = fc.oneof(
  fc
    .record({ location, bytes: fc.uint8Array({ maxLength: 60 }) })
    .map(({ location, bytes }): SealedValue => ({
      location,
      size: bytes.byteLength,
      outboardBytes: 0,
      place: 'small',
      bytes,
    })),
  fc
    .record({ location, size: count, bytes: fc.uint8Array({ maxLength: 60 }) })
    .map(({ location, size, bytes }): SealedValue => ({
      location,
      size,
      outboardBytes: bytes.byteLength,
      place: 'records',
      bytes,
    })),
  fc
    .record({ location, size: count, outboardBytes: count })
    .map((one): SealedValue => ({ ...one, place: 'file', bytes: new Uint8Array(0) })),
)
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    type: fc.constant('transaction' as const),
    conditions: fc.array(
      fc.oneof(
        fc.record({ key: recordKey, version: count }),
        fc.record({ present: recordKey }),
        recordKey.map(({ table, id }) => ({ table, noneWithPrefix: id.subarray(1) })),
      ),
      { maxLength: 4 },
    ),
    writes: fc.array(fc.record({ key: recordKey, value: maybeBytes }), { maxLength: 4 }),
    increments: fc.array(
      fc.record({
        key: recordKey.map(({ id }) => ({ table: 'meta' as const, id })),
        by: fc.oneof(
          count,
          count.map((by) => -by || 0),
        ),
      }),
      { maxLength: 4 },
    ),
    entry: maybeBytes,
    adopt: fc.array(value, { maxLength: 3 }),
    release: fc.array(location, { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('trim' as const), upto: count }),
  fc.record({ type: fc.constant('damaged' as const), location }),
  fc.record({ type: fc.constant('replace' as const), location, by: value }),
)
const entry: fc.Arbitrary<Entry> = fc.record({
  head: fc
    .record({
      set: bytes(16),
      epoch: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      writer: bytes(16),
      number: count,
      position: count.map((position) => Math.max(1, position)),
      before: bytes(32),
    })
    .map((head) => ({ ...head, acknowledged: Math.floor(head.position / 2) })),
  body: fc.oneof(
    fc.record({
      kind: fc.constant('changes' as const),
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
    }),
    fc.constantFrom(...(['begin', 'heartbeat', 'farewell'] as const).map((kind) => ({ kind }))),
  ),
})

test('R009-30 any entry is written as the model writes it, and read as it was', (t) => {
  fc.assert(
    fc.property(entry, (one) => {
      const written = encodeEntry(one)
      t.is(Buffer.compare(written, encode(modelOf(one))), 0)
      const read = decodeEntry(written)
      t.deepEqual(modelOf(read), modelOf(one))
      if (one.body.kind !== 'changes') return
      const length = one.body.changes.reduce((sum, each) => sum + changeBytes(each), 0)
      t.is(written.byteLength, 98 + 4 + length)
    }),
    { numRuns: 300 },
  )
})

test('R009-31 damaged bytes are refused, or are the one encoding of what they say', (t) => {
  const damaged = entry.chain((one) => damage(encodeEntry(one)))
  fc.assert(
    fc.property(damaged, (some) => {
      if (refusal(some) !== undefined) return
      t.is(Buffer.compare(encodeEntry(decodeEntry(some)), some), 0)
    }),
    { numRuns: 1000 },
  )
})

const HEAD = {
  set: id(1),
  epoch: 1,
  writer: id(2),
  number: 1,
  position: 1,
  acknowledged: 0,
  before: new Uint8Array(32),
}
const encodes = (...changes: readonly Change[]): Uint8Array =>
  encodeEntry({ head: HEAD, body: { kind: 'changes', changes } })

const transaction = (part: Partial<Change & { type: 'transaction' }>): Change => ({
  type: 'transaction',
  conditions: [],
  writes: [],
  increments: [],
  entry: undefined,
  adopt: [],
  release: [],
  ...part,
})

test('R009-31 what would be refused is not written: a mistake of the caller', (t) => {
  const wrong = { instanceOf: RangeError }
  const key = (length: number): RecordKey => ({ table: 'meta', id: new Uint8Array(length) })
  const sized = (size: number, length: number): SealedValue => ({
    location: '00'.repeat(10),
    size,
    outboardBytes: 0,
    place: 'small',
    bytes: new Uint8Array(length),
  })
  const many = Array.from({ length: JOURNAL_CHANGES }, () => marked(1))
  t.is(refusal(encodes(...many)), undefined)
  t.throws(() => encodes(...many, marked(1)), wrong)
  t.throws(() => encodes(), wrong)
  const releases = Array.from({ length: JOURNAL_PARTS }, () => '00'.repeat(10))
  t.is(refusal(encodes(transaction({ release: releases }))), undefined)
  t.throws(
    () => encodes(transaction({ release: releases }), transaction({ release: ['00'.repeat(10)] })),
    wrong,
  )
  t.is(
    refusal(encodes(transaction({ writes: [{ key: key(RECORD_ID_BYTES), value: undefined }] }))),
    undefined,
  )
  for (const change of [
    transaction({ writes: [{ key: key(RECORD_ID_BYTES + 1), value: undefined }] }),
    transaction({ writes: [{ key: key(0), value: undefined }] }),
    transaction({ writes: [{ key: key(1), value: new Uint8Array(RECORD_VALUE_BYTES + 1) }] }),
    transaction({ entry: new Uint8Array(RECORD_VALUE_BYTES + 1) }),
    transaction({ conditions: [{ key: key(1), version: -1 }] }),
    transaction({ conditions: [{ key: key(1), version: 2 ** 53 }] }),
    transaction({ increments: [{ key: { table: 'keys', id: id(1) }, by: 1 }] }),
    transaction({ increments: [{ key: key(1), by: 0.5 }] }),
    transaction({ adopt: [sized(3, 2)] }),
    transaction({ adopt: [sized(SMALL_VALUE_BYTES + 1, SMALL_VALUE_BYTES + 1)] }),
    transaction({ release: ['no location'] }),
    { type: 'trim', upto: -1 },
    { type: 'damaged', location: '00' },
  ] satisfies Change[]) {
    t.throws(() => encodes(change), wrong, JSON.stringify(change).slice(0, 80))
  }
  const large = transaction({ entry: new Uint8Array(RECORD_VALUE_BYTES) })
  const full = Array.from({ length: JOURNAL_ENTRY_BYTES / RECORD_VALUE_BYTES }, () => large)
  t.throws(() => encodes(...full), wrong)
  t.is(changeParts(transaction({ release: ['a', 'b'], entry: id(1) })), 2)
})

test('R009-31 what has all its bytes, and one part or byte too many, is refused', (t) => {
  const u32 = (value: number): Uint8Array =>
    Uint8Array.of(value >> 24, value >> 16, value >> 8, value)
  const patched = (
    bytes: Uint8Array,
    at: number,
    value: number,
    more: Uint8Array,
    where: number,
  ): Uint8Array =>
    Buffer.concat([
      bytes.subarray(0, at),
      u32(value),
      bytes.subarray(at + 4, where),
      more,
      bytes.subarray(where),
    ])
  const trims = encodes(...Array.from({ length: JOURNAL_CHANGES }, () => marked(1)))
  const trim = trims.subarray(trims.byteLength - 9)
  t.is(refusal(patched(trims, 98, JOURNAL_CHANGES, new Uint8Array(0), 200)), undefined)
  t.is(refusal(patched(trims, 98, JOURNAL_CHANGES + 1, trim, trims.byteLength)), 'integrity')
  const release = Array.from({ length: JOURNAL_PARTS }, () => '00'.repeat(10))
  const releases = encodes(transaction({ release }))
  const count = releases.byteLength - 10 * JOURNAL_PARTS - 4
  const more = patched(releases, count, JOURNAL_PARTS + 1, new Uint8Array(10), releases.byteLength)
  t.is(refusal(more), 'integrity')
  // After the head: number of changes, type, three empty lists, presence, length, the log entry.
  const length = 98 + 4 + 1 + 3 * 4 + 1
  const logged = encodes(transaction({ entry: new Uint8Array(RECORD_VALUE_BYTES) }))
  t.is(
    refusal(patched(logged, length, RECORD_VALUE_BYTES, new Uint8Array(0), length + 4)),
    undefined,
  )
  t.is(
    refusal(patched(logged, length, RECORD_VALUE_BYTES + 1, Uint8Array.of(1), length + 4)),
    'integrity',
  )
  const model = modelOf(decodeEntry(encodes(transaction({}))))
  const [empty] = model.changes as [ModelChange & { type: 'transaction' }]
  const written = (part: Partial<typeof empty>): string | undefined =>
    refusal(encode({ ...model, changes: [{ ...empty, ...part }] }))
  const write = (bytes: number): Partial<typeof empty> => ({
    writes: [{ table: 'meta', id: 'ab'.repeat(bytes), value: null }],
  })
  const small = (size: number): Partial<typeof empty> => ({
    adopt: [
      {
        location: '00'.repeat(10),
        size,
        outboardBytes: 0,
        place: 'small',
        bytes: 'cd'.repeat(size),
      },
    ],
  })
  t.is(written(write(RECORD_ID_BYTES)), undefined)
  t.is(written(write(RECORD_ID_BYTES + 1)), 'integrity')
  t.is(written(small(SMALL_VALUE_BYTES)), undefined)
  t.is(written(small(SMALL_VALUE_BYTES + 1)), 'integrity')
})

test('R009-31 an entry that is too long is refused before it is read', (t) => {
  t.is(refusal(new Uint8Array(JOURNAL_ENTRY_BYTES + 1)), 'integrity')
})

test("R009-30 an entry takes what the store's callers commit as it is", (t) => {
  const committed: Transaction = {
    conditions: [{ present: { table: 'keys', id: id(1) } }],
    writes: [{ key: { table: 'keys', id: id(1) }, value: undefined }],
    increments: [{ key: { table: 'meta', id: id(2) }, by: 3 } satisfies Increment],
    entry: id(3),
  }
  const { conditions, writes, increments = [], entry } = committed
  const change = transaction({ conditions, writes, increments, entry })
  const { body } = decodeEntry(encodes(change))
  t.like(body, { kind: 'changes', changes: [change] })
})
