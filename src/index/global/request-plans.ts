/**
 * What each request does to the index (specs/004-index.md, "Requests"), as a *plan*: it asks for the rows that it
 * needs, once or twice, and ends in an outcome. A plan is pure; where the rows have changed before its transaction is
 * committed it is made anew and begins from the start.
 */
import type { ErrorCode } from '../../errors.ts'
import { NAMES_PER_KEY } from '../../limits.ts'
import { Key } from '../../hash/key.ts'
import { equal } from '../../bytes.ts'
import type { Location, RecordKey, Row, Transaction, Write } from '../../store/store.ts'
import type {
  Bind,
  Body,
  Digest,
  Fact,
  Failure,
  Locate,
  Lookup,
  Offer,
  Receipt,
  Remove,
  Unbind,
} from '../message.ts'
import * as record from '../records/record.ts'
import { keyRow, nameRow, removedRow, type Change, type KeyRecord } from '../records/record.ts'

type Rows = readonly (Row | undefined)[]

export type Plan = Generator<readonly RecordKey[], Outcome, Rows>

/** A small value to be read and sent along, if there is room for it. */
export interface Inline {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
}

export type Outcome =
  | { readonly type: 'answer'; readonly body: Body }
  /** Read these values, then answer. */
  | {
      readonly type: 'load'
      readonly values: readonly (Inline | undefined)[]
      readonly answer: (values: readonly (Uint8Array | undefined)[]) => Body
    }
  /** Commit this change, then go on with its seq. */
  | {
      readonly type: 'change'
      readonly change: Change
      /** The rows that were looked at. */
      readonly looked: readonly RecordKey[]
      readonly rows: Rows
      readonly writes: readonly Write[]
      /** What is remembered of a loss, given the highest seq that it can get: who asks again waits for no less. */
      readonly mark?: (latest: number) => Write
      readonly adopt?: readonly Location[]
      readonly release?: readonly Location[]
      readonly next: (seq: number) => Done
    }
  | Done

export type Done =
  | { readonly type: 'answer'; readonly body: Body }
  /** Answer when everybody has acknowledged this seq, or nobody will. */
  | { readonly type: 'await'; readonly seq: number; readonly removed: RemovedFacts }

/** What is known of a removal beside who has acknowledged it. */
export interface RemovedFacts {
  readonly freedBytes: number
  readonly names: readonly string[]
  readonly digest: Digest | undefined
}

/** A value that was verified and sealed in the store. */
export interface Sealed {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
}

export const failure = (code: ErrorCode, message: string, hint?: string): Failure => ({
  type: 'failure',
  code,
  message,
  hint,
})

export const answer = (body: Body): Done => ({ type: 'answer', body })

const textOf = (digest: Digest): string => new Key(digest).toString()

/** Who is known to hold a value and to serve it to others: peer ids, a hint. */
export type HoldersOf = (digest: Digest) => readonly string[]

export function* locate({ digests, inline }: Locate, holdersOf: HoldersOf): Plan {
  const rows = yield digests.map(keyRow)
  const records = rows.map((row) => (row === undefined ? undefined : record.decodeKey(row)))
  return {
    type: 'load',
    values: records.map((one, i) =>
      inline && one !== undefined ? { ...one, digest: digests[i]! } : undefined,
    ),
    answer: (values) => ({
      type: 'located',
      // A batch of facts fits into one message only without names and holders.
      facts:
        digests.length === 1
          ? [factOf(records[0], values[0], holdersOf(digests[0]!))]
          : records.map((one, i) => factOf(one, values[i])),
    }),
  }
}

/** With names where holders are given: what is of a batch has neither. */
function factOf(
  found: KeyRecord | undefined,
  value: Uint8Array | undefined,
  holders?: readonly string[],
): Fact | undefined {
  if (found === undefined) return undefined
  const { size, incarnation, names } = found
  return { size, incarnation, value, holders: holders ?? [], names: holders ? names : [] }
}

