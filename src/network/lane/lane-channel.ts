/**
 * A lane as a channel: records on a TLS socket, each a length of four bytes and as many bytes; a
 * record of length 0 is the end (specs/003-transfer-lane.md, "Records"). Node does not distinguish
 * a closed TLS connection from a cut one, so the end must be a record.
 */
import type { TLSSocket } from 'node:tls'
import { bytesIn, viewOf } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import {
  CHANNEL_BUFFER_BYTES,
  DIRECT_BYTES,
  LANE_RECORD_BYTES,
  PROBE_EVERY_MS,
} from '../../limits.ts'
import { channelClosed, peerDropped, type Channel } from '../../wire/channel.ts'
import { Inbox } from '../../wire/inbox.ts'
import { WriteQueue } from '../../wire/write-queue.ts'
import { LANE_SLAB_BYTES } from './lane-receive.ts'
import type { LaneReceiver, SlabPool } from './lane-receive.ts'

/** A writer waits while this many writes, of up to a slab each, have not reached the system. */
export const LANE_SENDING: number = 2

const LENGTH_BYTES = 4

export class LaneChannel implements Channel {
  readonly peer: string
  readonly #socket: TLSSocket
  readonly #controller = new AbortController()
  readonly #inbox: Inbox
  /** The length of the next record, as far as it was received. */
  readonly #length = new Uint8Array(LENGTH_BYTES)
  #lengthFilled = 0
  /** Bytes of the current record that were not received yet. */
  #recordLeft = 0
  readonly #writes = new WriteQueue()
  #ended = false
  /** Calls that wait for the socket to take something: a writer, and flushes. */
  #waiting: (() => void)[] = []
  /** Set if the socket decrypts into its memory; else the socket emits `data` events. */
  readonly #receiver: LaneReceiver | undefined
  readonly #pool: SlabPool
  /** Writes that the system has not taken yet. */
  #sending = 0
  #paused = false

