/**
 * Bytes to messages (specs/004-index.md, "Messages"). Throws `protocol` unless every field is
 * present and within its bounds, so the state machines see only sound messages.
 */
import { fromBinary } from '@bufbuild/protobuf'
import { DstoreError } from '../../errors.ts'
import { INLINE_VALUE_BYTES } from '../../limits.ts'
import { atMost, count, digest, exactly, malformed, text } from '../../wire/fields.ts'
import {
  toAddresses,
  toLabel,
  toInvite,
  toInvited,
  toMemberPage,
  toMemberships,
  toNewPeer,
  toPeer,
  toPeers,
  toRole,
} from './decode-membership.ts'
import { toFailure, toPutBatch, toReceipt, toStored, toStoredBatch } from './batches.ts'
import { toFact, toNames as toKeyNames } from './decode-facts.ts'
import { pageOf, toContents, toNamed, toNames, toPrefix, toStoreContents } from './decode-lists.ts'
import { toFound, toRebind, toRebound, toTarget, toTargets, toWhy } from './decode-names.ts'
import { toNaming, toOperations, toPing } from './decode-naming.ts'
import { toMemberRole, toReport, toWall } from './decode-report.ts'
import { toRuleBody } from './rules/decode-rules.ts'
import { batch, toName, toTreeBody, toTreeRemoval, toUnnamedHold } from './decode-trees.ts'
import type { Body, WatchedChange, ChangeType, Message, Position } from '../message.ts'
import * as pb from './messages_pb.ts'

/** The message in a frame; throws `protocol`, with the reason. */
export function decodeMessage(bytes: Uint8Array): Message {
  let message: pb.Message
  try {
    message = fromBinary(pb.MessageSchema, bytes)
  } catch (cause) {
    throw new DstoreError('protocol', 'an index message that cannot be parsed', { cause })
  }
  return { id: message.id, body: fromWire(message.body) }
}

function fromWire(body: pb.Message['body']): Body {
  switch (body.case) {
    case 'hello': {
      const { versions, bootId, position, seen, ticketSecret, host } = body.value
      return {
        type: 'hello',
        versions: batch('versions', versions),
        bootId: exactly(16, 'boot id', bootId),
        position: position === undefined ? undefined : toPosition(position),
        highestSeen: count('seq', seen),
        ticketSecret: ticketSecret === undefined ? undefined : atMost(64, 'secret', ticketSecret),
        ...toLabel({ host }),
      }
    }
    case 'welcome': {
      const { version, position, leaseMs, reset } = body.value
      if (position === undefined) throw malformed('a welcome without a position')
      return {
        type: 'welcome',
        version,
        position: toPosition(position),
        leaseMs: maybeCount('lease', leaseMs),
        reset,
        members: toPeers(body.value.members),
        addresses: toAddresses(body.value.addresses),
        ...toReport(body.value),
      }
    }
    case 'locate': {
      const digests = batch('digests', body.value.digests).map(digest)
      const { inline, namesBelow } = body.value
      if (namesBelow === undefined) return { type: 'locate', digests, inline }
      if (digests.length !== 1) throw malformed('a prefix for the names of several keys')
      return { type: 'locate', digests, inline, namesBelow: toPrefix(namesBelow) }
    }
    case 'located':
      return { type: 'located', facts: batch('facts', body.value.facts).map(toFact) }
    case 'put': {
      const values = batch('values', body.value.values)
      const name = body.value.name === undefined ? undefined : toName(body.value.name)
      if (name !== undefined && values.length !== 1) throw malformed('one name for several values')
      return {
        type: 'put',
        values: values.map((v) => atMost(INLINE_VALUE_BYTES, 'value', v)),
        name,
        ...toUnnamedHold(body.value),
        ...toNaming(body.value),
        ...toOperations(body.value),
      }
    }
    case 'putBatch':
      return toPutBatch(body.value)
    case 'storedBatch':
      return toStoredBatch(body.value)
    case 'stored':
      return toStored(body.value)
    case 'offer': {
      const { size, name } = body.value
      return {
        type: 'offer',
        digest: digest(body.value.digest),
        size: count('size', size),
        name: name === undefined ? undefined : toName(name),
        ...toUnnamedHold(body.value),
        ...toNaming(body.value),
      }
    }
    case 'offered': {
      const { answer } = body.value
      if (answer.case === 'have') {
        return { type: 'offered', have: toReceipt(answer.value, body.value.silent), sendFrom: 0 }
      }
      if (answer.case === undefined) throw malformed('an answer to an offer that says nothing')
      return { type: 'offered', have: undefined, sendFrom: count('offset', answer.value) }
    }
    case 'remove': {
      const { timeoutMs, force } = body.value
      const wait = { timeoutMs: maybeCount('time-out', timeoutMs) }
      return { type: 'remove', digest: digest(body.value.digest), ...wait, force }
    }
    case 'unbind': {
      const { name, keepValue, timeoutMs, asWriter } = body.value
      const wait = { timeoutMs: maybeCount('time-out', timeoutMs) }
      return {
        type: 'unbind',
        name: toName(name),
        keepValue,
        ...wait,
        ...(asWriter && { asWriter }),
      }
    }
    case 'removed': {
      const { seq, freedBytes, acknowledged, owed, expired, names } = body.value
      return {
        type: 'removed',
        seq: count('seq', seq),
        freedBytes: count('freed bytes', freedBytes),
        acknowledged: acknowledged.map(text),
        owed: owed.map(text),
        expired: expired.map(text),
        names: toKeyNames(names),
        digest: maybeDigest(body.value.digest),
        ...toTreeRemoval(body.value.tree),
      }
    }
    case 'list': {
      const { after, limit } = body.value
      return { type: 'list', after: maybeDigest(after), limit: pageOf(limit) }
    }
    case 'listed': {
      const items = batch('items', body.value.items)
      return {
        type: 'listed',
        items: items.map((item) => ({
          digest: digest(item.digest),
          size: count('size', item.size),
          ...kind(item),
        })),
        more: body.value.more,
      }
    }
    case 'bind':
      return { ...toRebind(body.value), type: 'bind' }
    case 'rebind':
      return toRebind(body.value)
    case 'rebound':
      return toRebound(body.value)
    case 'tagHistory':
      return { type: 'tag-history', name: toName(body.value.name) }
    case 'tagTargets':
      return toTargets(body.value)
    case 'lookup':
      return { type: 'lookup', name: toName(body.value.name), inline: body.value.inline }
    case 'binding':
      return { type: 'binding', found: body.value.exists ? toFound(body.value) : undefined }
    case 'names':
      return toNames(body.value)
    case 'named':
      return toNamed(body.value)
    case 'contents':
      return toContents(body.value)
    case 'storeContents':
      return toStoreContents(body.value)
    case 'watch': {
      const { after, waitMs, limit } = body.value
      const from = { after: after === undefined ? undefined : toPosition(after) }
      return { type: 'watch', ...from, waitMs: count('wait', waitMs), limit: pageOf(limit) }
    }
    case 'watched': {
      const { position, lost } = body.value
      if (position === undefined) throw malformed('changes without a position')
      const changes = batch('changes', body.value.changes).map(toChange)
      return { type: 'watched', position: toPosition(position), changes, lost }
    }
    case 'feed':
      return toFeed(body.value)
    case 'invite':
      return toInvite(body.value)
    case 'invited':
      return toInvited(body.value)
    case 'admit':
      return { type: 'admit', peer: toNewPeer(body.value.peer), role: toRole(body.value.role) }
    case 'admitted':
      return { type: 'admitted' }
    case 'expel': {
      const { peer, timeoutMs } = body.value
      return { type: 'expel', peer: toPeer(peer), timeoutMs: maybeCount('time-out', timeoutMs) }
    }
    case 'members': {
      const { after, limit } = body.value
      const from = { after: after === undefined ? undefined : toPeer(after) }
      return { type: 'members', ...from, limit: pageOf(limit) }
    }
    case 'memberPage':
      return toMemberPage(body.value)
    case 'hold':
    case 'held':
    case 'present':
    case 'presentAnswer':
    case 'makeDirectories':
    case 'madeDirectories':
    case 'commitTree':
      return toTreeBody(body)
    case 'setRule':
    case 'removeRule':
    case 'accepted':
    case 'rules':
    case 'ruleList':
    case 'reportUse':
      return toRuleBody(body)
    case 'ack':
      return { type: 'ack', seq: count('seq', body.value.seq) }
    case 'ping':
      return toPing(body.value)
    case 'pong': {
      const named = toAddresses(body.value.addresses)
      const addresses = named.length === 0 ? {} : { addresses: named }
      return {
        type: 'pong',
        seq: count('seq', body.value.seq),
        ...toWall(body.value.wallMs),
        ...toMemberRole(body.value.role),
        ...addresses,
      }
    }
    case 'goodbye':
      return { type: 'goodbye', reason: text(body.value.reason) }
    case 'failure':
      return toFailure(body.value)
    case undefined:
      throw malformed('an index message of an unknown kind')
  }
}

