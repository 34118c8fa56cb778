/** Rows and log entries of the index, as bytes in its store (specs/004-index.md, "Records"). */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import type { Message } from '@bufbuild/protobuf'
import { DstoreError } from '../../errors.ts'
import type { Location, RecordKey, Row } from '../../store/store.ts'
import type { WatchedChange, Digest } from '../message.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import { nameBytes } from '../name.ts'
import { encodeUnnamedKey, encodeUnnamedPut } from './put-record.ts'
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
  readonly names: readonly string[]
  /** It was put without a name, so it stays when its last name goes. */
  readonly unnamed: boolean
}

/** One entry of the log. */
export type Change =
  | { readonly type: 'run-started'; readonly runId: Uint8Array }
  | {
      readonly type: 'put'
      readonly digest: Digest
      readonly size: number
      readonly names: readonly string[]
    }
  | {
      readonly type: 'remove'
      readonly digest: Digest
      readonly incarnation: number
      /** Names that were unbound with it. */
      readonly names: readonly string[]
    }
  | { readonly type: 'bind' | 'unbind'; readonly digest: Digest; readonly name: string }
  | { readonly type: 'invite'; readonly role: MemberRole; readonly uses: number }
  | { readonly type: 'admit'; readonly peer: string; readonly role: MemberRole }
  | { readonly type: 'expel'; readonly peer: string }

/**
 * The row for a key. A new key leaves out its incarnation: it is the row's version, the seq of this
 * very write.
 */
export function encodeKey(
  record: Omit<KeyRecord, 'incarnation'> & { incarnation?: number },
): Uint8Array {
  const { size, location, incarnation, names, unnamed } = record
  if (unnamed && names.length === 0 && incarnation === undefined) {
    const bytes = encodeUnnamedKey(size, location)
    if (bytes !== undefined) return bytes
  }
  const seq = incarnation === undefined ? {} : { incarnation: BigInt(incarnation) }
  return pack(pb.KeyRecordSchema, {
    size: BigInt(size),
    location,
    names: [...names],
    unnamed,
    ...seq,
  })
}

/** The record in a row of `keys`; throws `integrity` if the row is damaged. */
export function decodeKey(row: Row): KeyRecord {
  const { size, location, incarnation, names, unnamed } = unpack(pb.KeyRecordSchema, row.value)
  const seq = incarnation === undefined ? row.version : Number(incarnation)
  return { size: Number(size), location, incarnation: seq, names, unnamed }
}

export const encodeName = (digest: Digest): Uint8Array => pack(pb.NameRecordSchema, { digest })

export const decodeName = (row: Row): Digest => unpack(pb.NameRecordSchema, row.value).digest

/** The removal of a key. `seq` is the highest that it can have (R004-22). */
export interface RemovedRecord {
  readonly seq: number
  readonly size: number
}

export const encodeRemoved = ({ seq, size }: RemovedRecord): Uint8Array =>
  pack(pb.RemovedRecordSchema, { seq: BigInt(seq), size: BigInt(size) })

export function decodeRemoved(row: Row): RemovedRecord {
  const { seq, size } = unpack(pb.RemovedRecordSchema, row.value)
  return { seq: Number(seq), size: Number(size) }
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

/** An entry of the log; `atMs` is wall-clock time. */
export function encodeChange(change: Change, atMs: number): Uint8Array {
  if (change.type === 'put' && change.names.length === 0) {
    return encodeUnnamedPut(change.digest, change.size, Math.round(atMs))
  }
  return pack(pb.LogRecordSchema, { atMs: BigInt(Math.round(atMs)), change: toWire(change) })
}

function toWire(change: Change): MessageInitShape<typeof pb.LogRecordSchema>['change'] & object {
  switch (change.type) {
    case 'run-started':
      return { case: 'runStarted', value: change.runId }
    case 'put': {
      const { digest, size, names } = change
      return { case: 'put', value: { digest, size: BigInt(size), names: [...names] } }
    }
    case 'remove': {
      const { digest, incarnation, names } = change
      return {
        case: 'remove',
        value: { digest, incarnation: BigInt(incarnation), names: [...names] },
      }
    }
    case 'bind':
      return { case: 'bind', value: { digest: change.digest, name: change.name } }
    case 'unbind':
      return { case: 'unbind', value: { digest: change.digest, name: change.name } }
    case 'invite':
      return { case: 'invite', value: { role: change.role, uses: change.uses } }
    case 'admit':
      return { case: 'admit', value: { peer: change.peer, role: change.role } }
    case 'expel':
      return { case: 'expel', value: change.peer }
  }
}

/** The change in an entry of the log; `atMs` is wall-clock time. */
export function decodeChange(entry: Uint8Array): {
  readonly change: Change
  readonly atMs: number
} {
  const { atMs, change } = unpack(pb.LogRecordSchema, entry)
  return { change: fromWire(change), atMs: Number(atMs) }
}

function fromWire(change: pb.LogRecord['change']): Change {
  switch (change.case) {
    case 'runStarted':
      return { type: 'run-started', runId: change.value }
    case 'put': {
      const { digest, size, names } = change.value
      return { type: 'put', digest, size: Number(size), names }
    }
    case 'remove': {
      const { digest, incarnation, names } = change.value
      return { type: 'remove', digest, incarnation: Number(incarnation), names }
    }
    case 'bind':
    case 'unbind':
      return { type: change.case, digest: change.value.digest, name: change.value.name }
    case 'invite':
      return { type: 'invite', role: toRole(change.value.role), uses: change.value.uses }
    case 'admit':
      return { type: 'admit', peer: change.value.peer, role: toRole(change.value.role) }
    case 'expel':
      return { type: 'expel', peer: change.value }
    case undefined:
      throw damaged(undefined)
  }
}

function toRole(text: string): MemberRole {
  if (!isMemberRole(text)) throw damaged(undefined)
  return text
}

/** A change, as watchers get it. */
export function watched(seq: number, change: Change): WatchedChange {
  const { type } = change
  const digest = 'digest' in change ? change.digest : undefined
  const names = 'names' in change ? change.names : 'name' in change ? [change.name] : []
  const size = type === 'put' ? change.size : undefined
  const peer = 'peer' in change ? change.peer : undefined
  const role = 'role' in change ? change.role : undefined
  return { seq, type, digest, names, size, peer, role }
}

const pack = <T extends Message>(
  schema: GenMessage<T>,
  fields: MessageInitShape<GenMessage<T>>,
): Uint8Array => toBinary(schema, create(schema, fields))

function unpack<T extends Message>(schema: GenMessage<T>, bytes: Uint8Array): T {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw damaged(cause)
  }
}

const damaged = (cause: unknown): DstoreError =>
  new DstoreError('integrity', 'a record of the index is damaged', { cause })
