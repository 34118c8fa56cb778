/**
 * Encodes and decodes the messages of the transfer protocol (specs/003-transfer.md, "Messages").
 * Decoding refuses a field of a wrong length or beyond its bounds with `protocol`.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError, type ErrorCode } from '../errors.ts'
import {
  ADDRESS_CHARS,
  FETCH_RANGES,
  HOLDERS,
  HOLD_ID_BYTES,
  NAME_BYTES,
  PIECE_BYTES,
  PROOF_BYTES,
  OPERATION_ID_BYTES,
  SILENT_LOCALS,
  UPLOAD_ID_BYTES,
} from '../limits.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { count, digest, errorCode, exactly, malformed, text } from '../wire/fields.ts'
import {
  MessageSchema,
  type Message as WireMessage,
  type Moved,
  type MovedSchema,
  type Upload,
} from './messages_pb.ts'

export type Message =
  /** Requests ranges of a value: ascending, not overlapping. None only asks what is held. */
  | { readonly type: 'fetch'; readonly digest: Uint8Array; readonly ranges: readonly ByteRange[] }
  /** Lists which runs are held. The slices of the requested ranges follow, as pieces. */
  | { readonly type: 'found'; readonly size: number; readonly held: readonly ByteRange[] }
  /** Announces a value: as the slice from `start` if its digest is known, else as plain bytes. */
  | {
      readonly type: 'upload'
      readonly digest: Uint8Array | undefined
      readonly size: number
      readonly start: number
      /** To be bound in the same change. The index checks it. */
      readonly name?: string
      /** Keeps the value in place of a name. The index checks it. */
      readonly hold?: Uint8Array
      /** How the name is bound, and the operation. The index checks them. */
      readonly naming?: Naming
      readonly operation?: Uint8Array
      /** Names an upload without a digest; with `resume`, one that broke off. */
      readonly id?: Uint8Array
      readonly resume?: boolean
    }
  /** `received`: of a resumed upload, the bytes from which the sender continues. */
  | { readonly type: 'accept'; readonly received: number }
  /** This many bytes of the upload have arrived since Accept. */
  | { readonly type: 'received'; readonly bytes: number }
  /** This many raw bytes follow the frame. */
  | { readonly type: 'piece'; readonly length: number }
  /** Ends an upload, with the value's identity as the sender computed it. */
  | { readonly type: 'finish'; readonly digest: Uint8Array; readonly size: number }
  | {
      readonly type: 'stored'
      readonly incarnation: number
      readonly existed: boolean
      readonly moved?: MovedTag
    }
  | { readonly type: 'failure'; readonly code: ErrorCode; readonly message: string }
  /** The sender holds a value or a part of it, or is about to, and serves it at `address`. */
  | { readonly type: 'join'; readonly digest: Uint8Array; readonly address: string | undefined }
  /** Addresses of other Locals that joined. */
  | { readonly type: 'holders'; readonly addresses: readonly string[] }

/** What an upload under a tag replaced, as in the index. */
export interface MovedTag {
  readonly previous: { readonly digest: Uint8Array; readonly directory?: boolean }
  /** Wall clock, in milliseconds. */
  readonly keptUntilMs?: number
  /** Peer ids of Locals that have been silent: at most `SILENT_LOCALS`. */
  readonly silent: readonly string[]
}

/** How a name is bound, as in the index (specs/004-index.md, "Messages"). */
export interface Naming {
  readonly tag?: boolean
  readonly expiresMs?: number
  readonly keepMs?: number
}

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
      const { digest, size, start, name, hold, id, resume, naming, operation } = message
      const known = {
        ...(digest && { digest }),
        ...(name !== undefined && { name }),
        ...(hold && { hold }),
        ...(naming && wireNaming(naming)),
        ...(operation && { operation }),
        ...(id && { id }),
        ...(resume === true && { resume }),
      }
      return { case: 'upload', value: { ...known, size: BigInt(size), start: BigInt(start) } }
    }
    case 'accept':
      return { case: 'accept', value: { received: BigInt(message.received) } }
    case 'received':
      return { case: 'received', value: { bytes: BigInt(message.bytes) } }
    case 'piece':
      return { case: 'piece', value: { length: message.length } }
    case 'finish':
      return { case: 'finish', value: { digest: message.digest, size: BigInt(message.size) } }
    case 'stored': {
      const { incarnation, existed, moved } = message
      const known = moved && { moved: wireMoved(moved) }
      return { case: 'stored', value: { incarnation: BigInt(incarnation), existed, ...known } }
    }
    case 'failure':
      return { case: 'failure', value: { code: message.code, message: message.message } }
    case 'join': {
      const { digest, address } = message
      return { case: 'join', value: { digest, ...(address !== undefined && { address }) } }
    }
    case 'holders':
      return { case: 'holders', value: { addresses: [...message.addresses] } }
  }
}