function toFeed({ after: from, upto: to, ...lists }: pb.Feed): Body {
  const after = count('seq', from)
  const upto = count('seq', to)
  if (after > upto) throw malformed('a feed that goes backwards')
  const within = (seq: bigint): number => {
    const place = count('seq', seq)
    if (place <= after || place > upto)
      throw malformed(`a change at ${place} in a feed up to ${upto}`)
    return place
  }
  return {
    type: 'feed',
    after,
    upto,
    removals: batch('removals', lists.removals).map((removal) => ({
      digest: digest(removal.digest),
      seq: within(removal.seq),
    })),
    unbindings: lists.unbindings.map(({ name, seq }) => ({ name: toName(name), seq: within(seq) })),
    memberships: toMemberships(lists.memberships, within),
  }
}

const maybeCount = (what: string, value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : count(what, value)

const maybeDigest = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes === undefined ? undefined : digest(bytes)

const toPosition = (position: { runId: Uint8Array; seq: bigint }): Position => ({
  runId: exactly(16, 'run id', position.runId),
  seq: count('seq', position.seq),
})

/** Absent for bytes. */
const kind = ({ directory }: { directory: boolean }): { directory?: true } =>
  directory ? { directory } : {}

const CHANGE_TYPES: ReadonlySet<string> = new Set<ChangeType>([
  'run-started',
  'put',
  'bind',
  'rebind',
  'unbind',
  'remove',
  'invite',
  'admit',
  'expel',
])

function toChange(change: pb.Change): WatchedChange {
  if (!CHANGE_TYPES.has(change.type)) throw malformed('a change of an unknown type')
  return {
    seq: count('seq', change.seq),
    type: change.type as ChangeType,
    digest: maybeDigest(change.digest),
    names: toKeyNames(change.names),
    size: maybeCount('size', change.size),
    peer: change.peer === undefined ? undefined : toPeer(change.peer),
    role: change.role === undefined ? undefined : toRole(change.role),
    ...kind(change),
    ...(change.previous !== undefined && { previous: toTarget(change.previous) }),
    ...toWhy(change.why),
  }
}
