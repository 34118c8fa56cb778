/**
 * The rows of trees in `meta`: who holds what, holds, cascades (specs/004-index.md, "Records" and
 * "Rules: directories").
 */
import { concat, viewOf } from '../../bytes.ts'
import { DIGEST_BYTES, HOLD_ID_BYTES } from '../../limits.ts'
import type { Location, RecordKey, Row } from '../../store/store.ts'
import type { Digest, WhyGone } from '../message.ts'
import { nameBytes } from '../name.ts'
import { pack, unpack } from './record.ts'
import * as pb from './records_pb.ts'

const meta = (...parts: readonly Uint8Array[]): RecordKey => ({ table: 'meta', id: concat(parts) })

/** A number as the 8 bytes of an id, so that rows lie in the order of their numbers. */
function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(8)
  viewOf(bytes).setBigUint64(0, BigInt(number))
  return bytes
}

// Counters.

/** The prefix of counters: how many directories hold a key, whether it exists or not. */
export const HELD_ROWS: Uint8Array = nameBytes('held/')

export const heldRow = (digest: Digest): RecordKey => meta(HELD_ROWS, digest)

/** The prefix of counters: how many records of holds keep a key, whether it exists or not. */
export const KEPT_ROWS: Uint8Array = nameBytes('kept/')

export const keptRow = (digest: Digest): RecordKey => meta(KEPT_ROWS, digest)

/**
 * The counter of removed directories whose children could not be counted down, as their bytes are
 * damaged: those are counted as held too often.
 */
export const UNCOUNTED_ROW: RecordKey = { table: 'meta', id: nameBytes('uncounted') }

/** The counter of the rows under `MISSING_ROWS`. */
export const MISSING_ROW: RecordKey = { table: 'meta', id: nameBytes('missing') }

// Keys that directories hold and that do not exist.

/** The prefix of the keys that directories hold and that do not exist, or only as bytes. */
export const MISSING_ROWS: Uint8Array = nameBytes('missing/')

export const missingRow = (digest: Digest): RecordKey => meta(MISSING_ROWS, digest)

export interface MissingRecord {
  /** It was a directory: only as one is it whole again. */
  readonly directory: boolean
}

export const encodeMissing = ({ directory }: MissingRecord): Uint8Array =>
  pack(pb.MissingRecordSchema, { directory })

export function decodeMissing(row: Row): MissingRecord {
  const { directory } = unpack(pb.MissingRecordSchema, row.value)
  return { directory }
}

// Children on their way in and out.

/**
 * Which of the distinct children of a directory, in its order, are counted as held by it: those
 * before `upto`. Those from there to `unchecked` were counted down, and it is still to be found out
 * which of them nothing else holds.
 */
export interface Counted {
  readonly upto: number
  readonly unchecked: number
}

/** The prefix of the directories some of whose children are counted, not all. */
export const ADDING_ROWS: Uint8Array = nameBytes('adding/')

export const addingRow = (digest: Digest): RecordKey => meta(ADDING_ROWS, digest)

export interface AddingRecord {
  readonly counted: Counted
  /** Of the part that is counted. */
  readonly depth: number
  readonly values: number
}

export const encodeAdding = ({ counted, depth, values }: AddingRecord): Uint8Array =>
  pack(pb.AddingRecordSchema, { counted: { ...counted }, depth, values: BigInt(values) })

export function decodeAdding(row: Row): AddingRecord {
  const { counted, depth, values } = unpack(pb.AddingRecordSchema, row.value)
  return { counted: countedOf(counted), depth, values: Number(values) }
}

/** The prefix of the directories that were removed, and whose children are counted down. */
export const CASCADE_ROWS: Uint8Array = nameBytes('cascade/')

/**
 * By the incarnations of the directory whose removal began it all, and of the removed directory:
 * unlike the seqs of their removals they are known before the changes are committed, and as unique.
 */
export const cascadeRow = (root: number, incarnation: number): RecordKey =>
  meta(CASCADE_ROWS, numberBytes(root), numberBytes(incarnation))

/** The prefix of the markers of one directory's removal; 0: of those that no request awaits. */
export const cascadeRows = (root: number): Uint8Array => meta(CASCADE_ROWS, numberBytes(root)).id

export interface CascadeRecord {
  readonly digest: Digest
  readonly size: number
  /** Its bytes, which are released in the end. */
  readonly location: Location
  readonly counted: Counted
  readonly root: Root
}

/** The directory whose removal began a cascade. */
export interface Root {
  /** Its incarnation; 0 where no request waits. */
  readonly id: number
  readonly digest: Digest
  /** Why it went; undefined: it was asked for. */
  readonly why?: WhyGone
}