const wireMoved = ({
  previous: { digest: before, directory = false },
  keptUntilMs,
  silent,
}: MovedTag): MessageInitShape<typeof MovedSchema> => ({
  digest: before,
  directory,
  ...(keptUntilMs !== undefined && { keptUntilMs: BigInt(keptUntilMs) }),
  silent: silent.slice(0, SILENT_LOCALS),
})

function toMoved({ digest: before, directory, keptUntilMs, silent }: Moved): MovedTag {
  if (silent.length > SILENT_LOCALS) throw malformed(`${silent.length} silent Locals`)
  return {
    previous: { digest: digest(before), ...(directory && { directory }) },
    ...(keptUntilMs !== undefined && { keptUntilMs: count('time', keptUntilMs) }),
    silent: silent.map(text),
  }
}

const wireNaming = ({ tag = false, expiresMs, keepMs }: Naming) => ({
  tag,
  ...(expiresMs !== undefined && { expiresMs: BigInt(expiresMs) }),
  ...(keepMs !== undefined && { keepMs: BigInt(keepMs) }),
})

function toNaming({ tag, expiresMs, keepMs, operation: id }: Upload): {
  readonly naming?: Naming
  readonly operation?: Uint8Array
} {
  const naming = {
    ...(tag && { tag }),
    ...(expiresMs !== undefined && { expiresMs: count('time until expiry', expiresMs) }),
    ...(keepMs !== undefined && { keepMs: count('time to keep', keepMs) }),
  }
  const operation = id && new Uint8Array(exactly(OPERATION_ID_BYTES, 'operation', id))
  return {
    ...(Object.keys(naming).length > 0 && { naming }),
    ...(operation && { operation }),
  }
}

const toWireRange = ({ start, end }: ByteRange) => ({ start: BigInt(start), end: BigInt(end) })

/** The message in a frame. Throws `protocol`, with the flaw. */
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
      const known = body.value.digest === undefined ? undefined : digest(body.value.digest)
      const { name, resume } = body.value
      if (name !== undefined && name.length > NAME_BYTES) throw malformed('a name that is too long')
      const id = body.value.id && new Uint8Array(exactly(UPLOAD_ID_BYTES, 'id', body.value.id))
      const hold =
        body.value.hold && new Uint8Array(exactly(HOLD_ID_BYTES, 'hold', body.value.hold))
      if (hold !== undefined && name !== undefined) throw malformed('a name under a hold')
      if (resume ? id === undefined : start > (known ? size : 0)) {
        throw malformed(`an upload from ${start} of ${size} bytes`)
      }
      if (known !== undefined && id !== undefined) throw malformed('an upload with two names')
      return {
        type: 'upload',
        digest: known,
        size,
        start,
        ...(name !== undefined && { name }),
        ...(hold && { hold }),
        ...toNaming(body.value),
        ...(id && { id }),
        ...(resume && { resume }),
      }
    }
    case 'accept':
      return { type: 'accept', received: count('position', body.value.received) }
    case 'received':
      return { type: 'received', bytes: count('count', body.value.bytes) }
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
      const { existed, moved } = body.value
      const incarnation = count('incarnation', body.value.incarnation)
      return { type: 'stored', incarnation, existed, ...(moved && { moved: toMoved(moved) }) }
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
    case 'holders': {
      const { addresses } = body.value
      if (addresses.length > HOLDERS) throw malformed(`${addresses.length} addresses`)
      return { type: 'holders', addresses: addresses.map(addressLine) }
    }
    case undefined:
      throw malformed('a transfer message of an unknown kind')
  }
}

/** The text of an address; dialling shows whether it is valid. */
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
