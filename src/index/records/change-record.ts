/** The entries of the log (specs/004-index.md, "Records"). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { WatchedChange, Digest, WhyGone } from '../message.ts'
import { isMemberRole, type MemberRole } from '../../membership/role.ts'
import { packKey, packMoved, unpackKey, unpackMoved, type Moved } from './moved-record.ts'
import { encodeUnnamedPut } from './put-record.ts'
import { damaged, pack, unpack } from './record.ts'
import * as pb from './records_pb.ts'

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
      const known = { digest, incarnation: BigInt(incarnation), directory, why }
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
      return { case: 'unbind', value: { digest, name, directory, more, why } }
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
  return { change: all, atMs: Number(atMs) }
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
    seq,
    type,
    digest,
    names,
    size,
    peer,
    role,
    ...kind(isDirectory),
    ...(previous !== undefined && { previous }),
    ...(isGone && { why: change.why ?? 'removed' }),
  }
}
