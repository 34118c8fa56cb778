/**
 * Plans that store values and bind names (specs/004-index.md, "Rules: names" and "Rules: offers").
 */
import { equal } from '../../bytes.ts'
import { GROUP_BYTES } from '../../limits.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import { failure } from '../failure.ts'
import { faultOfNewName } from '../name.ts'
import type { Bind, Body, Digest, Failure, Offer, Receipt } from '../message.ts'
import { decodeBinding, encodeName } from '../records/name-record.ts'
import {
  decodeKey,
  encodeKey,
  keyRow,
  nameRow,
  removedRow,
  type KeyRecord,
} from '../records/record.ts'
import { missingRow } from '../records/tree-record.ts'
import { factOf } from './lookup-plans.ts'
import type { Origin, Task } from './plan-runner.ts'
import { madeWhole } from './trees/missing.ts'
import { firstName, withName } from './names/named.ts'
import { boundAbove, namesAbove, rowsAbove } from './trees/names.ts'
import {
  answer,
  confirm,
  textOf,
  type Done,
  type Outcome,
  type Plan,
  type Rows,
  type Sealed,
  type StoredFacts,
} from './plan.ts'

/** Adopts a sealed value under its key, unless the key exists; binds a name in the same change. */
export function* put(
  { digest, size, location }: Sealed,
  name: string | undefined,
  mayLack: () => boolean,
): Plan {
  const keys = putRows(digest, name)
  const withMissing = [...keys, missingRow(digest)]
  let isAsked = mayLack()
  let rows = yield isAsked ? withMissing : keys
  // It may be a removal of this very key that is the reason, and that came before the look-up.
  if (rows[0] === undefined && !isAsked && mayLack()) {
    isAsked = true
    rows = yield withMissing
  }
  if (rows[0] !== undefined || (name !== undefined && rows[1] !== undefined)) {
    return putAgain(rows, digest, name, (have) => confirm({ type: 'stored', receipts: [have] }))
  }
  const refusal = name === undefined ? undefined : whyNotBound(name, rows)
  if (refusal !== undefined) return answer(refusal)
  const names = name === undefined ? [] : [name]
  const made = madeWhole(digest, isAsked ? rows[keys.length] : undefined, false)
  const unnamed = name === undefined
  return {
    type: 'change',
    change: { type: 'put', digest, size, names },
    writes: [
      { key: keyRow(digest), value: encodeKey({ size, location, names: names.length, unnamed }) },
      { key: removedRow(digest), value: undefined },
      ...names.flatMap((one) => [
        { key: nameRow(one), value: encodeName(digest) },
        firstName(digest, one),
      ]),
      ...made.writes,
    ],
    ...(made.increments.length > 0 && { increments: made.increments }),
    adopt: [location],
    next: (incarnation) =>
      answer({ type: 'stored', receipts: [{ digest, size, incarnation, existed: false }] }),
  }
}

/** Puts a sealed value. */
export function putTask(
  origin: Origin,
  value: Sealed,
  name: string | undefined,
  mayLack: () => boolean,
  finish: (body: Body) => void,
): Task {
  return { origin, begin: () => put(value, name, mayLack), sealed: value.location, finish }
}

/**
 * Puts sealed values. `finish` is called once, when the last one is put or the first has failed;
 * for none at once.
 */
export function putTasks(
  origin: Origin,
  values: readonly Sealed[],
  name: string | undefined,
  mayLack: () => boolean,
  finish: (body: Body) => void,
): Task[] {
  const receipts = Array.from<Receipt | undefined>({ length: values.length })
  let left = values.length
  if (left === 0) finish({ type: 'stored', receipts: [] })
  return values.map((value, at) =>
    putTask(origin, value, name, mayLack, (body) => {
      if (left <= 0) return
      if (body.type === 'stored') receipts[at] = body.receipts[0]
      left = body.type === 'stored' ? left - 1 : 0
      const stored = { type: 'stored', receipts: receipts as Receipt[] } as const
      if (left === 0) finish(body.type === 'stored' ? stored : body)
    }),
  )
}