  /** Takes over a socket after its handshake was checked, before anything is awaited. */
  constructor(socket: TLSSocket, peer: string, pool: SlabPool, receiver?: LaneReceiver) {
    this.#socket = socket
    this.peer = peer
    this.#pool = pool
    this.#receiver = receiver
    this.#inbox = new Inbox({ onTaken: () => this.#taken() })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, PROBE_EVERY_MS)
    if (receiver === undefined) socket.on('data', (bytes: Uint8Array) => this.#arrived(bytes))
    socket.on('error', (error) => this.#close(peerDropped(error)))
    socket.on('close', () => this.#disconnected())
    socket.on('end', () => this.#disconnected())
    if (socket.destroyed) this.#close(peerDropped())
    receiver?.start({
      reserve: () => this.#reserve(),
      leftBytes: () => this.#recordLeft,
      commit: (memory, count) => this.#commit(memory, count),
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  read(): Promise<Uint8Array | undefined> {
    this.#receiver?.release(this.#inbox.weight)
    return this.#inbox.read()
  }

  fill(target: Uint8Array, filled?: number): Promise<number> {
    this.#receiver?.release(this.#inbox.weight)
    return this.#inbox.fill(target, filled)
  }

  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    return this.#writes.write(() => this.#send(bytes instanceof Uint8Array ? [bytes] : bytes))
  }

  async flush(): Promise<void> {
    await this.#writes.idle()
    while (this.#sending > 0) await this.#sent()
    this.signal.throwIfAborted()
  }

  end(): Promise<void> {
    return this.#writes.end(() => this.#sendEnd())
  }

  abort(reason: Error): void {
    if (this.signal.aborted) return
    this.#close(asDstoreError(reason))
    this.#socket.destroy()
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    for (const record of recordsOf(parts)) await this.#sendRecord(record)
    this.signal.throwIfAborted()
    while (this.#sending >= LANE_SENDING) await this.#sent()
  }

  /**
   * Copies the length and small parts into one slab, since every write makes at least one TLS
   * record and one packet; large parts are encrypted in place. Allocates nothing.
   */
  async #sendRecord(record: readonly Uint8Array[]): Promise<void> {
    await this.#room()
    let slab = this.#pool.take()
    let filled = LENGTH_BYTES
    viewOf(slab).setUint32(0, bytesIn(record))
    const sendSlab = (): void => {
      const sent = slab
      this.#submit(slab.subarray(0, filled), () => this.#pool.give(sent))
      filled = 0
    }
    for (const part of record) {
      const isLarge = part.byteLength >= DIRECT_BYTES
      if (isLarge && filled > 0) sendSlab()
      for (let at = 0; at < part.byteLength;) {
        if (filled === 0) await this.#room()
        if (isLarge) {
          const piece = part.subarray(at, at + LANE_SLAB_BYTES)
          this.#submit(piece)
          at += piece.byteLength
          continue
        }
        if (filled === 0) slab = this.#pool.take()
        const piece = part.subarray(at, at + slab.byteLength - filled)
        slab.set(piece, filled)
        filled += piece.byteLength
        at += piece.byteLength
        if (filled === slab.byteLength) sendSlab()
      }
    }
    if (filled > 0) sendSlab()
  }

  /**
   * Memory for the next bytes: of a length, or of the pending fill; undefined if there is neither.
   */
  #reserve(): Uint8Array | undefined {
    if (this.#recordLeft === 0) return this.#length.subarray(this.#lengthFilled)
    return this.#inbox.reserve(this.#recordLeft)
  }

  /** `memory`, reserved perhaps a while ago, holds `count` more bytes. Should the socket pause? */
  #commit(memory: Uint8Array, count: number): boolean {
    if (memory.buffer === this.#length.buffer) {
      this.#lengthFilled += count
      if (this.#lengthFilled === LENGTH_BYTES) this.#begin()
    } else if (this.#inbox.commit(memory, count)) {
      this.#recordLeft -= count
    } else {
      const bytes = memory.subarray(0, count)
      this.#arrived(this.#receiver!.isOwn(memory) ? bytes : new Uint8Array(bytes))
    }
    return this.#inbox.weight >= CHANNEL_BUFFER_BYTES
  }

  /** Resolves when the socket has taken enough of the writes before. */
  async #room(): Promise<void> {
    while (this.#sending >= LANE_SENDING) await this.#sent()
    this.signal.throwIfAborted()
  }

  #submit(bytes: Uint8Array, onSent?: () => void): void {
    this.#sending++
    this.#socket.write(bytes, (error) => {
      this.#sending--
      if (error === undefined || error === null) onSent?.()
      this.#wake()
    })
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when the socket has taken another write. */
  async #sent(): Promise<void> {
    this.signal.throwIfAborted()
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.signal.throwIfAborted()
  }

  async #sendEnd(): Promise<void> {
    this.signal.throwIfAborted()
    await new Promise<void>((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true })
      this.#socket.write(new Uint8Array(LENGTH_BYTES), () => resolve())
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
    if (this.#inbox.weight >= CHANNEL_BUFFER_BYTES) this.#pause()
  }

  #begin(): void {
    this.#lengthFilled = 0
    this.#recordLeft = viewOf(this.#length).getUint32(0)
    if (this.#recordLeft === 0) {
      this.#inbox.end()
      this.#closeWhenDone()
    } else if (this.#recordLeft > LANE_RECORD_BYTES || this.#inbox.ended) {
      const message = 'the peer broke the lane: a record that is too long, or follows the end'
      this.abort(new DstoreError('protocol', message))
    }
  }

  #taken(): void {
    if (this.#inbox.weight < CHANNEL_BUFFER_BYTES) this.#resume()
    this.#closeWhenDone()
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  #resume(): void {
    if (!this.#paused && this.#receiver?.isPaused !== true) return
    this.#paused = false
    this.#receiver?.resume()
    this.#socket.resume()
  }

  /**
   * The connection ended: a fault, unless both sides have ended; then unread bytes stay readable.
   */
  #disconnected(): void {
    if (this.#ended && this.#inbox.ended) return
    this.#close(peerDropped())
    this.#socket.destroy()
  }

  #closeWhenDone(): void {
    if (!this.#ended || !this.#inbox.finished) return
    this.#close(channelClosed())
    this.#socket.destroySoon()
  }

  #close(reason: DstoreError): void {
    if (this.signal.aborted) return
    this.#controller.abort(reason)
    this.#inbox.fail(reason)
    this.#wake()
  }
}

/** Splits parts into records of at most `LANE_RECORD_BYTES`. */
function* recordsOf(parts: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let record: Uint8Array[] = []
  let room = LANE_RECORD_BYTES
  for (const part of parts) {
    for (let at = 0; at < part.byteLength;) {
      const piece = part.subarray(at, at + room)
      record.push(piece)
      at += piece.byteLength
      room -= piece.byteLength
      if (room > 0) continue
      yield record
      record = []
      room = LANE_RECORD_BYTES
    }
  }
  if (record.length > 0) yield record
}
