/** Rows and log entries of the index, as bytes in its store (specs/004-index.md, "Records"). */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import type { Message } from '@bufbuild/protobuf'
import { DstoreError } from '../../errors.ts'
import type { Location, RecordKey, Row } from '../../store/store.ts'
import type { WatchedChange, Digest, Target, WhyGone } from '../message.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import { nameBytes } from '../name.ts'
import { packDirectory, unpackDirectory, type DirectoryRecord } from './directory-record.ts'
import { packKey, packMoved, unpackKey, unpackMoved } from './moved-record.ts'
import { encodePlainKey, encodeUnnamedPut } from './put-record.ts'
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

/** What a name was bound to before a change. */
export interface Moved {
  readonly previous: Target
  /** Until when that is kept, as nothing else holds it: wall clock, in milliseconds. */
  readonly keptUntilMs?: number
}

/** One entry of the log. */
export type Change =
  | { readonly type: 'run-started'; readonly runId: Uint8Array }
  | {
      readonly type: 'put'
      readonly digest: Digest
      readonly size: number
      readonly names: readonly string[]
      /** It is a directory from now on, or was one before. */
      readonly directory?: boolean
      /** Its name is a tag that was bound to this before. */
      readonly moved?: Moved
      readonly operation?: Uint8Array
    }
  | {
      readonly type: 'remove'
      readonly digest: Digest
      readonly incarnation: number
      /** Names that were unbound with it. */
      readonly names: readonly string[]
      readonly directory?: boolean
      /** Undefined: it was asked for. */
      readonly why?: WhyGone
    }
  | {
      readonly type: 'bind'
      readonly digest: Digest
      readonly name: string
      readonly directory?: boolean
      readonly operation?: Uint8Array
      /** Of an operation: the size of the key, and its incarnation. */
      readonly size?: number
      readonly incarnation?: number
    }
  /** A tag is moved; or, with the same target, the expiry of a name is changed. */
  | {
      readonly type: 'rebind'
      readonly digest: Digest
      readonly name: string
      readonly directory?: boolean
      readonly moved: Moved
      readonly operation?: Uint8Array
      readonly size?: number
      readonly incarnation?: number
    }
  | {
      readonly type: 'unbind'
      readonly digest: Digest
      /** At least one, at most `NAMES_PER_CHANGE`. */
      readonly names: readonly string[]
      readonly directory?: boolean
      /** Undefined: it was asked for. */
      readonly why?: WhyGone
    }
  /** The bytes of a removed directory are freed: its children are counted down. */
  | { readonly type: 'free'; readonly digest: Digest }
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

/** An entry of the log; `atMs` is wall-clock time. */
export function encodeChange(change: Change, atMs: number): Uint8Array {
  const operation = 'operation' in change ? change.operation : undefined
  const isPlain = change.type === 'put' && change.names.length === 0 && change.directory !== true
  if (isPlain && operation === undefined) {
    return encodeUnnamedPut(change.digest, change.size, Math.round(atMs))
  }
  return pack(pb.LogRecordSchema, {
    atMs: BigInt(Math.round(atMs)),
    change: toWire(change),
    ...(operation !== undefined && { operation }),
  })
}

function toWire(change: Change): MessageInitShape<typeof pb.LogRecordSchema>['change'] & object {
  switch (change.type) {
    case 'run-started':
      return { case: 'runStarted', value: change.runId }
    case 'put': {
      const { digest, size, names, directory = false, moved } = change
      const known = { digest, size: BigInt(size), names: [...names], directory }
      return { case: 'put', value: { ...known, ...packMoved(moved) } }
    }
    case 'remove': {
      const { digest, incarnation, names, directory = false, why = '' } = change
      const known = { digest, incarnation: BigInt(incarnation), directory, why: why as string }
      return { case: 'remove', value: { ...known, names: [...names] } }
    }
    case 'bind': {
      const { digest, name, directory = false } = change
      return { case: 'bind', value: { digest, name, directory, ...packKey(change) } }
    }
    case 'rebind': {
      const { digest, name, directory = false, moved } = change
      const known = { digest, name, directory, ...packKey(change) }
      return { case: 'rebind', value: { ...known, ...packMoved(moved) } }
    }
    case 'unbind': {
      const { digest, names, directory = false, why = '' } = change
      const [name = '', ...more] = names
      return { case: 'unbind', value: { digest, name, directory, more, why: why as string } }
    }
    case 'free':
      return { case: 'free', value: change.digest }
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
  const { atMs, change, operation } = unpack(pb.LogRecordSchema, entry)
  const decoded = fromWire(change)
  const all = operation === undefined ? decoded : { ...decoded, operation }
  return { change: all as Change, atMs: Number(atMs) }
}

function fromWire(change: pb.LogRecord['change']): Change {
  switch (change.case) {
    case 'runStarted':
      return { type: 'run-started', runId: change.value }
    case 'put': {
      const { digest, size, names, directory } = change.value
      const moved = unpackMoved(change.value)
      const known = { digest, size: Number(size), names, ...kind(directory) }
      return { type: 'put', ...known, ...(moved !== undefined && { moved }) }
    }
    case 'remove': {
      const { digest, incarnation, names, directory, why } = change.value
      const known = { digest, incarnation: Number(incarnation), names, ...kind(directory) }
      return { type: 'remove', ...known, ...reason(why) }
    }
    case 'bind': {
      const { digest, name, directory } = change.value
      return { type: 'bind', digest, name, ...kind(directory), ...unpackKey(change.value) }
    }
    case 'unbind': {
      const { digest, name, more, directory, why } = change.value
      return { type: 'unbind', digest, names: [name, ...more], ...kind(directory), ...reason(why) }
    }
    case 'rebind': {
      const { digest, name, directory } = change.value
      const moved = unpackMoved(change.value)
      if (moved === undefined) throw damaged(undefined)
      return { type: 'rebind', digest, name, ...kind(directory), ...unpackKey(change.value), moved }
    }
    case 'free':
      return { type: 'free', digest: change.value }
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

/** Absent for bytes. */
const kind = (directory: boolean): { directory?: true } => (directory ? { directory } : {})

const reason = (why: string): { why?: WhyGone } => (why === '' ? {} : { why: why as WhyGone })

/** A change, as watchers get it; undefined for one that only the store is concerned with. */
export function watched(seq: number, change: Change): WatchedChange | undefined {
  if (change.type === 'free') return undefined
  const { type } = change
  const digest = 'digest' in change ? change.digest : undefined
  const names = 'names' in change ? change.names : 'name' in change ? [change.name] : []
  const size = type === 'put' ? change.size : undefined
  const peer = 'peer' in change ? change.peer : undefined
  const role = 'role' in change ? change.role : undefined
  const isDirectory = 'directory' in change && change.directory
  const previous = 'moved' in change ? change.moved?.previous : undefined
  const isGone = type === 'unbind' || type === 'remove'
  return {
    ...{ seq, type, digest, names, size, peer, role },
    ...kind(isDirectory),
    ...(previous !== undefined && { previous }),
    ...(isGone && { why: change.why ?? 'removed' }),
  }
}

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