/** May this large value be sent? For a value that exists and is whole, this is the put. */
export function* offer({ digest, size, name }: Offer): Plan {
  const rows = yield putRows(digest, name)
  const inspect = (have: Receipt | undefined): Done => ({
    type: 'inspect',
    digest,
    location: have && decodeKey(rows[0]!).location,
    answer: ({ isDamaged, keptBytes }: StoredFacts) =>
      have !== undefined && !isDamaged
        ? { type: 'offered', have, sendFrom: 0 }
        : { type: 'offered', have: undefined, sendFrom: Math.min(keptBytes, lastGroup(size)) },
  })
  if (rows[0] === undefined && rows[1] === undefined) {
    const refusal = name === undefined ? undefined : whyNotBound(name, rows)
    return refusal === undefined ? inspect(undefined) : answer(refusal)
  }
  return putAgain(rows, digest, name, inspect)
}

/**
 * Where the last chunk group of a value begins. An upload sends it in any case, for it proves the
 * size.
 */
export const lastGroup = (size: number): number =>
  Math.max(0, Math.ceil(size / GROUP_BYTES) - 1) * GROUP_BYTES

/** The rows of the key, of the name, and of the names above it. */
const putRows = (digest: Digest, name: string | undefined): RecordKey[] =>
  name === undefined ? [keyRow(digest)] : [keyRow(digest), nameRow(name), ...rowsAbove(name)]

/** Why a name may not be bound that is not; undefined if it may. */
function whyNotBound(name: string, rows: Rows): Failure | undefined {
  const fault = faultOfNewName(name)
  const above = rows.slice(2, 2 + namesAbove(name).length)
  return fault === undefined ? boundAbove(name, above) : failure('usage', fault)
}

/** A put of a key that exists, or under a name that is bound. */
function putAgain(
  rows: Rows,
  digest: Digest,
  name: string | undefined,
  doneWith: (have: Receipt) => Done,
): Outcome {
  const row = rows[0]
  const taken = name === undefined ? undefined : rows[1]
  if (taken !== undefined && !isBoundToBytes(taken, digest)) {
    return answer(nameTaken(name!, taken))
  }
  if (row === undefined) return answer(failure('internal', `the name ${name} has no value`))
  const found = decodeKey(row)
  const { size, incarnation } = found
  const done = doneWith({ digest, size, incarnation, existed: true })
  if (name !== undefined && taken === undefined) {
    return bindTo(found, digest, name, rows, () => done)
  }
  if (name !== undefined || found.unnamed) return done
  return {
    type: 'change',
    change: { type: 'put', digest, size, names: [] },
    writes: [{ key: keyRow(digest), value: encodeKey({ ...found, unnamed: true }) }],
    next: () => done,
  }
}

export function* bind({ name, digest }: Bind): Plan {
  const rows = yield putRows(digest, name)
  const [row, taken] = rows
  if (taken !== undefined && !isBoundToBytes(taken, digest)) {
    return answer(nameTaken(name, taken))
  }
  if (row === undefined) return answer(failure('not-found', `no such key: ${textOf(digest)}`))
  const found = decodeKey(row)
  const bound = (incarnation: number): Body => ({
    type: 'binding',
    found: { digest, incarnation, fact: factOf(found, undefined)! },
  })
  if (taken !== undefined) return confirm(bound(taken.version))
  return bindTo(found, digest, name, rows, (seq) => answer(bound(seq)))
}

function bindTo(
  found: KeyRecord,
  digest: Digest,
  name: string,
  rows: Rows,
  next: (seq: number) => Done,
): Outcome {
  const refusal = whyNotBound(name, rows)
  if (refusal !== undefined) return answer(refusal)
  return {
    type: 'change',
    change: { type: 'bind', digest, name },
    writes: [
      ...withName(digest, found, name).writes,
      { key: nameRow(name), value: encodeName(digest) },
    ],
    next,
  }
}

function isBoundToBytes(taken: Row, digest: Digest): boolean {
  const bound = decodeBinding(taken)
  return !bound.directory && equal(bound.digest, digest)
}

export function nameTaken(name: string, row: Row): Failure {
  const { digest, directory } = decodeBinding(row)
  const bound = textOf(digest, directory ? 'directory' : 'bytes')
  return failure('conflict', `the name ${name} is bound to ${bound}`, 'a name cannot be rebound')
}
