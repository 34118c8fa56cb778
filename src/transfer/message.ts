/**
 * The messages of the transfer protocol as the code sees them (specs/003-transfer.md, "Messages"), to frames and
 * back. What comes from a peer is refused with `protocol` unless every field is of its length and within its bounds.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError, type ErrorCode } from '../errors.ts'
import {
  ADDRESS_CHARS,
  FETCH_RANGES,
  HOLDERS,
  NAME_BYTES,
  PIECE_BYTES,
  PROOF_BYTES,
} from '../limits.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { count, digest, errorCode, malformed, text } from '../wire/fields.ts'
import { MessageSchema, type Message as WireMessage } from './messages_pb.ts'

export type Message =
  /** Send me these ranges of a value: ascending, not overlapping. None: only say what you hold. */
  | { readonly type: 'fetch'; readonly digest: Uint8Array; readonly ranges: readonly ByteRange[] }
  /** The value is here, wholly or in part; the slices of the ranges that were asked for follow as pieces. */
  | { readonly type: 'found'; readonly size: number; readonly held: readonly ByteRange[] }
  /** I send a value: as the slice from `start` where its digest is known, else as plain bytes. */
  | {
      readonly type: 'upload'
      readonly digest: Uint8Array | undefined
      readonly size: number
      readonly start: number
      /** To be bound in the same change; what it may be is the index's business. */
      readonly name?: string
    }
  | { readonly type: 'accept' }
  /** This many raw bytes follow. */
  | { readonly type: 'piece'; readonly length: number }
  /** The end of an upload, and what the sender found the value to be. */
  | { readonly type: 'finish'; readonly digest: Uint8Array; readonly size: number }
  | { readonly type: 'stored'; readonly incarnation: number; readonly existed: boolean }
  | { readonly type: 'failure'; readonly code: ErrorCode; readonly message: string }
  /** I hold this value or a part of it, or am about to: `address` is where I serve it. */
  | { readonly type: 'join'; readonly digest: Uint8Array; readonly address: string | undefined }
  /** Where the others are that joined. */
  | { readonly type: 'company'; readonly addresses: readonly string[] }

type WireBody = Exclude<MessageInitShape<typeof MessageSchema>['body'], undefined>

export function encodeMessage(message: Message): Uint8Array {
  return toBinary(MessageSchema, create(MessageSchema, { body: toWire(message) }))
}

function toWire(message: Message): WireBody {
  switch (message.type) {
    case 'fetch': {
      const { digest, ranges } = message
      return { case: 'fetch', value: { digest, ranges: ranges.map(toWireRange) } }
    }
    case 'found': {
      const { size, held } = message
      return { case: 'found', value: { size: BigInt(size), held: held.map(toWireRange) } }
    }
    case 'upload': {
      const { digest, size, start, name } = message
      const known = { ...(digest && { digest }), ...(name !== undefined && { name }) }
      return { case: 'upload', value: { ...known, size: BigInt(size), start: BigInt(start) } }
    }
    case 'accept':
      return { case: 'accept', value: {} }
    case 'piece':
      return { case: 'piece', value: { length: message.length } }
    case 'finish':
      return { case: 'finish', value: { digest: message.digest, size: BigInt(message.size) } }
    case 'stored': {
      const { incarnation, existed } = message
      return { case: 'stored', value: { incarnation: BigInt(incarnation), existed } }
    }
    case 'failure':
      return { case: 'failure', value: { code: message.code, message: message.message } }
    case 'join': {
      const { digest, address } = message
      return { case: 'join', value: { digest, ...(address !== undefined && { address }) } }
    }
    case 'company':
      return { case: 'company', value: { addresses: [...message.addresses] } }
  }
}

const toWireRange = ({ start, end }: ByteRange) => ({ start: BigInt(start), end: BigInt(end) })

/** The message in a frame, or `protocol` with what is wrong with it. */
export function decodeMessage(bytes: Uint8Array): Message {
  let message: WireMessage
  try {
    message = fromBinary(MessageSchema, bytes)
  } catch (cause) {
    throw new DstoreError('protocol', 'a transfer message that cannot be parsed', { cause })
  }
  return fromWire(message.body)
}

function fromWire(body: WireMessage['body']): Message {
  switch (body.case) {
    case 'fetch':
      return { type: 'fetch', digest: digest(body.value.digest), ranges: ranges(body.value.ranges) }
    case 'found':
      return {
        type: 'found',
        size: count('size', body.value.size),
        held: ranges(body.value.held),
      }
    case 'upload': {
      const size = count('size', body.value.size)
      const start = count('start', body.value.start)
      if (start > size) throw malformed(`an upload from ${start} of ${size} bytes`)
      const known = body.value.digest === undefined ? undefined : digest(body.value.digest)
      const { name } = body.value
      if (name !== undefined && name.length > NAME_BYTES) throw malformed('a name that is too long')
      return { type: 'upload', digest: known, size, start, ...(name !== undefined && { name }) }
    }
    case 'accept':
      return { type: 'accept' }
    case 'piece': {
      const { length } = body.value
      if (length < 1 || length > PIECE_BYTES + PROOF_BYTES)
        throw malformed(`a piece of ${length} bytes`)
      return { type: 'piece', length }
    }
    case 'finish': {
      const size = count('size', body.value.size)
      return { type: 'finish', digest: digest(body.value.digest), size }
    }
    case 'stored': {
      const { existed } = body.value
      return { type: 'stored', incarnation: count('incarnation', body.value.incarnation), existed }
    }
    case 'failure': {
      const { code, message } = body.value
      return { type: 'failure', code: errorCode(code), message: text(message) }
    }
    case 'join': {
      const { address } = body.value
      return {
        type: 'join',
        digest: digest(body.value.digest),
        address: address === undefined ? undefined : addressLine(address),
      }
    }
    case 'company': {
      const { addresses } = body.value
      if (addresses.length > HOLDERS) throw malformed(`${addresses.length} addresses`)
      return { type: 'company', addresses: addresses.map(addressLine) }
    }
    case undefined:
      throw malformed('a transfer message of an unknown kind')
  }
}

/** Of an address or a peer id; whoever dials it finds out whether it is one. */
function addressLine(line: string): string {
  if (line.length > ADDRESS_CHARS) throw malformed(`an address of ${line.length} characters`)
  return text(line)
}

function ranges(wire: readonly { readonly start: bigint; readonly end: bigint }[]): ByteRange[] {
  if (wire.length > FETCH_RANGES) throw malformed(`${wire.length} ranges`)
  let last = 0
  return wire.map((range) => {
    const start = count('start', range.start)
    const end = count('end', range.end)
    if (start < last || end < start) throw malformed('ranges that are not in order')
    last = end
    return { start, end }
  })
}
