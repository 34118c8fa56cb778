/** Messages and raw bytes over one channel of the transfer protocol (specs/003-transfer.md). */
import { DstoreError } from '../errors.ts'
import { PIECE_BYTES, TRANSFER_MESSAGE_BYTES } from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { FrameReader } from '../wire/frames.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import { decodeMessage, encodeMessage, type Message } from './message.ts'

/** One end of a transfer channel. */
export class TransferChannel {
  readonly channel: Channel
  readonly #reader: FrameReader
  readonly #writer: FrameWriter

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
    const message = await this.next()
    if (message === undefined) throw new DstoreError('unreachable', 'the peer ended the transfer')
    if (message.type === 'failure') throw new DstoreError(message.code, message.message)
    if (message.type !== type) throw unexpected(message)
    return message as Message & { type: T }
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

  async send(message: Message): Promise<void> {
    await this.#writer.send(encodeMessage(message))
  }

  /** Sends raw bytes of any length, as pieces. They must not be changed afterwards. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      await this.sendPiece([piece], piece.byteLength)
    }
  }

  /** Sends several arrays as one piece, of at most `PIECE_BYTES` and its proof. */
  async sendPiece(parts: readonly Uint8Array[], length: number): Promise<void> {
    void this.send({ type: 'piece', length }).catch(() => undefined)
    await this.#writer.raw(...parts)
  }

  /** Resolves once the channel has taken everything that was sent. */
  async flush(): Promise<void> {
    await this.#writer.flush()
  }

  async end(): Promise<void> {
    await this.#writer.end()
  }
}

export function unexpected(message: Message): DstoreError {
  return new DstoreError('protocol', `a peer sent ${message.type} where it was not expected`)
}
