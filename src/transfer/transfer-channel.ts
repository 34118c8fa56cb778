/** Messages and raw bytes over one channel of the transfer protocol (specs/003-transfer.md). */
import { bytesIn } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { PIECE_BYTES, PROOF_BYTES, TRANSFER_MESSAGE_BYTES } from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { FrameReader } from '../wire/frames.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { decodeMessage, encodeMessage, type Message } from './message.ts'

/** Decides when the bytes of an upload may be sent. */
export interface Pace {
  /** How many to send at a time. */
  readonly chunkBytes: number
  /** Resolves when so many may be sent. Rejects with the reason of the signal. */
  take(bytes: number, signal: AbortSignal): Promise<void>
}

/** One end of a transfer channel. */
export class TransferChannel {
  readonly channel: Channel
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  /** Called with what the peer has received of an upload. Throws `protocol` if it cannot have. */
  onReceived: (bytes: number) => void = () => undefined

  constructor(channel: Channel) {
    this.channel = channel
    this.#reader = new FrameReader(channel, { maxBytes: TRANSFER_MESSAGE_BYTES })
    this.#writer = new FrameWriter(channel)
  }

  /** The next message, or undefined if the peer ended its side. */
  async next(): Promise<Message | undefined> {
    const frame = await this.#reader.next()
    return frame === undefined ? undefined : decodeMessage(frame)
  }

  /**
   * The next message, which must be of this type; a failure is thrown as the error that it names.
   */
  async expect<T extends Message['type']>(type: T): Promise<Message & { type: T }> {
    for (;;) {
      const message = await this.next()
      if (message === undefined) throw new DstoreError('unreachable', 'the peer ended the transfer')
      if (message.type === 'failure') throw new DstoreError(message.code, message.message)
      if (message.type === type) return message as Message & { type: T }
      if (message.type !== 'received' || type !== 'stored') throw unexpected(message)
      this.onReceived(message.bytes)
    }
  }

  /** The raw bytes of an announced piece; the caller must read all of them. */
  raw(piece: Message & { type: 'piece' }): AsyncIterable<Uint8Array> {
    return this.#reader.raw(piece.length)
  }

  /** Exactly `length` raw bytes of an announced piece, valid until the next read. */
  bytes(length: number): Promise<Uint8Array> {
    return this.#reader.bytes(length)
  }

  /** Fills memory with raw bytes of an announced piece: see `Channel.fill`. */
  fill(target: Uint8Array): Promise<number> {
    return this.#reader.fill(target)
  }

  /** The peer was asked for that many bytes of values: it will send about that much next. */
  ask(bytes: number): void {
    this.channel.ask?.(bytes <= 0 ? 0 : withProofs(bytes))
  }

  async send(message: Message): Promise<void> {
    await this.#writer.send(encodeMessage(message))
  }

  /** Bytes that the channel has not taken yet. */
  get queuedBytes(): number {
    return this.#writer.queuedBytes
  }

  /** Sends raw bytes of any length, as pieces. They must not be changed afterwards. */
  async sendBytes(bytes: Uint8Array, pace?: Pace): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      await this.sendPiece([piece], piece.byteLength, pace)
    }
  }

  /** Sends several arrays as one piece, of at most `PIECE_BYTES` and its proof. */
  async sendPiece(parts: readonly Uint8Array[], length: number, pace?: Pace): Promise<void> {
    void this.send({ type: 'piece', length }).catch(() => undefined)
    if (pace === undefined) return this.#writer.raw(...parts)
    let left = parts
    while (left.length > 0) {
      const [chunk, rest] = splitAt(left, pace.chunkBytes)
      await pace.take(bytesIn(chunk), this.channel.signal)
      await this.#writer.raw(...chunk)
      left = rest
    }
  }

  /** Resolves once the channel has taken everything that was sent. */
  async flush(): Promise<void> {
    await this.#writer.flush()
  }

  async end(): Promise<void> {
    await this.#writer.end()
  }
}

/** At least what these bytes of a value take with proofs and messages. */
function withProofs(bytes: number): number {
  return bytes + (bytes / PIECE_BYTES + 2) * PROOF_BYTES
}

export function unexpected(message: Message): DstoreError {
  return new DstoreError('protocol', `a peer sent ${message.type} where it was not expected`)
}

/** The first `count` bytes of these arrays, and the others; no bytes are copied. */
function splitAt(parts: readonly Uint8Array[], count: number): [Uint8Array[], Uint8Array[]] {
  const first: Uint8Array[] = []
  let room = count
  for (const [i, part] of parts.entries()) {
    if (part.byteLength > room) {
      if (room > 0) first.push(part.subarray(0, room))
      return [first, [part.subarray(room), ...parts.slice(i + 1)]]
    }
    first.push(part)
    room -= part.byteLength
  }
  return [first, []]
}
