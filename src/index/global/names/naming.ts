/**
 * What a request makes of a name (specs/004-index.md, "Rules: tags" and "Rules: expiry"). Pure: it
 * sees the row of the name, and says what that becomes.
 */
import { equal } from '../../../bytes.ts'
import { LATEST_MS, TAG_HISTORY } from '../../../limits.ts'
import type { Row } from '../../../store/store.ts'
import { failure } from '../../failure.ts'
import type { Digest, Failure, Found, NameFacts, Naming } from '../../message.ts'
import { decodeBinding, type NameRecord } from '../../records/name-record.ts'
import type { KeyRecord } from '../../records/record.ts'
import type { Rules } from '../../rules.ts'
import { textOf } from '../plan.ts'

/** A key, as a name is bound to it. */
export interface NamedTarget {
  readonly digest: Digest
  readonly directory: boolean
}

export interface Wanted extends NamedTarget {
  readonly name: string
  readonly naming: Naming
  /** A tag that is bound to something else is moved. */
  readonly moves: boolean
  /** Wall clock, whole milliseconds. */
  readonly wallMs: number
  /** Who asks may do what is the admins'. */
  readonly isAdmin: boolean
  /** Something may be deleted by the wall clock. */
  readonly isWallTrusted: boolean
  readonly rules: Rules
}

export type Decision =
  /** It is bound to this already. */
  | { readonly type: 'same'; readonly record: NameRecord }
  /** It is bound to this already, and only its expiry changes. */
  | { readonly type: 'prolong'; readonly before: NameRecord; readonly expiresMs: number }
  | { readonly type: 'new' }
  | { readonly type: 'move'; readonly before: NameRecord }
  /** It is bound to this already, and has expired: its expiry begins again. */
  | { readonly type: 'renew'; readonly before: NameRecord }
  /** It has expired, and is to be unbound first. */
  | { readonly type: 'expired'; readonly before: NameRecord }
  | Failure

/** What becomes of the name with this row. */
export function decide(row: Row | undefined, wanted: Wanted): Decision {
  if (row === undefined) return { type: 'new' }
  const before = decodeBinding(row)
  const { name, naming, moves, wallMs, rules } = wanted
  const isTag = before.tag === true
  const isOther = isTag !== (naming.tag === true)
  if (hasExpired(before, wallMs)) {
    if (isSame(before, wanted) && !isOther) return { type: 'renew', before }
    if (isOther || !(moves && isTag)) {
      return wanted.isWallTrusted ? { type: 'expired', before } : stillBound(name)
    }
  }
  if (isOther && rules.kindsStay) return otherKind(name, isTag)
  if (!isSame(before, wanted)) {
    if (moves && (isTag || !rules.kindsStay)) return { type: 'move', before }
    return nameTaken(name, before)
  }
  const { expiresMs: after } = naming
  if (after === undefined) return { type: 'same', record: before }
  const expiresMs = timeAfter(wallMs, after)
  if (before.expiresMs === expiresMs) return { type: 'same', record: before }
  const extends_ = before.expiresMs !== undefined && expiresMs > before.expiresMs
  if (!extends_ && !wanted.isAdmin) {
    if (before.expiresMs === undefined) return adminsOnly(`the name ${name} does not expire`)
    return { type: 'same', record: before }
  }
  return { type: 'prolong', before, expiresMs }
}

/** A time that fits a message and a date, however far off (R004-129). */
export const timeAfter = (wallMs: number, ms: number): number => Math.min(LATEST_MS, wallMs + ms)

/** Is it not answered any more? */
export const hasExpired = ({ expiresMs }: Pick<NameRecord, 'expiresMs'>, wallMs: number): boolean =>
  expiresMs !== undefined && wallMs >= expiresMs

/** The row of a name that is bound, or moved, to a key that exists. */
export function recordFor(
  { digest, directory, naming, wallMs }: Wanted,
  { size, directory: totals }: Pick<KeyRecord, 'size' | 'directory'>,
  before?: NameRecord,
): NameRecord {
  const tag = naming.tag === true ? { tag: true } : {}
  const known = { digest, directory, ...tag, boundMs: wallMs }
  const charged = directory && totals !== undefined ? totals.size : size
  const expiresMs = expiryFor(naming, wallMs, before)
  return {
    ...known,
    size: charged,
    ...(expiresMs !== undefined && { expiresMs }),
    ...(before !== undefined && { history: historyAfter(before) }),
  }
}

/** The first binding sets it; a move may put it off, and takes none from a name that has none. */
function expiryFor(
  { expiresMs: after }: Naming,
  wallMs: number,
  before: NameRecord | undefined,
): number | undefined {
  const wanted = after === undefined ? undefined : timeAfter(wallMs, after)
  if (before === undefined || hasExpired(before, wallMs)) return wanted
  if (before.expiresMs === undefined) return undefined
  return Math.max(before.expiresMs, wanted ?? 0)
}

/** What a tag was bound to, the newest first; its present target is not among them. */
function historyAfter({ digest, directory, boundMs, history = [] }: NameRecord) {
  const last = { digest, directory, ...(boundMs !== undefined && { atMs: boundMs }) }
  return [last, ...history].slice(0, TAG_HISTORY - 1)
}

export const isSame = (record: NamedTarget, { digest, directory }: NamedTarget): boolean =>
  record.directory === directory && equal(record.digest, digest)

/** What an answer says of a name beside its target. */
export const factsOf = ({ tag, boundMs, expiresMs }: NameRecord): NameFacts => ({
  ...(tag === true && { tag }),
  ...(boundMs !== undefined && { boundMs }),
  ...(expiresMs !== undefined && { expiresMs }),
})

/** What an answer says of a name that is bound. */
export const foundOf = (record: NameRecord, incarnation: number, fact: Found['fact']): Found => ({
  digest: record.digest,
  incarnation,
  fact,
  ...(record.directory && { directory: true }),
  ...factsOf(record),
})

function otherKind(name: string, isTag: boolean): Failure {
  const why = `the name ${name} is ${isTag ? 'a tag' : 'fixed'}`
  const hint = isTag
    ? `to move it: dstore tag ${name} KEY`
    : 'a fixed name cannot be moved; unbind it first, or choose another'
  return failure('conflict', why, hint)
}

function stillBound(name: string): Failure {
  const why = `the name ${name} has expired, but Global does not trust its clock yet`
  return failure(
    'conflict',
    why,
    'try again in some minutes; `dstore doctor` says what is doubtful',
  )
}

function nameTaken(name: string, before: NameRecord): Failure {
  const { digest, directory } = before
  const bound = textOf(digest, directory ? 'directory' : 'bytes')
  const hint =
    before.tag === true ? `to move it: dstore tag ${name} KEY` : 'a name cannot be rebound'
  return failure('conflict', `the name ${name} is bound to ${bound}`, hint)
}

const adminsOnly = (why: string): Failure =>
  failure('not-permitted', why, 'only an admin may add an expiry to a name, or bring it forward')
