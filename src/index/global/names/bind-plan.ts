/** Plans that bind names and move tags (specs/004-index.md, "Rules: names" and "Rules: tags"). */
import { equal } from '../../../bytes.ts'
import { SILENT_LOCALS, TAG_KEEP_MS } from '../../../limits.ts'
import type { Condition, RecordKey, Row, Write } from '../../../store/store.ts'
import { failure } from '../../failure.ts'
import type {
  Bind,
  Body,
  Digest,
  Failure,
  Naming,
  Rebind,
  Rebound,
  Receipt,
  Target,
} from '../../message.ts'
import { faultOfNewName, nameOf } from '../../name.ts'
import { EXPIRY, expiryRow } from '../../records/expiry-record.ts'
import { decodeBinding, encodeBinding, type NameRecord } from '../../records/name-record.ts'
import { type Change } from '../../records/change-record.ts'
import { decodeKey, keyRow, nameRow, type KeyRecord } from '../../records/record.ts'
import type { Rules } from '../../rules.ts'
import { factOf, type LookupContext } from '../lookup-plans.ts'
import { answer, confirm, textOf, type Outcome, type Plan, type Rows, type Scan } from '../plan.ts'
import { stateOf, stateRows, type OnCascade } from '../trees/key-removal.ts'
import { below, boundAbove, boundBelow, namesAbove, rowsAbove } from '../trees/names.ts'
import { dropped } from './drop-name.ts'
import { verifyDigest, wrongUse } from './foreign.ts'
import { withName } from './named.ts'
import { decide, foundOf, isSame, recordFor, type Decision, type Wanted } from './naming.ts'
import { replaced, type KeepContext, type Replaced } from './replaced.ts'

/** What these plans know beside the rows. */
export interface NamingContext extends KeepContext {
  /** Wall clock, whole milliseconds. */
  readonly wallMs: () => number
  readonly isAdmin: boolean
  /** Something may be deleted by the wall clock. */
  readonly isWallTrusted: () => boolean
  readonly onCascade: OnCascade
  /** A name expires at this time, durably. */
  readonly onExpiring: (atMs: number) => void
  readonly lookup: Pick<LookupContext, 'mayLack'>
  readonly rules: Rules
  /** Peer ids of the Locals that have been silent. */
  readonly silent: () => readonly string[]
}

/** What a request wants of a name, at this moment. */
export const wantedOf = (
  { name, digest, directory = false }: Pick<Bind, 'name' | 'digest' | 'directory'>,
  naming: Naming,
  moves: boolean,
  {
    wallMs,
    isAdmin,
    isWallTrusted,
    rules,
  }: Pick<NamingContext, 'wallMs' | 'isAdmin' | 'isWallTrusted' | 'rules'>,
): Wanted => ({
  name,
  digest,
  directory,
  naming,
  moves,
  wallMs: wallMs(),
  isAdmin: isAdmin && naming.asWriter !== true,
  isWallTrusted: isWallTrusted(),
  rules,
})

/** The rows that bind a name: its own, and those of the names above it. */
export const bindingRows = (name: string): RecordKey[] => [nameRow(name), ...rowsAbove(name)]

/** The key that would lose the name, if it is a tag that moves; undefined if none would. */
export function leftBy(row: Rows[number], wanted: Wanted): Digest | undefined {
  if (row === undefined) return undefined
  const record = decodeBinding(row)
  const { moves, naming, rules } = wanted
  const isTag = (record.tag === true && naming.tag === true) || !rules.kindsStay
  return moves && isTag && !equal(record.digest, wanted.digest) ? record.digest : undefined
}

