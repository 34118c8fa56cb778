/** Rows of the index, as bytes in its store (specs/004-index.md, "Records"). */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import type { Message } from '@bufbuild/protobuf'
import { DstoreError } from '../../errors.ts'
import type { Location, RecordKey, Row } from '../../store/store.ts'
import type { Digest } from '../message.ts'
import { nameBytes } from '../name.ts'
import { packDirectory, unpackDirectory, type DirectoryRecord } from './directory-record.ts'
import { encodePlainKey } from './put-record.ts'
import * as pb from './records_pb.ts'

export const keyRow = (digest: Digest): RecordKey => ({ table: 'keys', id: digest })

export const nameRow = (name: string): RecordKey => ({ table: 'names', id: nameBytes(name) })

/** The last change of a key that does not exist, while the log holds it. */
export const removedRow = (digest: Digest): RecordKey => {
  const id = new Uint8Array(REMOVED.byteLength + digest.byteLength)
  id.set(REMOVED)
  id.set(digest, REMOVED.byteLength)
  return { table: 'meta', id }
}

const REMOVED = nameBytes('removed/')

/** The prefix of the ids of registered Locals. */
export const LOCAL_ROWS: Uint8Array = nameBytes('local/')

export const localRow = (peer: string): RecordKey => ({
  table: 'meta',
  id: nameBytes(`local/${peer}`),
})

export const peerOf = (row: Row): string => decoder.decode(row.id.subarray(LOCAL_ROWS.byteLength))

export const INDEX_ROW: RecordKey = { table: 'meta', id: nameBytes('index') }

/** The newest wall time that was trusted. */
export const WALL_ROW: RecordKey = { table: 'meta', id: nameBytes('wall') }

const decoder = new TextDecoder()

/** The index's record of a key that exists. */
export interface KeyRecord {
  readonly size: number
  readonly location: Location
  /** The seq of the put that created the key. */
  readonly incarnation: number
  /** Number of its names. */
  readonly names: number
  /** Those of them that an earlier version listed in this row: they have no row `namedRow`. */
  readonly listed?: readonly string[]
  /** It was put without a name, so it stays when its last name goes. */
  readonly unnamed: boolean
  /** Its children are counted: it is a directory. */
  readonly directory?: DirectoryRecord | undefined
}

/**
 * The row for a key. A new key leaves out its incarnation: it is the row's version, the seq of this
 * very write.
 */
export function encodeKey(
  record: Omit<KeyRecord, 'incarnation'> & { incarnation?: number },
): Uint8Array {
  const { size, location, incarnation, names, listed = [], unnamed, directory } = record
  if (names === 0 && incarnation === undefined && directory === undefined) {
    const bytes = encodePlainKey(size, location, unnamed)
    if (bytes !== undefined) return bytes
  }
  const seq = incarnation === undefined ? {} : { incarnation: BigInt(incarnation) }
  return pack(pb.KeyRecordSchema, {
    size: BigInt(size),
    location,
    names: [...listed],
    named: BigInt(names - listed.length),
    unnamed,
    ...seq,
    ...(directory !== undefined && { directory: packDirectory(directory) }),
  })
}

/** The record in a row of `keys`; throws `integrity` if the row is damaged. */
export function decodeKey(row: Row): KeyRecord {
  const wire = unpack(pb.KeyRecordSchema, row.value)
  const { size, location, incarnation, names: listed, named, unnamed, directory } = wire
  const seq = incarnation === undefined ? row.version : Number(incarnation)
  const names = listed.length + Number(named)
  const known = { size: Number(size), location, incarnation: seq, names, unnamed }
  const plain = listed.length === 0 ? known : { ...known, listed }
  return directory === undefined ? plain : { ...plain, directory: unpackDirectory(directory) }
}

/** The removal of a key. `seq` is the highest that it can have (R004-22). */
export interface RemovedRecord {
  readonly seq: number
  readonly size: number
  /** The cascade that it began, which goes on: the incarnation of the removed directory. */
  readonly cascade?: number | undefined
  /** The most values that its cascade removes; 0 without one. */
  readonly values?: number
}

export const encodeRemoved = ({ seq, size, cascade, values = 0 }: RemovedRecord): Uint8Array =>
  pack(pb.RemovedRecordSchema, {
    seq: BigInt(seq),
    size: BigInt(size),
    values: BigInt(values),
    ...(cascade !== undefined && { cascade: BigInt(cascade) }),
  })

export function decodeRemoved(row: Row): RemovedRecord {
  const { seq, size, cascade, values } = unpack(pb.RemovedRecordSchema, row.value)
  const began = cascade === undefined ? {} : { cascade: Number(cascade) }
  return { seq: Number(seq), size: Number(size), values: Number(values), ...began }
}

/** A Local that may hold values. */
export interface LocalRecord {
  readonly bootId: Uint8Array
  readonly acknowledged: number
  /** A lease covers everything that it holds. */
  readonly leased: boolean
}

export const encodeLocal = ({ bootId, acknowledged, leased }: LocalRecord): Uint8Array =>
  pack(pb.LocalRecordSchema, { bootId, acknowledged: BigInt(acknowledged), leased })

export function decodeLocal(row: Row): LocalRecord {
  const { bootId, acknowledged, leased } = unpack(pb.LocalRecordSchema, row.value)
  return { bootId, acknowledged: Number(acknowledged), leased }
}

/** A run of Global. `start`: the seq of the change that began it. */
export interface Run {
  readonly id: Uint8Array
  readonly start: number
}

export interface IndexRecord {
  readonly runs: readonly Run[]
  readonly longestLeaseMs: number
}

export function encodeIndex({ runs, longestLeaseMs }: IndexRecord): Uint8Array {
  return pack(pb.IndexRecordSchema, {
    runs: runs.map(({ id, start }) => ({ id, start: BigInt(start) })),
    longestLeaseMs: BigInt(longestLeaseMs),
  })
}

export function decodeIndex(row: Row | undefined): IndexRecord {
  if (row === undefined) return { runs: [], longestLeaseMs: 0 }
  const { runs, longestLeaseMs } = unpack(pb.IndexRecordSchema, row.value)
  return {
    runs: runs.map(({ id, start }) => ({ id, start: Number(start) })),
    longestLeaseMs: Number(longestLeaseMs),
  }
}

export const encodeWall = (trustedMs: number): Uint8Array =>
  pack(pb.WallRecordSchema, { trustedMs: BigInt(Math.round(trustedMs)) })

export const decodeWall = (row: Row): number =>
  Number(unpack(pb.WallRecordSchema, row.value).trustedMs)

export const pack = <T extends Message>(
  schema: GenMessage<T>,
  fields: MessageInitShape<GenMessage<T>>,
): Uint8Array => toBinary(schema, create(schema, fields))

export function unpack<T extends Message>(schema: GenMessage<T>, bytes: Uint8Array): T {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw damaged(cause)
  }
}

/** The fault of a row that cannot be read. */
export const damaged = (cause: unknown): DstoreError =>
  new DstoreError('integrity', 'a record of the index is damaged', { cause })
