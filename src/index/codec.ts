/**
 * Messages to bytes and back (specs/004-index.md, "Messages"). What comes from a peer is refused with `protocol`
 * unless every field is present, of its length and within its bounds: the state machines see only sound messages.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError } from '../errors.ts'
import { BATCH_ITEMS, HOLDERS, INLINE_VALUE_BYTES } from '../limits.ts'
import { atMost, count, digest, errorCode, exactly, malformed, text } from '../wire/fields.ts'
import type { Body, Fact, Message, Position, Receipt } from './message.ts'
import { MessageSchema, type Fact as WireFact, type Message as WireMessage } from './messages_pb.ts'

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
      const { versions, bootId, position, ticketSecret } = body
      return {
        case: 'hello',
        value: {
          versions: [...versions],
          bootId,
          ...(position === undefined ? {} : { position: wirePosition(position) }),
          ...(ticketSecret === undefined ? {} : { ticketSecret }),
        },
      }
    }
    case 'welcome': {
      const { version, position, leaseMs, reset } = body
      const lease = leaseMs === undefined ? {} : { leaseMs: BigInt(leaseMs) }
      return {
        case: 'welcome',
        value: { version, position: wirePosition(position), reset, ...lease },
      }
    }
    case 'locate':
      return { case: 'locate', value: { digests: [...body.digests], inline: body.inline } }
    case 'located':
      return { case: 'located', value: { facts: body.facts.map(wireFact) } }
    case 'put':
      return { case: 'put', value: { values: [...body.values] } }
    case 'stored':
      return { case: 'stored', value: { receipts: body.receipts.map(wireReceipt) } }
    case 'offer':
      return { case: 'offer', value: { digest: body.digest, size: BigInt(body.size) } }
    case 'offered':
      return {
        case: 'offered',
        value: {
          answer:
            body.have === undefined
              ? { case: 'sendFrom', value: BigInt(body.sendFrom) }
              : { case: 'have', value: wireReceipt(body.have) },
        },
      }
    case 'remove':
      return { case: 'remove', value: { digest: body.digest, timeoutMs: BigInt(body.timeoutMs) } }
    case 'removed':
      return {
        case: 'removed',
        value: {
          seq: BigInt(body.seq),
          freedBytes: BigInt(body.freedBytes),
          acknowledged: [...body.acknowledged],
          owed: [...body.owed],
        },
      }
    case 'list': {
      const after = body.after === undefined ? {} : { after: body.after }
      return { case: 'list', value: { limit: body.limit, ...after } }
    }
    case 'listed': {
      const items = body.items.map(({ digest, size }) => ({ digest, size: BigInt(size) }))
      return { case: 'listed', value: { items, more: body.more } }
    }
    case 'ping':
      return { case: 'ping', value: {} }
    case 'pong':
      return { case: 'pong', value: {} }
    case 'goodbye':
      return { case: 'goodbye', value: { reason: body.reason } }
    case 'failure':
      return {
        case: 'failure',
        value: { code: body.code, message: body.message, hint: body.hint ?? '' },
      }
  }
}

const wirePosition = ({ runId, seq }: Position) => ({ runId, seq: BigInt(seq) })

const wireReceipt = ({ digest, size, incarnation, existed }: Receipt) => ({
  digest,
  size: BigInt(size),
  incarnation: BigInt(incarnation),
  existed,
})

const wireFact = (fact: Fact | undefined) =>
  fact === undefined
    ? { exists: false }
    : {
        exists: true,
        size: BigInt(fact.size),
        incarnation: BigInt(fact.incarnation),
        ...(fact.value === undefined ? {} : { value: fact.value }),
        holders: [...fact.holders],
      }

/** The message in a frame, or `protocol` with what is wrong with it. */
export function decodeMessage(bytes: Uint8Array): Message {
  let message: WireMessage
  try {
    message = fromBinary(MessageSchema, bytes)
  } catch (cause) {
    throw new DstoreError('protocol', 'an index message that cannot be parsed', { cause })
  }
  return { id: message.id, body: fromWire(message.body) }
}

