/**
 * What the rows of an index say of names, read without the index, and what must be so of them at
 * every moment (specs/004-index.md, "Rules: names", "Rules: tags" and "Rules: expiry").
 */
import { equal, toHex, viewOf } from '../../../src/bytes.ts'
import { EXPIRY_ROWS, expiryOf, expiryRow } from '../../../src/index/records/expiry-record.ts'
import { KEEP_ROWS, keepOf } from '../../../src/index/records/keep-record.ts'
import {
  NAMED_ROWS,
  decodeBinding,
  nameIn,
  namedRow,
  type NameRecord,
} from '../../../src/index/records/name-record.ts'
import { decodeKey, keyRow, nameRow, type KeyRecord } from '../../../src/index/records/record.ts'
import { heldRow, keptRow } from '../../../src/index/records/tree-record.ts'
import { nameOf } from '../../../src/index/name.ts'
import { DIGEST_BYTES, TAG_HISTORY } from '../../../src/limits.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { Digest } from '../../../src/index/message.ts'
import type { SimStore } from '../sim-store.ts'

const ALL = new Uint8Array()

export interface BoundRow {
  readonly name: string
  readonly record: NameRecord
  /** The seq of the change that bound it so. */
  readonly version: number
}

export interface KeptTarget {
  readonly id: Uint8Array
  readonly digest: Digest
  readonly untilMs: number
  /** The seq that began the run which wrote it. */
  readonly run: number
}

export const boundRows = (store: SimStore): BoundRow[] =>
  store
    .scan('names', ALL)
    .map((row) => ({ name: nameOf(row), record: decodeBinding(row), version: row.version }))

export const keptTargets = (store: SimStore): KeptTarget[] =>
  store.scan('meta', KEEP_ROWS).map(({ id }) => ({
    id,
    ...keepOf({ id }),
    run: Number(viewOf(id).getBigUint64(id.byteLength - 16)),
  }))

export const expiryRows = (store: SimStore): { atMs: number; name: string }[] =>
  store.scan('meta', EXPIRY_ROWS).map(expiryOf)

const textOf = (digest: Digest): string => String(digest[0])

/** At every moment. */
export function faultsOfRows(store: SimStore): string[] {
  const names = boundRows(store)
  const keys = store.scan('keys', ALL).map((row) => ({ digest: row.id, ...decodeKey(row) }))
  return [
    ...names.flatMap((one) => faultsOfName(store, one)),
    ...keys.flatMap((key) => faultsOfKey(store, key)),
    ...faultsOfNamed(store),
  ]
}

function faultsOfName(store: SimStore, { name, record }: BoundRow): string[] {
  const { digest, expiresMs, size, history = [], tag } = record
  const row = store.get(keyRow(digest))
  if (row === undefined) return [`${name} is bound to ${textOf(digest)}, which does not exist`]
  const key = decodeKey(row)
  const faults: string[] = []
  const isListed = key.listed?.includes(name) === true
  if (!isListed && store.get(namedRow(digest, name)) === undefined) {
    faults.push(`${textOf(digest)} has no row for its name ${name}`)
  }
  if (expiresMs !== undefined && store.get(expiryRow(expiresMs, name)) === undefined) {
    faults.push(`${name} expires, and has no row that says so`)
  }
  const charged = record.directory ? key.directory?.size : key.size
  if (size !== undefined && size !== charged) faults.push(`${name} is charged ${size} bytes`)
  if (history.length >= TAG_HISTORY) faults.push(`${name} has a history of ${history.length}`)
  if (tag !== true && history.length > 0) faults.push(`${name} is fixed, and has a history`)
  return faults
}

/** Each row of a name of a key belongs to a name that is bound to it. */
function faultsOfNamed(store: SimStore): string[] {
  return store.scan('meta', NAMED_ROWS).flatMap((row) => {
    const digest = row.id.slice(NAMED_ROWS.byteLength, NAMED_ROWS.byteLength + DIGEST_BYTES)
    const name = nameIn(row)
    const bound = store.get(nameRow(name))
    const isSo = bound !== undefined && equal(decodeBinding(bound).digest, digest)
    return isSo ? [] : [`${textOf(digest)} has a row for ${name}, which is not bound to it`]
  })
}

function faultsOfKey(store: SimStore, key: KeyRecord & { digest: Digest }): string[] {
  const { digest, names, listed = [], unnamed } = key
  const faults: string[] = []
  const rows = store.scan('meta', namedRow(digest, '').id).length
  if (rows + listed.length !== names) {
    faults.push(`${textOf(digest)} counts ${names} names, and has ${rows + listed.length}`)
  }
  const [held, kept] = [heldRow(digest), keptRow(digest)].map((one) => {
    return decodeCounter(store.get(one)?.value)
  }) as [number, number]
  const targets = keptTargets(store).filter((one) => equal(one.digest, digest)).length
  if (targets > kept) faults.push(`${textOf(digest)} is kept by ${targets}, and counted ${kept}`)
  if (!unnamed && names + held + kept === 0) faults.push(`nothing keeps ${textOf(digest)}`)
  return faults
}

/** The counters under a prefix without a key, or without a row that they count. */
export function faultsOfKept(store: SimStore): string[] {
  const counts = new Map<string, number>()
  for (const { digest } of keptTargets(store)) {
    counts.set(toHex(digest), (counts.get(toHex(digest)) ?? 0) + 1)
  }
  const prefix = keptRow(ALL).id
  return store.scan('meta', prefix).flatMap(({ id, value }) => {
    const digest = id.subarray(prefix.byteLength)
    const count = counts.get(toHex(digest)) ?? 0
    const counted = decodeCounter(value)
    return counted === count
      ? []
      : [`${textOf(digest)} is kept by ${count}, and counted ${counted} times`]
  })
}
