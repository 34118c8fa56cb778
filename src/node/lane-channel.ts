/**
 * A lane as a channel: records on a TLS socket, each its length in four bytes and its bytes, the one of length 0 the
 * end (specs/003-transfer-lane.md, "Records"). Node tells a closed TLS connection and a cut one alike, so the end has
 * to be said inside.
 */
import type { TLSSocket } from 'node:tls'
import { DstoreError, asDstoreError } from '../errors.ts'
import { CHANNEL_BUFFER_BYTES, LANE_RECORD_BYTES, LANE_SENDING, PROBE_EVERY_MS } from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { Inbox } from '../wire/inbox.ts'
import type { LaneIntake, SlabPool } from './lane-intake.ts'

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

  /** Where the bytes of the socket land, if it was told so; else it gives them as events. */
  readonly #intake: LaneIntake | undefined
  readonly #pool: SlabPool
  /** Slabs that the socket has not taken yet. */
  #sending = 0
  #paused = false

  /** Takes over a socket whose handshake is over and checked, before anything is awaited. */
  constructor(socket: TLSSocket, peer: string, pool: SlabPool, intake?: LaneIntake) {
    this.#socket = socket
    this.peer = peer
    this.#pool = pool
    this.#intake = intake
    this.#inbox = new Inbox({ onTaken: () => this.#taken() })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, PROBE_EVERY_MS)
    if (intake === undefined) socket.on('data', (bytes: Uint8Array) => this.#arrived(bytes))
    socket.on('error', (error) => this.#close(lost(error)))
    socket.on('close', () => this.#gone())
    socket.on('end', () => this.#gone())
    if (socket.destroyed) this.#close(lost())
    intake?.start((bytes) => this.#arrived(bytes))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#inbox.weight === 0) this.#intake?.release()
    return this.#inbox.read()
  }

  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#ending !== undefined)
      return Promise.reject(new TypeError('write: this side has ended'))
    const sent = this.#inTurn(() => this.#send(bytes instanceof Uint8Array ? [bytes] : bytes))
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

  /** Copied once, into slabs that are encrypted where they are: nothing is allocated for what is sent. */
  async #send(parts: readonly Uint8Array[]): Promise<void> {
    let record: Uint8Array | undefined
    let filled = LENGTH_BYTES
    for (const part of parts) {
      for (let at = 0; at < part.byteLength;) {
        record ??= await this.#room()
        const taken = part.subarray(at, at + record.byteLength - filled)
        record.set(taken, filled)
        filled += taken.byteLength
        at += taken.byteLength
        if (filled < record.byteLength) continue
        this.#ship(record, filled)
        record = undefined
        filled = LENGTH_BYTES
      }
    }
    if (record !== undefined) this.#ship(record, filled)
    this.signal.throwIfAborted()
    while (this.#sending >= LANE_SENDING) await this.#sent()
  }

  /** A slab, once the socket has taken enough of those before. */
  async #room(): Promise<Uint8Array> {
    while (this.#sending >= LANE_SENDING) await this.#sent()
    this.signal.throwIfAborted()
    this.#sending++
    return this.#pool.take()
  }

  /** Length and bytes in one write: every write is at least one TLS record and one packet. */
  #ship(slab: Uint8Array, filled: number): void {
    new DataView(slab.buffer, slab.byteOffset).setUint32(0, filled - LENGTH_BYTES)
    this.#socket.write(slab.subarray(0, filled), (error) => {
      this.#sending--
      if (error === undefined || error === null) this.#pool.give(slab)
      this.#wakeWriter?.()
    })
  }

  /** Resolves when the socket has taken something more. */
  async #sent(): Promise<void> {
    this.signal.throwIfAborted()
    await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    this.signal.throwIfAborted()
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
    if (this.#inbox.weight >= CHANNEL_BUFFER_BYTES) this.#pause()
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
    if (this.#inbox.weight < CHANNEL_BUFFER_BYTES) this.#resume()
    this.#closeWhenDone()
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#socket.pause()
  }

  #resume(): void {
    if (!this.#paused && this.#intake?.isHeld !== true) return
    this.#paused = false
    this.#intake?.goOn()
    this.#socket.resume()
  }

  /** The connection ended. That is a cut unless both sides have said that they end; what came may then still be read. */
  #gone(): void {
    this.#intake?.give()
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