export function* lookup({ name, inline }: Lookup): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer({ type: 'binding', found: undefined })
    const digest = record.decodeName(bound)
    const [again, row] = yield [nameRow(name), keyRow(digest)]
    if (again?.version !== bound.version || row === undefined) continue
    const found = record.decodeKey(row)
    return {
      type: 'load',
      values: inline ? [{ ...found, digest }] : [undefined],
      answer: ([value]) => ({
        type: 'binding',
        found: { digest, incarnation: bound.version, fact: factOf(found, value, [])! },
      }),
    }
  }
}

/** Adopt a sealed value under its key, or find that it is there; bind a name in the same change. */
export function* put({ digest, size, location }: Sealed, name: string | undefined): Plan {
  const looked = putRows(digest, name)
  const rows = yield looked
  const [row, taken] = rows
  if (row !== undefined || taken !== undefined) {
    return putAgain({ digest, name, looked, rows }, (have) => ({
      type: 'stored',
      receipts: [have],
    }))
  }
  const names = name === undefined ? [] : [name]
  const unnamed = name === undefined
  return {
    type: 'change',
    change: { type: 'put', digest, size, names },
    looked,
    rows,
    writes: [
      { key: keyRow(digest), value: record.encodeKey({ size, location, names, unnamed }) },
      { key: removedRow(digest), value: undefined },
      ...names.map((one) => ({ key: nameRow(one), value: record.encodeName(digest) })),
    ],
    adopt: [location],
    next: (incarnation) =>
      answer({ type: 'stored', receipts: [{ digest, size, incarnation, existed: false }] }),
  }
}

/** May this large value be sent? Where it is there already, this is the put. */
export function* offer({ digest, name }: Offer): Plan {
  const looked = putRows(digest, name)
  const rows = yield looked
  if (rows.every((row) => row === undefined)) {
    return answer({ type: 'offered', have: undefined, sendFrom: 0 })
  }
  return putAgain({ digest, name, looked, rows }, (have) => ({
    type: 'offered',
    have,
    sendFrom: 0,
  }))
}

const putRows = (digest: Digest, name: string | undefined): RecordKey[] =>
  name === undefined ? [keyRow(digest)] : [keyRow(digest), nameRow(name)]

interface Looked {
  readonly digest: Digest
  readonly name: string | undefined
  readonly looked: readonly RecordKey[]
  readonly rows: Rows
}

/** A put of a key that exists, or under a name that does. */
function putAgain(
  { digest, name, looked, rows }: Looked,
  bodyOf: (have: Receipt) => Body,
): Outcome {
  const [row, taken] = rows
  if (taken !== undefined && !equal(record.decodeName(taken), digest)) {
    return answer(nameTaken(name!, taken))
  }
  if (row === undefined) return answer(failure('internal', `the name ${name} has no value`))
  const found = record.decodeKey(row)
  const { size, incarnation } = found
  const done = answer(bodyOf({ digest, size, incarnation, existed: true }))
  if (name !== undefined && taken === undefined) {
    return bindTo(found, { digest, name, looked, rows }, () => done)
  }
  if (name !== undefined || found.unnamed) return done
  return {
    type: 'change',
    change: { type: 'put', digest, size, names: [] },
    looked,
    rows,
    writes: [{ key: keyRow(digest), value: record.encodeKey({ ...found, unnamed: true }) }],
    next: () => done,
  }
}

export function* bind({ name, digest }: Bind): Plan {
  const looked = [keyRow(digest), nameRow(name)]
  const rows = yield looked
  const [row, taken] = rows
  if (taken !== undefined && !equal(record.decodeName(taken), digest)) {
    return answer(nameTaken(name, taken))
  }
  if (row === undefined) return answer(failure('not-found', `no such key: ${textOf(digest)}`))
  const found = record.decodeKey(row)
  const bound = (incarnation: number): Done =>
    answer({
      type: 'binding',
      found: { digest, incarnation, fact: factOf(found, undefined, [])! },
    })
  if (taken !== undefined) return bound(taken.version)
  return bindTo(found, { digest, name, looked, rows }, bound)
}