/** Binds a name, or moves a tag. */
export function* bindName(body: Bind | Rebind, context: NamingContext): Plan {
  const moves = body.type === 'rebind'
  const naming = moves ? { ...body.naming, tag: true } : (body.naming ?? {})
  const { name, digest, directory = false } = body
  const wrong = wrongUse(name, { ...naming, directory })
  if (wrong !== undefined) return answer(wrong)
  for (;;) {
    const wanted = wantedOf(body, naming, moves, context)
    const [before] = yield [nameRow(name)]
    const left = leftBy(before, wanted)
    const own = [keyRow(digest), ...bindingRows(name)]
    const rows = yield left === undefined ? own : [...own, ...stateRows(left)]
    const [row, taken] = rows
    if (taken?.version !== before?.version) continue
    const decision = decide(taken, wanted)
    if (decision.type === 'failure') return answer(decision)
    if (decision.type === 'expired') return yield* expired(name, taken!, decision.before, context)
    const found = row && decodeKey(row)
    if (found === undefined || (directory && found.directory === undefined)) {
      return answer(noSuchTarget(wanted, found))
    }
    if (decision.type === 'same') {
      const bound = { record: decision.record, incarnation: taken!.version, key: found }
      return confirm(answered(body, bound, context))
    }
    const above = rows.slice(2, own.length)
    const excluded = isNewTarget(decision) ? yield* mayBind(wanted, above, context) : []
    if ('type' in excluded) return answer(excluded)
    if (decision.type === 'new') yield* verifyDigest(name, { digest, ...found }, true)
    const state = left === undefined ? undefined : stateOf(left, rows, own.length)
    return binding(body, wanted, decision, found, {
      context,
      conditions: excluded,
      leaves: state && replaced(state, name, { ...wanted, keepMs: keepOf(naming) }, context),
    })
  }
}

/** What excludes a binding (R004-29, R004-105, R004-106) is looked for then. */
export const isNewTarget = ({ type }: Decision): boolean => type === 'new' || type === 'move'

/** Unbinds the name, which has expired; then the request is served again. */
export function* expired(
  name: string,
  { version }: Row,
  record: NameRecord,
  { onCascade }: Pick<NamingContext, 'onCascade'>,
): Plan {
  const { digest } = record
  const [bound, ...rows] = yield [nameRow(name), ...stateRows(digest)]
  const state = stateOf(digest, rows)
  const { found } = state
  if (bound?.version !== version || found === undefined) return { type: 'again' }
  const { parts, cascade } = dropped(name, record, { ...state, found }, 'expired')
  return {
    type: 'change',
    ...parts,
    next: (seq) => {
      if (cascade !== undefined) onCascade(cascade, seq, found)
      return { type: 'again' }
    },
  }
}

const keepOf = ({ keepMs = TAG_KEEP_MS }: Naming): number => keepMs

/** A decision that changes the rows of the name. */
export type Placement = Exclude<Decision, Failure | { type: 'same' | 'expired' }>

interface Parts {
  readonly context: NamingContext
  readonly conditions: readonly Condition[]
  readonly leaves: Replaced | undefined
}

function binding(
  body: Bind | Rebind,
  wanted: Wanted,
  decision: Placement,
  found: KeyRecord,
  { context, conditions, leaves }: Parts,
): Outcome {
  const { record, writes, change, committed } = placedAs(wanted, decision, found, leaves, context)
  const { operation } = body
  return {
    type: 'change',
    change: { ...change, ...operationOf({ operation }, found) },
    conditions,
    writes,
    ...(leaves && { increments: leaves.increments }),
    next: (seq) => {
      committed()
      return answer(
        answered(body, { record, incarnation: seq, key: found, from: moved(change) }, context),
      )
    },
  }
}

/** What a change says of the operation that makes it, and of its key, for a repeat. */
export const operationOf = (
  { operation }: { readonly operation?: Uint8Array | undefined },
  { size, incarnation }: Pick<KeyRecord, 'size' | 'incarnation'>,
): { operation?: Uint8Array; size?: number; incarnation?: number } =>
  operation === undefined ? {} : { operation, size, incarnation }

const moved = (change: Change): Pick<Rebound, 'previous' | 'keptUntilMs'> =>
  change.type === 'rebind' ? change.moved : {}

/** What the receipt of a put says of the tag that its change moved, to another target. */
export function movedBy(
  change: Change | undefined,
  silent: () => readonly string[],
): Pick<Receipt, 'moved'> {
  if (change === undefined || !('moved' in change) || change.moved === undefined) return {}
  const { digest, directory = false, moved: from } = change
  if (isSame({ digest, directory }, { directory: false, ...from.previous })) return {}
  return { moved: { ...from, silent: silent().slice(0, SILENT_LOCALS) } }
}

/** A name as a change leaves it, and what that change is where it is one of its own. */
export interface Placed {
  readonly record: NameRecord
  /** Of the rows of the name. */
  readonly own: readonly Write[]
  /** All of them, those of the key included. */
  readonly writes: readonly Write[]
  readonly change: Change & { readonly type: 'bind' | 'rebind' }
  /** To be called once the change is durable. */
  readonly committed: () => void
}

