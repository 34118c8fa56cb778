/**
 * Plans that remove values and unbind names (specs/004-index.md, "Rules: removal" and "Rules:
 * names").
 */
import { failure } from '../failure.ts'
import type { Digest, Failure, Remove, Unbind } from '../message.ts'
import {
  decodeKey,
  decodeName,
  decodeRemoved,
  encodeKey,
  encodeRemoved,
  keyRow,
  nameRow,
  removedRow,
  type KeyRecord,
} from '../records/record.ts'
import { answer, textOf, type Outcome, type Plan } from './plan.ts'

/** `trimmed`: the last seq that was trimmed from the log. */
export function* remove({ digest, force }: Remove, trimmed: () => number): Plan {
  const [row, mark] = yield [keyRow(digest), removedRow(digest)]
  if (row === undefined) {
    const last = mark === undefined ? undefined : decodeRemoved(mark)
    if (last === undefined || last.seq <= trimmed()) {
      return answer(failure('not-found', `no such key: ${textOf(digest)}`))
    }
    return {
      type: 'await',
      seq: last.seq,
      removed: { freedBytes: last.size, names: [], digest },
    }
  }
  const found = decodeKey(row)
  if (found.names.length > 0 && !force) return answer(stillNamed(digest, found.names))
  return removal(digest, found)
}

export function* unbind({ name, keepValue }: Unbind): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer(failure('not-found', `no such name: ${name}`))
    const digest = decodeName(bound)
    const [again, row] = yield [nameRow(name), keyRow(digest)]
    if (again?.version !== bound.version || row === undefined) continue
    const found = decodeKey(row)
    const names = found.names.filter((one) => one !== name)
    if (names.length === 0 && !found.unnamed && !keepValue) return removal(digest, found)
    // A value that is kept without a name needs none from now on.
    const unnamed = found.unnamed || names.length === 0
    return {
      type: 'change',
      change: { type: 'unbind', digest, name },
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

function removal(digest: Digest, { size, location, incarnation, names }: KeyRecord): Outcome {
  return {
    type: 'change',
    change: { type: 'remove', digest, incarnation, names },
    writes: [
      { key: keyRow(digest), value: undefined },
      ...names.map((name) => ({ key: nameRow(name), value: undefined })),
    ],
    mark: (seq) => ({ key: removedRow(digest), value: encodeRemoved({ seq, size }) }),
    release: [location],
    next: (seq) => ({ type: 'await', seq, removed: { freedBytes: size, names, digest } }),
  }
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