function fromWire(body: WireMessage['body']): Body {
  switch (body.case) {
    case 'hello': {
      const { versions, bootId, position, ticketSecret } = body.value
      return {
        type: 'hello',
        versions: batch('versions', versions),
        bootId: exactly(16, 'boot id', bootId),
        position: position === undefined ? undefined : toPosition(position),
        ticketSecret: ticketSecret === undefined ? undefined : atMost(64, 'secret', ticketSecret),
      }
    }
    case 'welcome': {
      const { version, position, leaseMs, reset } = body.value
      if (position === undefined) throw malformed('a welcome without a position')
      return {
        type: 'welcome',
        version,
        position: toPosition(position),
        leaseMs: leaseMs === undefined ? undefined : count('lease', leaseMs),
        reset,
      }
    }
    case 'locate': {
      const digests = batch('digests', body.value.digests).map(digest)
      return { type: 'locate', digests, inline: body.value.inline }
    }
    case 'located':
      return { type: 'located', facts: batch('facts', body.value.facts).map(toFact) }
    case 'put': {
      const values = batch('values', body.value.values)
      return { type: 'put', values: values.map((v) => atMost(INLINE_VALUE_BYTES, 'value', v)) }
    }
    case 'stored':
      return { type: 'stored', receipts: batch('receipts', body.value.receipts).map(toReceipt) }
    case 'offer':
      return {
        type: 'offer',
        digest: digest(body.value.digest),
        size: count('size', body.value.size),
      }
    case 'offered': {
      const { answer } = body.value
      if (answer.case === 'have') {
        return { type: 'offered', have: toReceipt(answer.value), sendFrom: 0 }
      }
      if (answer.case === undefined) throw malformed('an answer to an offer that says nothing')
      return { type: 'offered', have: undefined, sendFrom: count('offset', answer.value) }
    }
    case 'remove': {
      const { timeoutMs } = body.value
      return {
        type: 'remove',
        digest: digest(body.value.digest),
        timeoutMs: count('time-out', timeoutMs),
      }
    }
    case 'removed':
      return {
        type: 'removed',
        seq: count('seq', body.value.seq),
        freedBytes: count('freed bytes', body.value.freedBytes),
        acknowledged: body.value.acknowledged.map(text),
        owed: body.value.owed.map(text),
      }
    case 'list': {
      const { after, limit } = body.value
      if (limit < 1 || limit > BATCH_ITEMS) throw malformed(`a list of ${limit} items`)
      return { type: 'list', after: after === undefined ? undefined : digest(after), limit }
    }
    case 'listed': {
      const items = batch('items', body.value.items)
      return {
        type: 'listed',
        items: items.map((item) => ({
          digest: digest(item.digest),
          size: count('size', item.size),
        })),
        more: body.value.more,
      }
    }
    case 'ping':
      return { type: 'ping' }
    case 'pong':
      return { type: 'pong' }
    case 'goodbye':
      return { type: 'goodbye', reason: text(body.value.reason) }
    case 'failure': {
      const { code, message, hint } = body.value
      return {
        type: 'failure',
        code: errorCode(code),
        message: text(message),
        hint: hint === '' ? undefined : text(hint),
      }
    }
    case undefined:
      throw malformed('an index message of an unknown kind')
  }
}

function batch<T>(what: string, items: readonly T[]): readonly T[] {
  if (items.length > BATCH_ITEMS) throw malformed(`${items.length} ${what} in one message`)
  return items
}

const toPosition = (position: { runId: Uint8Array; seq: bigint }): Position => ({
  runId: exactly(16, 'run id', position.runId),
  seq: count('seq', position.seq),
})

const toReceipt = (receipt: {
  digest: Uint8Array
  size: bigint
  incarnation: bigint
  existed: boolean
}): Receipt => ({
  digest: digest(receipt.digest),
  size: count('size', receipt.size),
  incarnation: count('incarnation', receipt.incarnation),
  existed: receipt.existed,
})

function toFact(fact: WireFact): Fact | undefined {
  if (!fact.exists) return undefined
  if (fact.holders.length > HOLDERS) throw malformed(`${fact.holders.length} holders of one value`)
  const size = count('size', fact.size)
  return {
    size,
    incarnation: count('incarnation', fact.incarnation),
    value: fact.value === undefined ? undefined : exactly(size, 'value', fact.value),
    holders: fact.holders.map(text),
  }
}