/** `found`: the key, as it is before. */
export function placedAs(
  wanted: Wanted,
  decision: Placement,
  found: KeyRecord,
  leaves: Replaced | undefined,
  { onExpiring }: Pick<NamingContext, 'onExpiring'>,
): Placed {
  const { name, digest } = wanted
  const target = { digest, name, ...(wanted.directory && { directory: true }) }
  const before = decision.type === 'new' ? undefined : decision.before
  const record =
    decision.type === 'prolong'
      ? { ...decision.before, expiresMs: decision.expiresMs }
      : decision.type === 'renew'
        ? { ...recordFor(wanted, found), ...historyOf(decision.before) }
        : recordFor(wanted, found, before)
  const { expiresMs } = record
  const own = [
    { key: nameRow(name), value: encodeBinding(record) },
    ...expiryWrites(name, before?.expiresMs, expiresMs),
  ]
  const committed = (): void => {
    leaves?.committed()
    if (expiresMs !== undefined) onExpiring(expiresMs)
  }
  if (before === undefined) {
    const { writes } = withName(digest, found, name)
    return {
      record,
      own,
      writes: [...writes, ...own],
      change: { type: 'bind', ...target },
      committed,
    }
  }
  const { keptUntilMs } = leaves ?? {}
  const moved = { previous: targetOf(before), ...(keptUntilMs !== undefined && { keptUntilMs }) }
  // The same digest, as bytes or as a directory, has the name already.
  const names = equal(before.digest, digest)
    ? []
    : [...(leaves?.writes ?? []), ...withName(digest, found, name).writes]
  const change = { type: 'rebind', ...target, moved } as const
  return { record, own, writes: [...names, ...own], change, committed }
}

const historyOf = ({ history }: NameRecord): Pick<NameRecord, 'history'> =>
  history === undefined ? {} : { history }

function expiryWrites(
  name: string,
  before: number | undefined,
  after: number | undefined,
): Write[] {
  if (before === after) return []
  return [
    ...(before === undefined ? [] : [{ key: expiryRow(before, name), value: undefined }]),
    ...(after === undefined ? [] : [{ key: expiryRow(after, name), value: EXPIRY }]),
  ]
}

export const targetOf = ({ digest, directory, boundMs }: NameRecord): Target => ({
  digest,
  ...(directory && { directory: true }),
  ...(boundMs !== undefined && { atMs: boundMs }),
})

interface Bound {
  readonly record: NameRecord
  readonly incarnation: number
  readonly key: KeyRecord
  readonly from?: Pick<Rebound, 'previous' | 'keptUntilMs'>
}

function answered(
  body: Bind | Rebind,
  { record, incarnation, key, from = {} }: Bound,
  { lookup, silent }: NamingContext,
): Body {
  const found = foundOf(record, incarnation, factOf(key, undefined, { context: lookup })!)
  if (body.type === 'bind') return { type: 'binding', found }
  const { previous, keptUntilMs } = from
  const isOther = previous !== undefined && !isSame(record, { directory: false, ...previous })
  return {
    type: 'rebound',
    found,
    ...(isOther && { previous }),
    ...(keptUntilMs !== undefined && { keptUntilMs }),
    silent: silent(),
  }
}

/** The condition that nothing is bound below the name; or why it may not be bound. */
export function* mayBind(
  { name, directory }: Pick<Wanted, 'name' | 'directory'>,
  above: Rows,
  { rules }: Pick<NamingContext, 'rules'>,
): Generator<Scan, readonly Condition[] | Failure, Rows> {
  const fault = faultOfNewName(name)
  if (fault !== undefined) return failure('usage', fault)
  const excluded = boundAbove(name, above.slice(0, namesAbove(name).length))
  if (excluded !== undefined) return excluded
  if (!directory) return []
  const prefix = below(name)
  const [other] = yield { type: 'scan', table: 'names', prefix, after: undefined, limit: 1 }
  if (other !== undefined) return boundBelow(name, nameOf(other))
  return rules.namesExclude ? [{ table: 'names', noneWithPrefix: prefix }] : []
}

function noSuchTarget({ digest, directory }: Wanted, found: KeyRecord | undefined): Failure {
  const key = textOf(digest, directory ? 'directory' : 'bytes')
  if (found === undefined) return failure('not-found', `no such key: ${key}`)
  const why = `the bytes of ${key} are stored, but not as a directory`
  return failure('not-found', why, 'put the folder')
}
