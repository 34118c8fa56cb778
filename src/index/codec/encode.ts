/** Messages to bytes (specs/004-index.md, "Messages"). */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { Body, WatchedChange, Message, Position, TreeRemoval } from '../message.ts'
import {
  wireFailure,
  wireItem,
  silentIn,
  wireReceipt,
  wireStored,
  wireStoredBatch,
} from './batches.ts'
import { wireFact } from './encode-facts.ts'
import { wireContents, wireNamedPage, wireNames } from './encode-lists.ts'
import { wireBinding, wireNaming, wireTarget } from './encode-names.ts'
import { wireRule, wireTerms } from './rules/encode-rules.ts'
import { MessageSchema } from './messages_pb.ts'

type WireBody = Exclude<MessageInitShape<typeof MessageSchema>['body'], undefined>

export function encodeMessage(message: Message): Uint8Array {
  return toBinary(
    MessageSchema,
    create(MessageSchema, { id: message.id, body: toWire(message.body) }),
  )
}

function toWire(body: Body): WireBody {
  switch (body.type) {
    case 'hello': {
      const { versions, bootId, position, highestSeen, ticketSecret, host } = body
      const from = position === undefined ? {} : { position: wirePosition(position) }
      const known = { bootId, ...from, seen: BigInt(highestSeen) }
      const value = { versions: [...versions], ...known, ...given({ ticketSecret, host }) }
      return { case: 'hello', value }
    }
    case 'welcome': {
      const { version, position, leaseMs, reset, members, addresses, report = {} } = body
      const { wallMs, release, lanePort, role } = report
      const peers = { members: [...members], addresses: [...addresses] }
      const known = {
        position: wirePosition(position),
        ...peers,
        ...given({ release, lanePort, role }),
      }
      const value = { version, reset, ...known, ...wide({ leaseMs, wallMs }) }
      return { case: 'welcome', value }
    }
    case 'locate': {
      const { digests, inline, namesBelow } = body
      return { case: 'locate', value: { digests: [...digests], inline, ...given({ namesBelow }) } }
    }
    case 'located':
      return { case: 'located', value: { facts: body.facts.map(wireFact) } }
    case 'put': {
      const { name, hold } = body
      const known = { values: [...body.values], ...given({ name, hold }) }
      const ids = body.operations === undefined ? {} : { operations: [...body.operations] }
      return { case: 'put', value: { ...known, ...ids, ...wireNaming(body) } }
    }
    case 'put-batch':
      return { case: 'putBatch', value: { items: body.items.map(wireItem) } }
    case 'stored-batch':
      return { case: 'storedBatch', value: wireStoredBatch(body) }
    case 'stored':
      return { case: 'stored', value: wireStored(body) }
    case 'offer': {
      const { digest, size, name, hold } = body
      const known = { digest, size: BigInt(size), ...given({ name, hold }) }
      return { case: 'offer', value: { ...known, ...wireNaming(body) } }
    }
    case 'offered': {
      const { have, sendFrom } = body
      const answer =
        have === undefined
          ? ({ case: 'sendFrom', value: BigInt(sendFrom) } as const)
          : ({ case: 'have', value: wireReceipt(have) } as const)
      return { case: 'offered', value: { answer, silent: silentIn([have]) } }
    }
    case 'remove': {
      const { digest, force, timeoutMs } = body
      return { case: 'remove', value: { digest, force, ...wide({ timeoutMs }) } }
    }
    case 'unbind': {
      const { name, keepValue, timeoutMs, asWriter = false } = body
      return { case: 'unbind', value: { name, keepValue, asWriter, ...wide({ timeoutMs }) } }
    }
    case 'removed': {
      const { seq, freedBytes, acknowledged, owed, expired, names, digest } = body
      const locals = { acknowledged: [...acknowledged], owed: [...owed], expired: [...expired] }
      const numbers = { seq: BigInt(seq), freedBytes: BigInt(freedBytes) }
      return {
        case: 'removed',
        value: {
          ...numbers,
          ...locals,
          names: [...names],
          ...given({ digest, tree: wireTreeRemoval(body.tree) }),
        },
      }
    }
    case 'list': {
      const { after, limit } = body
      return { case: 'list', value: { limit, ...given({ after }) } }
    }
    case 'listed': {
      const items = body.items.map((one) => ({ ...one, size: BigInt(one.size) }))
      return { case: 'listed', value: { items, more: body.more } }
    }
    case 'bind':
    case 'rebind': {
      const { type, name, digest, directory = false } = body
      return { case: type, value: { name, digest, directory, ...wireNaming(body) } }
    }
    case 'rebound': {
      const { found, previous, keptUntilMs, silent } = body
      const known = { binding: wireBinding(found), silent: [...silent], ...wide({ keptUntilMs }) }
      const value = { ...known, ...given({ previous: previous && wireTarget(previous) }) }
      return { case: 'rebound', value }
    }
    case 'tag-history':
      return { case: 'tagHistory', value: { name: body.name } }
    case 'tag-targets':
      return { case: 'tagTargets', value: { targets: body.targets.map(wireTarget) } }
    case 'lookup':
      return { case: 'lookup', value: { name: body.name, inline: body.inline } }
    case 'binding': {
      const { found } = body
      return { case: 'binding', value: found ? wireBinding(found) : { exists: false } }
    }
    case 'names':
      return { case: 'names', value: wireNames(body) }
    case 'named':
      return { case: 'named', value: wireNamedPage(body) }
    case 'contents':
      return { case: 'contents', value: given({ after: body.after }) }
    case 'store-contents':
      return { case: 'storeContents', value: wireContents(body) }
    case 'watch': {
      const { after, waitMs, limit } = body
      const from = after === undefined ? {} : { after: wirePosition(after) }
      return { case: 'watch', value: { waitMs: BigInt(waitMs), limit, ...from } }
    }
    case 'watched': {
      const { position, changes, lost } = body
      const value = { position: wirePosition(position), changes: changes.map(wireChange), lost }
      return { case: 'watched', value }
    }
    case 'feed': {
      const { after, upto } = body
      const removals = body.removals.map(({ digest, seq }) => ({ digest, seq: BigInt(seq) }))
      const unbindings = body.unbindings.map(({ name, seq }) => ({ name, seq: BigInt(seq) }))
      const memberships = body.memberships.map((one) => ({ ...one, seq: BigInt(one.seq) }))
      const interval = { after: BigInt(after), upto: BigInt(upto) }
      return { case: 'feed', value: { ...interval, removals, unbindings, memberships } }
    }
    case 'ack':
      return { case: 'ack', value: { seq: BigInt(body.seq) } }
    case 'invite': {
      const { secretHash, role, uses, validMs, label } = body
      const terms = { role, uses, validMs: BigInt(validMs), ...given({ label }) }
      return { case: 'invite', value: { secretHash, ...terms } }
    }
    case 'invited': {
      const { addresses, expiresMs } = body
      return { case: 'invited', value: { addresses: [...addresses], ...wide({ expiresMs }) } }
    }
    case 'admit':
      return { case: 'admit', value: { peer: body.peer, role: body.role } }
    case 'admitted':
      return { case: 'admitted', value: {} }
    case 'expel': {
      const { peer, timeoutMs } = body
      return { case: 'expel', value: { peer, ...wide({ timeoutMs }) } }
    }
    case 'members': {
      const { after, limit } = body
      return { case: 'members', value: { limit, ...given({ after }) } }
    }
    case 'member-page': {
      const items = body.items.map(({ peer, role, connected, sinceMs, label }) => {
        return { peer, connected, ...given({ role, label }), ...wide({ sinceMs }) }
      })
      return { case: 'memberPage', value: { items, more: body.more } }
    }
    case 'hold':
      return { case: 'hold', value: { id: body.id, release: body.release } }
    case 'held':
      return { case: 'held', value: {} }
    case 'present':
      return { case: 'present', value: { hold: body.hold, items: [...body.items] } }
    case 'present-answer':
      return { case: 'presentAnswer', value: { present: [...body.present] } }
    case 'make-directories':
      return {
        case: 'makeDirectories',
        value: { hold: body.hold, digests: [...body.digests] },
      }
    case 'made-directories': {
      const directories = body.missing.map((items) => ({ items: [...items] }))
      return { case: 'madeDirectories', value: { directories } }
    }
    case 'commit-tree': {
      const { hold, digest, name } = body
      const value = { hold, digest, ...given({ name }), ...wireNaming(body) }
      return { case: 'commitTree', value }
    }
    case 'set-rule': {
      const { prefix, terms } = body
      return { case: 'setRule', value: { terms: wireTerms(terms), ...given({ prefix }) } }
    }
    case 'remove-rule':
      return { case: 'removeRule', value: given({ prefix: body.prefix }) }
    case 'accepted':
      return { case: 'accepted', value: { keys: body.keys } }
    case 'rules':
      return { case: 'rules', value: {} }
    case 'rule-list':
      return { case: 'ruleList', value: { items: body.items.map(wireRule) } }
    case 'report-use':
      return { case: 'reportUse', value: { names: [...body.names], digests: [...body.digests] } }
    case 'ping':
      return { case: 'ping', value: { settled: [...(body.settled ?? [])] } }
    case 'pong': {
      const { seq, wallMs, addresses = [], role } = body
      const known = { seq: BigInt(seq), addresses: [...addresses] }
      const value = { ...known, ...wide({ wallMs }), ...given({ role }) }
      return { case: 'pong', value }
    }
    case 'goodbye':
      return { case: 'goodbye', value: { reason: body.reason } }
    case 'failure':
      return { case: 'failure', value: wireFailure(body) }
  }
}

const wirePosition = ({ runId, seq }: Position) => ({ runId, seq: BigInt(seq) })

const wireTreeRemoval = (tree: TreeRemoval | undefined) =>
  tree && { ...tree, removed: BigInt(tree.removed), most: BigInt(tree.most) }

const wireChange = ({
  seq,
  type,
  digest,
  names,
  size,
  peer,
  role,
  directory = false,
  previous,
  why,
}: WatchedChange) => ({
  seq: BigInt(seq),
  type,
  directory,
  names: [...names],
  why: why ?? '',
  ...given({ digest, peer, role, previous: previous && wireTarget(previous) }),
  ...wide({ size }),
})

/** Without the undefined fields: protobuf has absent fields only. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

/** The same for numbers, as 64-bit integers. */
function wide<T extends Record<string, number | undefined>>(
  fields: T,
): { [K in keyof T]?: bigint } {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there.map(([name, value]) => [name, BigInt(value!)])) as {
    [K in keyof T]?: bigint
  }
}
