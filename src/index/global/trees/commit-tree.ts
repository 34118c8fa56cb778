/**
 * The commit of a tree: names its root, or marks it as put without a name, and ends the hold in one
 * change (specs/004-index.md, R004-97).
 */
import { DstoreError } from '../../../errors.ts'
import { equal } from '../../../bytes.ts'
import { TAG_KEEP_MS } from '../../../limits.ts'
import type { Condition, Write } from '../../../store/store.ts'
import { errorOf } from '../../failure.ts'
import type { CommitTree, Digest, Naming, Receipt } from '../../message.ts'
import { faultOfNewName, nameOf } from '../../name.ts'
import { decodeBinding } from '../../records/name-record.ts'
import { type Change } from '../../records/change-record.ts'
import { decodeKey, encodeKey, keyRow, nameRow, type KeyRecord } from '../../records/record.ts'
import { decodeEnded, encodeEnded, endedRow, holdRow } from '../../records/tree-record.ts'
import { wrongUse } from '../names/foreign.ts'
import {
  bindingRows,
  isNewTarget,
  leftBy,
  movedBy,
  operationOf,
  placedAs,
  wantedOf,
} from '../names/bind-plan.ts'
import { dropName } from '../names/drop-name.ts'
import { decide, isSame, type Wanted } from '../names/naming.ts'
import { replaced } from '../names/replaced.ts'
import { conditionsOf } from '../plan.ts'
import { textOf, type Rows } from '../plan.ts'
import { attempt, confirm, read, scan, type Flow } from './flow.ts'
import { holdEnded, type HoldContext } from './holds.ts'
import { stateOf, stateRows } from './key-removal.ts'
import { below, boundAbove, boundBelow } from './names.ts'

export interface Committed {
  readonly receipt: Receipt
  /** The hold has ended, now or before. One that was never open has not. */
  readonly hasEnded: boolean
}

/** Names the root of a tree, or marks it, and ends the hold. A repeat gives the same receipt. */
export function* commitTree(
  { hold, digest, name, naming = {}, operation }: CommitTree,
  context: HoldContext,
): Flow<Committed> {
  for (;;) {
    const wanted = name === undefined ? undefined : wantedFor(digest, name, naming, context)
    const [before] = wanted === undefined ? [] : yield* read([nameRow(wanted.name)])
    const left = wanted && leftBy(before, wanted)
    const own = [keyRow(digest), holdRow(hold), endedRow(hold)]
    if (name !== undefined) own.push(...bindingRows(name))
    const keys = left === undefined ? own : [...own, ...stateRows(left)]
    const rows = yield* read(keys)
    const [row, holder, ended, taken] = rows
    if (taken?.version !== before?.version) continue
    if (holder === undefined) {
      const receipt = committedBefore({ digest, name }, rows)
      yield* confirm()
      return { receipt, hasEnded: ended !== undefined }
    }
    const found = directoryOf(digest, row)
    const decision = wanted && decide(taken, wanted)
    if (decision?.type === 'failure') throw errorOf(decision)
    if (decision?.type === 'expired') {
      const { version } = taken!
      const { onCascade } = context.naming
      const isDue = (_: unknown, now: number): boolean => now === version
      yield* dropName(name!, { why: 'expired', isDue, writes: [], onCascade })
      continue
    }
    const conditions: Condition[] = [...conditionsOf(keys, rows)]
    if (wanted !== undefined && decision !== undefined && isNewTarget(decision)) {
      conditions.push(...(yield* checkNew(wanted.name, rows.slice(4, own.length), context)))
    }
    const { size, incarnation } = found
    // What only holds keep did not exist for anyone else.
    const existed = found.unnamed || found.names > 0
    const receipt = { digest, size, incarnation, existed }
    const state = left === undefined ? undefined : stateOf(left, rows, own.length)
    const keepMs = naming.keepMs ?? TAG_KEEP_MS
    const leaves =
      state && wanted && replaced(state, wanted.name, { ...wanted, keepMs }, context.naming)
    const { change, writes, committed } =
      wanted === undefined || decision === undefined
        ? marking(digest, found)
        : decision.type === 'same'
          ? NO_CHANGE
          : placedAs(wanted, decision, found, leaves, context.naming)
    const end = [
      { key: holdRow(hold), value: undefined },
      { key: endedRow(hold), value: encodeEnded({ ...receipt, name }) },
    ]
    const seq = yield* attempt({
      conditions,
      change: change && { ...change, ...operationOf({ operation }, found) },
      writes: [...writes, ...end],
      ...(leaves && { increments: leaves.increments }),
    })
    if (seq === undefined) continue
    committed?.()
    return { receipt: { ...receipt, ...movedBy(change, context.naming.silent) }, hasEnded: true }
  }
}

const wantedFor = (
  digest: Digest,
  name: string,
  naming: Naming,
  { naming: context }: HoldContext,
): Wanted => wantedOf({ name, digest, directory: true }, naming, naming.tag === true, context)

interface Placing {
  readonly change?: (Change & { readonly type: 'put' | 'bind' | 'rebind' }) | undefined
  readonly writes: readonly Write[]
  readonly committed?: () => void
}

const NO_CHANGE: Placing = { writes: [] }

/** Marks the directory as put without a name. */
function marking(digest: Digest, found: KeyRecord): Placing {
  if (found.unnamed) return NO_CHANGE
  return {
    change: { type: 'put', digest, size: found.size, names: [], directory: true },
    writes: [{ key: keyRow(digest), value: encodeKey({ ...found, unnamed: true }) }],
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
    (name === undefined ? found.unnamed : isBoundTo(digest, taken))
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

/** Is the name bound to this directory? */
function isBoundTo(digest: Digest, taken: Rows[number]): boolean {
  return taken !== undefined && isSame(decodeBinding(taken), { digest, directory: true })
}

/** The condition that nothing is bound below a new name. Throws if it may not be bound. */
function* checkNew(name: string, above: Rows, { rules }: HoldContext): Flow<Condition[]> {
  const fault = faultOfNewName(name)
  if (fault !== undefined) throw new DstoreError('usage', fault)
  const wrong = wrongUse(name, { directory: true })
  if (wrong !== undefined) throw errorOf(wrong)
  const excluded = boundAbove(name, above)
  if (excluded !== undefined) throw errorOf(excluded)
  const prefix = below(name)
  const [other] = yield* scan('names', prefix, 1)
  if (other !== undefined) throw errorOf(boundBelow(name, nameOf(other)))
  return rules.namesExclude ? [{ table: 'names', noneWithPrefix: prefix }] : []
}
