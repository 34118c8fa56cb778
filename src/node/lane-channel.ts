/**
 * A lane as a channel: records on a TLS socket, each its length in four bytes and its bytes, the one of length 0 the
 * end (specs/003-transfer-lane.md, "Records"). Node tells a closed TLS connection and a cut one alike, so the end has
 * to be said inside.
 */
import type { TLSSocket } from 'node:tls'
import { concat } from '../bytes.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import {
  CHANNEL_BUFFER_BYTES,
  FRAME_JOIN_BYTES,
  LANE_RECORD_BYTES,
  PROBE_EVERY_MS,
} from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { Inbox } from '../wire/inbox.ts'

const LENGTH_BYTES = 4

export class LaneChannel implements Channel {
  readonly peer: string
  readonly #socket: TLSSocket
  readonly #controller = new AbortController()
  readonly #inbox: Inbox
  /** The length of the next record as far as it has come, and what is missing of the record before. */
  readonly #length = new Uint8Array(LENGTH_BYTES)
  #lengthFilled = 0
  #recordLeft = 0
  #ending: Promise<void> | undefined
  #ended = false
  /** The write that is going on, settled without failure; later ones queue behind it. */
  #writing: Promise<void> | undefined
  #wakeWriter: (() => void) | undefined

  /** Takes over a socket whose handshake is over and checked, before anything is awaited. */
  constructor(socket: TLSSocket, peer: string) {
    this.#socket = socket
    this.peer = peer
    this.#inbox = new Inbox({ onTaken: () => this.#taken() })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, PROBE_EVERY_MS)
    socket.on('data', (bytes: Uint8Array) => this.#arrived(bytes))
    socket.on('drain', () => this.#wakeWriter?.())
    socket.on('error', (error) => this.#close(lost(error)))
    socket.on('close', () => this.#gone())
    socket.on('end', () => this.#gone())
    if (socket.destroyed) this.#close(lost())
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#inbox.read()
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#ending !== undefined)
      return Promise.reject(new TypeError('write: this side has ended'))
    const sent = this.#inTurn(() => this.#send(bytes))
    const settled: Promise<void> = sent.then(
      () => this.#written(settled),
      () => this.#written(settled),
    )
    this.#writing = settled
    return sent
  }

  end(): Promise<void> {
    this.#ending ??= this.#inTurn(() => this.#sendEnd())
    return this.#ending
  }

  abort(reason: Error): void {
    if (this.signal.aborted) return
    this.#close(asDstoreError(reason))
    this.#socket.destroy()
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#writing === undefined ? work() : this.#writing.then(work)
  }

  #written(settled: Promise<void>): void {
    if (this.#writing === settled) this.#writing = undefined
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.signal.throwIfAborted()
    for (let from = 0; from < bytes.byteLength; from += LANE_RECORD_BYTES) {
      const record = bytes.subarray(from, from + LANE_RECORD_BYTES)
      if (!this.#put(record)) await this.#drained()
      this.signal.throwIfAborted()
    }
  }

  /** Small records go out with their length in one write: every write is at least one TLS record and one packet. */
  #put(record: Uint8Array): boolean {
    const length = encodeLength(record.byteLength)
    if (record.byteLength <= FRAME_JOIN_BYTES) return this.#socket.write(concat([length, record]))
    this.#socket.write(length)
    return this.#socket.write(record)
  }

  async #drained(): Promise<void> {
    while (!this.signal.aborted && this.#socket.writableNeedDrain) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    }
  }

  async #sendEnd(): Promise<void> {
    this.signal.throwIfAborted()
    await new Promise<void>((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true })
      this.#socket.write(encodeLength(0), () => resolve())
    })
    this.signal.throwIfAborted()
    this.#ended = true
    this.#closeWhenDone()
  }

  #arrived(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength && !this.signal.aborted;) {
      if (this.#recordLeft > 0) {
        const piece = bytes.subarray(at, at + this.#recordLeft)
        this.#recordLeft -= piece.byteLength
        at += piece.byteLength
        this.#inbox.push(piece)
        continue
      }
      this.#length[this.#lengthFilled++] = bytes[at++]!
      if (this.#lengthFilled === LENGTH_BYTES) this.#begin()
    }
    if (this.#inbox.weight >= CHANNEL_BUFFER_BYTES) this.#socket.pause()
  }

  #begin(): void {
    this.#lengthFilled = 0
    this.#recordLeft = new DataView(this.#length.buffer).getUint32(0)
    if (this.#recordLeft === 0) {
      this.#inbox.end()
      this.#closeWhenDone()
    } else if (this.#recordLeft > LANE_RECORD_BYTES || this.#inbox.ended) {
      const message = 'the peer broke the lane: a record that is too long, or after the end'
      this.abort(new DstoreError('protocol', message))
    }
  }

  #taken(): void {
    if (this.#inbox.weight < CHANNEL_BUFFER_BYTES && this.#socket.isPaused()) this.#socket.resume()
    this.#closeWhenDone()
  }

  /** The connection ended. That is a cut unless both sides have said that they end; what came may then still be read. */
  #gone(): void {
    if (this.#ended && this.#inbox.ended) return
    this.#close(lost())
    this.#socket.destroy()
  }

  #closeWhenDone(): void {
    if (!this.#ended || !this.#inbox.finished) return
    this.#close(new DstoreError('unreachable', 'the channel was closed'))
    this.#socket.destroySoon()
  }

  #close(reason: DstoreError): void {
    if (this.signal.aborted) return
    this.#controller.abort(reason)
    this.#inbox.fail(reason)
    this.#wakeWriter?.()
  }
}

function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES)
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

function lost(cause?: unknown): DstoreError {
  return new DstoreError('unreachable', 'the peer dropped the channel', { cause })
}