export const encodeCascade = (record: CascadeRecord): Uint8Array =>
  pack(pb.CascadeRecordSchema, {
    ...record,
    size: BigInt(record.size),
    counted: { ...record.counted },
    root: BigInt(record.root.id),
    rootDigest: record.root.digest,
    why: record.root.why ?? '',
  })

export function decodeCascade(row: Row): CascadeRecord {
  const { digest, size, location, counted, root, rootDigest, why } = unpack(
    pb.CascadeRecordSchema,
    row.value,
  )
  return {
    digest,
    size: Number(size),
    location,
    counted: countedOf(counted),
    root: {
      id: Number(root),
      digest: rootDigest,
      ...(why !== '' && { why: why as WhyGone }),
    },
  }
}

function countedOf(counted: pb.Counted | undefined): Counted {
  return { upto: counted?.upto ?? 0, unchecked: counted?.unchecked ?? 0 }
}

// Holds.

/** The prefix of holds, and of what they keep. */
export const HOLD_ROWS: Uint8Array = nameBytes('hold/')

export const holdRow = (hold: Uint8Array): RecordKey => meta(HOLD_ROWS, hold)

/** The prefix of what a hold keeps. */
export const heldRecords = (hold: Uint8Array): Uint8Array => meta(HOLD_ROWS, hold, SLASH).id

const SLASH = nameBytes('/')

/** An id after all rows of a hold and before those of the next. */
export const afterHold = (hold: Uint8Array): Uint8Array => meta(HOLD_ROWS, hold, nameBytes('0')).id

/** What one message put or found under a hold; `run` and `number` together are unique. */
export const heldRecordRow = (hold: Uint8Array, run: number, number: number): RecordKey =>
  meta(HOLD_ROWS, hold, SLASH, numberBytes(run), numberBytes(number))

/** The hold of a row under `HOLD_ROWS` or `ENDED_ROWS`; undefined for the row of what it keeps. */
export function holdOf(row: Row, prefix: Uint8Array): Uint8Array | undefined {
  const { byteLength } = row.id
  return byteLength === prefix.byteLength + HOLD_ID_BYTES
    ? row.id.slice(prefix.byteLength)
    : undefined
}

export interface HoldRecord {
  /** Wall-clock milliseconds since 1970. */
  readonly expiresMs: number
}

export const encodeHold = ({ expiresMs }: HoldRecord): Uint8Array =>
  pack(pb.HoldRecordSchema, { expiresMs: BigInt(Math.round(expiresMs)) })

export const decodeHold = (row: Row): HoldRecord => ({
  expiresMs: Number(unpack(pb.HoldRecordSchema, row.value).expiresMs),
})

export interface HeldRecord {
  readonly digests: readonly Digest[]
  /** They are counted down; it is still to be found out which of them nothing else holds. */
  readonly released: boolean
}

export function encodeHeld({ digests, released }: HeldRecord): Uint8Array {
  return pack(pb.HeldRecordSchema, { digests: concat(digests), released })
}

export function decodeHeld(row: Row): HeldRecord {
  const { digests: all, released } = unpack(pb.HeldRecordSchema, row.value)
  const digests = Array.from({ length: all.byteLength / DIGEST_BYTES }, (_, i) =>
    all.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  )
  return { digests, released }
}

/** The prefix of holds that have ended and whose values are being released. */
export const ENDED_ROWS: Uint8Array = nameBytes('ended/')

export const endedRow = (hold: Uint8Array): RecordKey => meta(ENDED_ROWS, hold)

/** What the commit of a tree was answered. */
export interface CommittedTree {
  readonly digest: Digest
  readonly name: string | undefined
  readonly size: number
  readonly incarnation: number
  readonly existed: boolean
}

export const encodeEnded = (committed: CommittedTree | undefined): Uint8Array =>
  pack(pb.EndedRecordSchema, committed === undefined ? {} : { committed: packCommitted(committed) })

const packCommitted = ({ digest, name, size, incarnation, existed }: CommittedTree) => ({
  digest,
  size: BigInt(size),
  incarnation: BigInt(incarnation),
  existed,
  ...(name !== undefined && { name }),
})

export function decodeEnded(row: Row): CommittedTree | undefined {
  const { committed } = unpack(pb.EndedRecordSchema, row.value)
  if (committed === undefined) return undefined
  const { digest, name, size, incarnation, existed } = committed
  return { digest, name, size: Number(size), incarnation: Number(incarnation), existed }
}