function bindTo(
  found: KeyRecord,
  { digest, name, looked, rows }: Looked & { name: string },
  next: (seq: number) => Done,
): Outcome {
  if (found.names.length >= NAMES_PER_KEY) {
    return answer(failure('too-large', `a key has at most ${NAMES_PER_KEY} names`))
  }
  return {
    type: 'change',
    change: { type: 'bind', digest, name },
    looked,
    rows,
    writes: [
      { key: keyRow(digest), value: record.encodeKey({ ...found, names: [...found.names, name] }) },
      { key: nameRow(name), value: record.encodeName(digest) },
    ],
    next,
  }
}

export function* unbind({ name, keepValue }: Unbind): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer(failure('not-found', `no such name: ${name}`))
    const digest = record.decodeName(bound)
    const looked = [nameRow(name), keyRow(digest)]
    const rows = yield looked
    if (rows[0]?.version !== bound.version || rows[1] === undefined) continue
    const found = record.decodeKey(rows[1])
    const names = found.names.filter((one) => one !== name)
    if (names.length === 0 && !found.unnamed && !keepValue)
      return removal(digest, found, looked, rows)
    return {
      type: 'change',
      change: { type: 'unbind', digest, name },
      looked,
      rows,
      writes: [
        { key: nameRow(name), value: undefined },
        {
          key: keyRow(digest),
          // A value that was to be kept without a name stays from now on.
          value: record.encodeKey({
            ...found,
            names,
            unnamed: found.unnamed || names.length === 0,
          }),
        },
      ],
      next: (seq) => ({
        type: 'await',
        seq,
        removed: { freedBytes: 0, names: [name], digest: undefined },
      }),
    }
  }
}

/** `upto`: the last seq that the log has let go of. */
export function* remove({ digest, force }: Remove, upto: () => number): Plan {
  const looked = [keyRow(digest), removedRow(digest)]
  const rows = yield looked
  const [row, mark] = rows
  if (row === undefined) {
    const last = mark === undefined ? undefined : record.decodeRemoved(mark)
    if (last === undefined || last.seq <= upto()) {
      return answer(failure('not-found', `no such key: ${textOf(digest)}`))
    }
    const removed = { freedBytes: last.size, names: [], digest }
    return { type: 'await', seq: last.seq, removed }
  }
  const found = record.decodeKey(row)
  if (found.names.length > 0 && !force) return answer(stillNamed(digest, found.names))
  return removal(digest, found, looked, rows)
}

function removal(
  digest: Digest,
  found: KeyRecord,
  looked: readonly RecordKey[],
  rows: Rows,
): Outcome {
  const { size, location, incarnation, names } = found
  return {
    type: 'change',
    change: { type: 'remove', digest, incarnation, names },
    looked,
    rows,
    writes: [
      { key: keyRow(digest), value: undefined },
      ...names.map((name) => ({ key: nameRow(name), value: undefined })),
    ],
    mark: (seq) => ({ key: removedRow(digest), value: record.encodeRemoved({ seq, size }) }),
    release: [location],
    next: (seq) => ({ type: 'await', seq, removed: { freedBytes: size, names, digest } }),
  }
}

function nameTaken(name: string, row: Row): Failure {
  const bound = textOf(record.decodeName(row))
  return failure('conflict', `the name ${name} is bound to ${bound}`, 'names are never bound anew')
}

function stillNamed(digest: Digest, names: readonly string[]): Failure {
  const some = names.slice(0, 8).join(', ')
  const more = names.length > 8 ? ` and ${names.length - 8} more` : ''
  return failure(
    'conflict',
    `${textOf(digest)} has names: ${some}${more}`,
    'use --force to remove it with them',
  )
}

/** The transaction of a change. `latest` is the highest seq that it can get. */
export function transactionOf(
  { change, looked, rows, writes, mark, adopt = [], release = [] }: Outcome & { type: 'change' },
  { atMs, latest }: { readonly atMs: number; readonly latest: number },
): Transaction {
  return {
    conditions: looked.map((key, i) => ({ key, version: rows[i]?.version ?? 0 })),
    writes: mark === undefined ? writes : [...writes, mark(latest)],
    entry: record.encodeChange(change, atMs),
    adopt,
    release,
  }
}
