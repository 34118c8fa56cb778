/**
 * Plans that remove values and unbind names (specs/004-index.md, "Rules: removal" and "Rules:
 * names").
 */
import { failure } from '../failure.ts'
import type { Digest, Failure, Remove, Unbind } from '../message.ts'
import {
  decodeBinding,
  decodeRemoved,
  encodeKey,
  keyRow,
  nameRow,
  removedRow,
  type KeyRecord,
} from '../records/record.ts'
import { answer, textOf, type Outcome, type Plan } from './plan.ts'
import {
  removalOf,
  stateOf,
  stateRows,
  type Beginning,
  type ExistingKey,
  type KeyState,
} from './trees/key-removal.ts'

/** What removals know beside the rows. */
export interface RemovalContext {
  /** The last seq that was trimmed from the log. */
  readonly trimmed: () => number
  /** A key is about to be removed that directories hold. */
  readonly onMissing: () => void
  /** A removal is durable that began a cascade. */
  readonly onCascade: (beginning: Beginning, seq: number, found: KeyRecord) => void
}

export function* remove({ digest, force }: Remove, context: RemovalContext): Plan {
  const [mark, ...rows] = yield [removedRow(digest), ...stateRows(digest)]
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
      removed: { freedBytes: last.size, names: [], digest },
      ...(last.cascade !== undefined && {
        cascade: { root: last.cascade, most: last.values ?? 0 },
      }),
    }
  }
  if (!force && found.names.length > 0) return answer(stillNamed(digest, found))
  if (!force && held + kept > 0) return answer(stillHeld(state))
  return removal({ ...state, found }, context)
}

export function* unbind({ name, keepValue }: Unbind, context: RemovalContext): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer(failure('not-found', `no such name: ${name}`))
    const { digest, directory } = decodeBinding(bound)
    const [again, ...rows] = yield [nameRow(name), ...stateRows(digest)]
    const state = stateOf(digest, rows)
    const { found, held, kept } = state
    if (again?.version !== bound.version || found === undefined) continue
    const names = found.names.filter((one) => one !== name)
    const isLast = names.length === 0 && !found.unnamed
    if (isLast && !keepValue && held + kept === 0) return removal({ ...state, found }, context)
    // A value that is to be kept without a name needs none from now on.
    const unnamed = found.unnamed || (isLast && keepValue)
    return {
      type: 'change',
      change: { type: 'unbind', digest, name, ...(directory && { directory }) },
      writes: [
        { key: nameRow(name), value: undefined },
        { key: keyRow(digest), value: encodeKey({ ...found, names, unnamed }) },
      ],
      next: (seq) => ({
        type: 'await',
        seq,
        removed: { freedBytes: 0, names: [name], digest: undefined },
      }),
    }
  }
}

function removal(state: ExistingKey, { onMissing, onCascade }: RemovalContext): Outcome {
  const { digest, found, held } = state
  const { parts, cascade } = removalOf(state)
  if (held > 0) onMissing()
  const removed = { freedBytes: found.size, names: found.names, digest }
  return {
    type: 'change',
    ...parts,
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

function stillHeld({ digest, found, held }: KeyState): Failure {
  const key = textOf(digest, found?.directory === undefined ? 'bytes' : 'directory')
  if (held === 0) {
    const why = `${key} is part of a folder that is being put`
    return failure('conflict', why, 'wait for the end of the put, or use --force')
  }
  const directories = held === 1 ? '1 directory' : `${held} directories`
  const why = `${key} is in ${directories}`
  const lacking = held === 1 ? 'the directory will lack it' : 'the directories will lack it'
  return failure('conflict', why, `use --force to remove it all the same: ${lacking}`)
}

function stillNamed(digest: Digest, { names, directory }: KeyRecord): Failure {
  const key = textOf(digest, directory === undefined ? 'bytes' : 'directory')
  const some = names.slice(0, 8).join(', ')
  const more = names.length > 8 ? ` and ${names.length - 8} more` : ''
  return failure(
    'conflict',
    `${key} has names: ${some}${more}`,
    'use --force to remove it with them',
  )
}
