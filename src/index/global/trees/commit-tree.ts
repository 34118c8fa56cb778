/**
 * The commit of a tree: names its root, or marks it as put without a name, and ends the hold in one
 * change (specs/004-index.md, R004-97). And the binding of a name to a directory.
 */
import { DstoreError } from '../../../errors.ts'
import { equal } from '../../../bytes.ts'
import type { Condition } from '../../../store/store.ts'
import { errorOf } from '../../failure.ts'
import type { Bind, Binding, CommitTree, Digest, Receipt } from '../../message.ts'
import { faultOfNewName, nameOf } from '../../name.ts'
import { decodeBinding, encodeName } from '../../records/name-record.ts'
import { decodeKey, encodeKey, keyRow, nameRow, type KeyRecord } from '../../records/record.ts'
import { decodeEnded, encodeEnded, endedRow, holdRow } from '../../records/tree-record.ts'
import { factOf } from '../lookup-plans.ts'
import { conditionsOf } from '../plan-runner.ts'
import { withName } from '../names/named.ts'
import { textOf, type Attempt, type Rows } from '../plan.ts'
import { nameTaken } from '../put-plans.ts'
import { attempt, confirm, read, scan, type Flow } from './flow.ts'
import { holdEnded, type HoldContext } from './holds.ts'
import { below, boundAbove, boundBelow, rowsAbove } from './names.ts'

export interface Committed {
  readonly receipt: Receipt
  /** The hold has ended, now or before. One that was never open has not. */
  readonly hasEnded: boolean
}

/** Names the root of a tree, or marks it, and ends the hold. A repeat gives the same receipt. */
export function* commitTree(
  { hold, digest, name }: CommitTree,
  context: HoldContext,
): Flow<Committed> {
  for (;;) {
    const names = name === undefined ? [] : [nameRow(name), ...rowsAbove(name)]
    const keys = [keyRow(digest), holdRow(hold), endedRow(hold), ...names]
    const rows = yield* read(keys)
    const [row, holder, ended, taken] = rows
    if (holder === undefined) {
      const receipt = committedBefore({ digest, name }, rows)
      yield* confirm()
      return { receipt, hasEnded: ended !== undefined }
    }
    const found = directoryOf(digest, row)
    const isBound = name !== undefined && isBoundTo(name, digest, taken)
    const conditions: Condition[] = [...conditionsOf(keys, rows)]
    if (name !== undefined && !isBound) {
      conditions.push(...(yield* checkNew(name, rows.slice(4), context)))
    }
    const { size, incarnation } = found
    // What only holds keep did not exist for anyone else.
    const existed = found.unnamed || found.names > 0
    const receipt = { digest, size, incarnation, existed }
    const { change, writes } = isBound ? NO_CHANGE : placing(digest, found, name)
    const end = [
      { key: holdRow(hold), value: undefined },
      { key: endedRow(hold), value: encodeEnded({ ...receipt, name }) },
    ]
    const seq = yield* attempt({ conditions, change, writes: [...writes, ...end] })
    if (seq !== undefined) return { receipt, hasEnded: true }
  }
}

type Placing = Pick<Attempt, 'change' | 'writes'>

const NO_CHANGE: Placing = { writes: [] }

/** Binds the name to the directory, or marks the directory as put without a name. */
function placing(digest: Digest, found: KeyRecord, name: string | undefined): Placing {
  if (name === undefined) {
    if (found.unnamed) return NO_CHANGE
    return {
      change: { type: 'put', digest, size: found.size, names: [], directory: true },
      writes: [{ key: keyRow(digest), value: encodeKey({ ...found, unnamed: true }) }],
    }
  }
  return {
    change: { type: 'bind', digest, name, directory: true },
    writes: [
      ...withName(digest, found, name).writes,
      { key: nameRow(name), value: encodeName(digest, true) },
    ],
  }
}

/** The answer to the commit of a tree whose hold has ended: that of the commit that ended it. */
function committedBefore(
  { digest, name }: Pick<CommitTree, 'digest' | 'name'>,
  [row, , ended, taken]: Rows,
): Receipt {
  const committed = ended && decodeEnded(ended)
  if (committed !== undefined && equal(committed.digest, digest) && committed.name === name) {
    const { size, incarnation, existed } = committed
    return { digest, size, incarnation, existed }
  }
  const found = row && decodeKey(row)
  const isThere =
    found?.directory !== undefined &&
    (name === undefined ? found.unnamed : isBoundTo(name, digest, taken))
  if (!isThere) throw holdEnded()
  const { size, incarnation } = found
  return { digest, size, incarnation, existed: true }
}

/** The record of a directory; throws `not-found` for anything else. */
function directoryOf(digest: Digest, row: Rows[number]): KeyRecord {
  const found = row && decodeKey(row)
  if (found?.directory !== undefined) return found
  const key = textOf(digest, 'directory')
  throw found === undefined
    ? new DstoreError('not-found', `no such key: ${key}`)
    : new DstoreError('not-found', `the bytes of ${key} are stored, but not as a directory`, {
        hint: 'put the folder',
      })
}

/** Is the name bound to this directory? Throws `conflict` if it is bound to anything else. */
function isBoundTo(name: string, digest: Digest, taken: Rows[number]): boolean {
  if (taken === undefined) return false
  const bound = decodeBinding(taken)
  if (bound.directory && equal(bound.digest, digest)) return true
  throw errorOf(nameTaken(name, taken))
}

/** The condition that nothing is bound below a new name. Throws if it may not be bound. */
function* checkNew(name: string, above: Rows, { rules }: HoldContext): Flow<Condition[]> {
  const fault = faultOfNewName(name)
  if (fault !== undefined) throw new DstoreError('usage', fault)
  const excluded = boundAbove(name, above)
  if (excluded !== undefined) throw errorOf(excluded)
  const prefix = below(name)
  const [other] = yield* scan('names', prefix, 1)
  if (other !== undefined) throw errorOf(boundBelow(name, nameOf(other)))
  return rules.namesExclude ? [{ table: 'names', noneWithPrefix: prefix }] : []
}

/** Binds a name to a directory. */
export function* bindTree({ name, digest }: Bind, context: HoldContext): Flow<Binding> {
  for (;;) {
    const keys = [keyRow(digest), nameRow(name), ...rowsAbove(name)]
    const rows = yield* read(keys)
    const [row, taken, ...above] = rows
    const isBound = isBoundTo(name, digest, taken)
    const found = directoryOf(digest, row)
    const bound = (incarnation: number): Binding => ({
      type: 'binding',
      found: {
        digest,
        incarnation,
        fact: factOf(found, undefined, { context })!,
        directory: true,
      },
    })
    if (isBound) {
      yield* confirm()
      return bound(taken!.version)
    }
    const range = yield* checkNew(name, above, context)
    const seq = yield* attempt({
      conditions: [...conditionsOf(keys, rows), ...range],
      ...placing(digest, found, name),
    })
    if (seq !== undefined) return bound(seq)
  }
}
