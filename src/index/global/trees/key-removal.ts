/**
 * The removal of a key, and what else it changes: the counts of what it held (specs/004-index.md,
 * "Rules: directories"). A key goes when nothing holds it, or by force.
 */
import { decodeCounter } from '../../../store/counters.ts'
import type { Increment, RecordKey, Row, Write } from '../../../store/store.ts'
import { DIGEST_BYTES } from '../../../limits.ts'
import type { Digest, WhyGone } from '../../message.ts'
import {
  decodeKey,
  encodeRemoved,
  keyRow,
  removedRow,
  type KeyRecord,
} from '../../records/record.ts'
import {
  MISSING_ROW,
  addingRow,
  cascadeRow,
  decodeAdding,
  encodeCascade,
  encodeMissing,
  heldRow,
  keptRow,
  missingRow,
  type Counted,
  type Root,
} from '../../records/tree-record.ts'
import { namesGone } from '../names/named.ts'
import type { ChangeParts, Rows } from '../plan.ts'
import { noLongerMissing } from './missing.ts'

/** A cascade that a removal begins. */
export interface Beginning {
  /** The incarnation of the removed directory. */
  readonly id: number
  readonly root: Root
  /** At most so many values are removed with it, itself included. */
  readonly values: number
}

/** A key, and all that keeps it. */
export interface KeyState {
  readonly digest: Digest
  /** Undefined if it does not exist. */
  readonly found: KeyRecord | undefined
  /** Number of directories that hold it. */
  readonly held: number
  /** Number of records of holds that keep it. */
  readonly kept: number
  /** Which of its children are counted. */
  readonly counted: Counted
  /** It is counted as missing. */
  readonly missing: Row | undefined
}

/** A key that exists. */
export type ExistingKey = KeyState & { readonly found: KeyRecord }

const STATE_ROWS = 5

/** The rows that `stateOf` takes, and that a removal has as its conditions. */
export const stateRows = (digest: Digest): RecordKey[] => [
  keyRow(digest),
  heldRow(digest),
  keptRow(digest),
  addingRow(digest),
  missingRow(digest),
]

export function stateOf(digest: Digest, rows: Rows, at: number = 0): KeyState {
  const [key, held, kept, adding, missing] = rows.slice(at, at + STATE_ROWS)
  const found = key === undefined ? undefined : decodeKey(key)
  const children = found?.directory?.children ?? 0
  const counted =
    adding === undefined ? { upto: children, unchecked: children } : decodeAdding(adding).counted
  return {
    digest,
    found,
    held: decodeCounter(held?.value),
    kept: decodeCounter(kept?.value),
    counted,
    missing,
  }
}

/** The states of these keys, whose rows were read together. */
export const statesOf = (digests: readonly Digest[], rows: Rows): KeyState[] =>
  digests.map((digest, i) => stateOf(digest, rows, i * STATE_ROWS))

/** Does nothing keep the key, neither a name nor a directory nor a hold? */
export const isFree = ({ found, held, kept }: KeyState): boolean =>
  found !== undefined && !found.unnamed && found.names === 0 && held === 0 && kept === 0

export interface KeyRemoval {
  readonly parts: ChangeParts
  /** Undefined for a key that holds nothing. */
  readonly cascade: Beginning | undefined
}

/** To be called when a removal is durable that began a cascade. */
export type OnCascade = (beginning: Beginning, seq: number, found: KeyRecord) => void

/** The root of a removal that no request waits for. Without a reason, it was asked for. */
export const unawaited = (why?: WhyGone): Root => ({
  id: 0,
  digest: new Uint8Array(DIGEST_BYTES),
  ...(why !== undefined && { why }),
})

/**
 * The change that removes a key that exists, with these names, which are all that it has. What it
 * holds is counted down afterwards, by a cascade; `root` is that of which this is a part, if it is
 * part of one.
 */
export function removalOf(state: ExistingKey, names: readonly string[], root?: Root): KeyRemoval {
  const { digest, found, held, counted, missing } = state
  const { size, location, incarnation, directory } = found
  const writes: Write[] = [{ key: keyRow(digest), value: undefined }, ...namesGone(digest, names)]
  const increments: Increment[] = []
  if (directory === undefined && counted.unchecked > 0) {
    writes.push({ key: addingRow(digest), value: undefined })
  }
  if (held > 0) {
    const isTree = directory !== undefined
    if (missing === undefined || isTree) {
      writes.push({ key: missingRow(digest), value: encodeMissing({ directory: isTree }) })
    }
    if (missing === undefined) increments.push({ key: MISSING_ROW, by: 1 })
  } else if (missing !== undefined) {
    const gone = noLongerMissing(digest)
    writes.push(...gone.writes)
    increments.push(...gone.increments)
  }
  const change = {
    type: 'remove',
    digest,
    incarnation,
    names,
    ...(directory !== undefined && { directory: true }),
    ...(root?.why !== undefined && { why: root.why }),
  } as const
  if (counted.unchecked === 0) {
    const mark = (seq: number): Write => ({
      key: removedRow(digest),
      value: encodeRemoved({ seq, size }),
    })
    return { parts: { change, writes, increments, mark, release: [location] }, cascade: undefined }
  }
  const cascade = {
    id: incarnation,
    root: root ?? { id: incarnation, digest },
    values: directory?.values ?? counted.unchecked + 1,
  }
  writes.push({
    key: cascadeRow(cascade.root.id, incarnation),
    value: encodeCascade({ digest, size, location, counted, root: cascade.root }),
  })
  // The bytes of the directory say which children are to be counted down, so they stay until then.
  const marked = root === undefined ? { cascade: incarnation, values: cascade.values } : {}
  const mark = (seq: number): Write => ({
    key: removedRow(digest),
    value: encodeRemoved({ seq, size, ...marked }),
  })
  return { parts: { change, writes, increments, mark }, cascade }
}
