/**
 * Plans that remove values and unbind names (specs/004-index.md, "Rules: removal" and "Rules:
 * names").
 */
import type { Write } from '../../store/store.ts'
import { failure } from '../failure.ts'
import type { Digest, Failure, Remove, Unbind } from '../message.ts'
import { decodeBinding, removingRow } from '../records/name-record.ts'
import { decodeRemoved, nameRow, removedRow, type KeyRecord } from '../records/record.ts'
import { NAMES_PER_ANSWER, NAMES_PER_CHANGE } from '../../limits.ts'
import { namesCut, removing } from './names/forced-removals.ts'
import { someNames, withoutNames } from './names/named.ts'
import { answer, textOf, type Outcome, type Plan } from './plan.ts'
import {
  removalOf,
  stateOf,
  stateRows,
  type OnCascade,
  type ExistingKey,
  type KeyState,
} from './trees/key-removal.ts'

/** What removals know beside the rows. */
export interface RemovalContext {
  /** The last seq that was trimmed from the log. */
  readonly trimmed: () => number
  /** A key is about to be removed that directories hold. */
  readonly onMissing: () => void
  /** Who asks may do what is the admins'; else, why not. */
  readonly isAdmin: boolean
  readonly refusal: () => Failure
  /** A removal is durable that began a cascade. */
  readonly onCascade: OnCascade
  /** Does a tag that has moved keep the key? Undefined: perhaps. */
  readonly isReplaced: (digest: Digest) => boolean | undefined
}

/** Names that a removal has unbound by changes before its last; some of them, if they are many. */
export interface Unbound {
  names: readonly string[]
}

export function* remove(
  { digest, force }: Remove,
  context: RemovalContext,
  before: Unbound = { names: [] },
): Plan {
  const [mark, removed, ...rows] = yield [
    removedRow(digest),
    removingRow(digest),
    ...stateRows(digest),
  ]
  const state = stateOf(digest, rows)
  const { found, held, kept } = state
  if (found === undefined) {
    const last = mark === undefined ? undefined : decodeRemoved(mark)
    const goesOn = last?.cascade !== undefined
    if (last === undefined || (last.seq <= context.trimmed() && !goesOn)) {
      return answer(failure('not-found', `no such key: ${textOf(digest)}`))
    }
    return {
      type: 'await',
      seq: last.seq,
      removed: { freedBytes: last.size, names: before.names, digest },
      ...(last.cascade !== undefined && {
        cascade: { root: last.cascade, most: last.values ?? 0 },
      }),
    }
  }
  if (!force && found.names > 0) {
    return answer(stillNamed(digest, found, yield* someNames(digest, found, NAMES_SHOWN)))
  }
  if (!force && held + kept > 0) return answer(stillHeld(state, context.isReplaced(digest)))
  const names = yield* someNames(digest, found, NAMES_PER_CHANGE)
  const unbound = [...before.names, ...names].slice(0, NAMES_PER_ANSWER)
  if (names.length === found.names) {
    const unmark = removed && { key: removingRow(digest), value: undefined }
    return removal({ ...state, found }, context, names, unbound, unmark)
  }
  // All at once would be more than a change carries, or a message of the feed.
  const { change, writes } = namesCut(digest, found, names)
  return {
    type: 'change',
    change,
    writes: removed === undefined ? [...writes, removing(digest)] : writes,
    next: () => {
      before.names = unbound
      return { type: 'again' }
    },
  }
}

export function* unbind(
  { name, keepValue, asWriter = false }: Unbind,
  context: RemovalContext,
): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer(failure('not-found', `no such name: ${name}`))
    const { digest, directory, tag } = decodeBinding(bound)
    // Who could move a tag may as well unbind it.
    if (tag !== true && !context.isAdmin) return answer(context.refusal())
    if (tag !== true && asWriter) return answer(adminsOnly(name))
    const [again, ...rows] = yield [nameRow(name), ...stateRows(digest)]
    const state = stateOf(digest, rows)
    const { found, held, kept } = state
    if (again?.version !== bound.version || found === undefined) continue
    const isLast = found.names === 1 && !found.unnamed
    if (isLast && !keepValue && held + kept === 0) {
      return removal({ ...state, found }, context, [name], [name])
    }
    // A value that is to be kept without a name needs none from now on.
    const unnamed = found.unnamed || (isLast && keepValue)
    return {
      type: 'change',
      change: { type: 'unbind', digest, names: [name], ...(directory && { directory }) },
      writes: [
        { key: nameRow(name), value: undefined },
        ...withoutNames(digest, { ...found, unnamed }, [name]).writes,
      ],
      next: (seq) => ({
        type: 'await',
        seq,
        removed: { freedBytes: 0, names: [name], digest: undefined },
        unnamed: { digest, directory },
      }),
    }
  }
}

/** `names`: all that the key has; `unbound`: those that the answer names. */
function removal(
  state: ExistingKey,
  { onMissing, onCascade }: RemovalContext,
  names: readonly string[],
  unbound: readonly string[],
  also?: Write,
): Outcome {
  const { digest, found, held } = state
  const { parts, cascade } = removalOf(state, names)
  if (held > 0) onMissing()
  const removed = { freedBytes: found.size, names: unbound, digest }
  return {
    type: 'change',
    ...parts,
    ...(also && { writes: [...parts.writes, also] }),
    next: (seq) => {
      if (cascade === undefined) {
        // An empty directory has nothing to take down; its answer still says what it was.
        const tree = { removed: 1, most: 1, complete: true }
        return { type: 'await', seq, removed: found.directory ? { ...removed, tree } : removed }
      }
      onCascade(cascade, seq, found)
      const { id, values } = cascade
      return { type: 'await', seq, removed, cascade: { root: id, most: values } }
    },
  }
}

/** `isReplaced`: a tag that has moved keeps it, for a while; undefined: perhaps. */
function stillHeld({ digest, found, held }: KeyState, isReplaced: boolean | undefined): Failure {
  const key = textOf(digest, found?.directory === undefined ? 'bytes' : 'directory')
  if (held === 0 && isReplaced === true) {
    const why = `a tag has moved away from ${key}, which stays for a while so that it can move back`
    return failure('conflict', why, 'it goes by itself; use --force to remove it now')
  }
  if (held === 0 && isReplaced === undefined) {
    const why = `${key} is part of a folder that is being put, or a tag has moved away from it`
    return failure('conflict', why, 'it goes by itself if nothing needs it; or use --force')
  }
  if (held === 0) {
    const why = `${key} is part of a folder that is being put`
    return failure('conflict', why, 'wait for the end of the put, or use --force')
  }
  const directories = held === 1 ? '1 directory' : `${held} directories`
  const why = `${key} is in ${directories}`
  const lacking = held === 1 ? 'the directory will lack it' : 'the directories will lack it'
  return failure('conflict', why, `use --force to remove it all the same: ${lacking}`)
}

/** Names in the message of a refused removal. */
const NAMES_SHOWN = 8

function stillNamed(digest: Digest, found: KeyRecord, names: readonly string[]): Failure {
  const key = textOf(digest, found.directory === undefined ? 'bytes' : 'directory')
  const some = names.join(', ')
  const more = found.names > names.length ? ` and ${found.names - names.length} more` : ''
  return failure(
    'conflict',
    `${key} has names: ${some}${more}`,
    'use --force to remove it with them',
  )
}

const adminsOnly = (name: string): Failure =>
  failure(
    'not-permitted',
    `only an admin removes the fixed name ${name}`,
    'this needs the role admin, not writer',
  )
