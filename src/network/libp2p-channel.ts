/**
 * A libp2p stream as a channel. libp2p's convenience methods lose back-pressure or bytes
 * (test/network/libp2p-traps.test.ts shows each case), so this uses only its events:
 *
 * - `onDrain()` works once per stream, and a `drain` event fires while most of a large write is
 *   still buffered. So a write is done when the buffer is empty and does not need draining.
 * - `for await` over a stream reads without bound, and a paused stream is reset once its window is
 *   larger than its read buffer. So this uses `message`, never pauses, and tells the stream's
 *   window what was read: the peer may send no more than that allows.
 * - A lost connection looks like the end of the stream. So only `remoteCloseWrite` counts as one.
 * - `end` may fire before bytes that negotiation left over. So the end is reached only when the
 *   read buffer is empty.
 */
import './polyfill.ts'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { concat } from '../bytes.ts'
import { asDstoreError, type DstoreError } from '../errors.ts'
import { DIRECT_BYTES } from '../limits.ts'
import { channelClosed, peerDropped, type Channel } from '../wire/channel.ts'
import { Inbox } from '../wire/inbox.ts'
import { WriteQueue } from '../wire/write-queue.ts'
import type { WindowedMuxer } from './muxer.ts'
import type { StreamWindow } from './stream-window.ts'

/**
 * The largest single write to a libp2p stream: seventeen full Noise messages less a Yamux header,
 * which is more than a piece. Every write is one Yamux frame, and the receiver answers each frame
 * with a window update, so small writes halve the speed.
 */
const STREAM_WRITE_BYTES = 17 * 65_519 - 12

export class Libp2pChannel implements Channel {
  readonly peer: string
  readonly #stream: Stream
  readonly #window: StreamWindow | undefined
  readonly #controller = new AbortController()
  readonly #inbox: Inbox
  /** The peer has ended its side; bytes it sent before may still be in the stream's buffer. */
  #peerEnded = false
  readonly #writes = new WriteQueue()
  #wakeWriter: (() => void) | undefined

  /** Takes over a stream just opened, or just passed to a handler: before anything is awaited. */
  constructor(stream: Stream, peer: string, muxer: WindowedMuxer) {
    this.#stream = stream
    this.peer = peer
    this.#window = muxer.bind(stream, peer)
    this.#inbox = new Inbox({ onTaken: (count) => this.#taken(count) })
    stream.addEventListener('remoteCloseWrite', () => (this.#peerEnded = true))
    stream.addEventListener('end', () => this.#endWhenRead())
    stream.addEventListener('close', (event) => this.#closed(event))
    stream.addEventListener('drain', () => this.#wakeWriter?.())
    stream.addEventListener('idle', () => this.#wakeWriter?.())
    stream.addEventListener('message', (event) => this.#arrived(event))
    if (stream.status !== 'open') this.#close(peerDropped())
    else if (stream.remoteWriteStatus === 'closed') this.#peerEnded = true
    this.#endWhenRead()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#inbox.read()
  }

  fill(target: Uint8Array, filled?: number): Promise<number> {
    return this.#inbox.fill(target, filled)
  }

  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    return this.#writes.write(() => this.#send(bytes instanceof Uint8Array ? [bytes] : bytes))
  }

  ask(bytes: number): void {
    this.#window?.ask(bytes)
  }

  allow(bytes: number): void {
    this.#window?.allow(bytes)
  }

  async flush(): Promise<void> {
    await this.#writes.idle()
    this.signal.throwIfAborted()
  }

  end(): Promise<void> {
    return this.#writes.end(() => this.#sendEnd())
  }

  abort(reason: Error): void {
    if (this.signal.aborted) return
    this.#close(asDstoreError(reason))
    this.#stream.abort(reason)
  }

  async #send(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8ArrayList(...joined(parts))
    for (let from = 0; from < bytes.byteLength; from += STREAM_WRITE_BYTES) {
      this.signal.throwIfAborted()
      const to = Math.min(bytes.byteLength, from + STREAM_WRITE_BYTES)
      if (!this.#give(bytes.sublist(from, to))) await this.#drained()
    }
    this.signal.throwIfAborted()
  }

  #give(bytes: Uint8ArrayList): boolean {
    try {
      return this.#stream.send(bytes)
    } catch (error) {
      this.#close(peerDropped(error))
      throw this.signal.reason
    }
  }

  async #drained(): Promise<void> {
    const stream = this.#stream
    while (!this.signal.aborted && (stream.writableNeedsDrain || stream.writeBufferLength > 0)) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    }
  }

  async #sendEnd(): Promise<void> {
    this.signal.throwIfAborted()
    try {
      await this.#stream.close()
    } catch (error) {
      this.#close(peerDropped(error))
    }
    if (this.signal.aborted && !this.#inbox.finished) throw this.signal.reason
    this.#closeWhenDone()
  }

  #arrived(event: StreamMessageEvent): void {
    const { data } = event
    if (data instanceof Uint8Array) this.#inbox.push(data)
    else for (const piece of data) this.#inbox.push(piece)
    this.#endWhenRead()
  }

  #taken(count: number): void {
    this.#window?.taken(count)
    this.#closeWhenDone()
  }

  /** Aborts and resets fire `end` too, and drop buffered bytes: they do not end the data. */
  #endWhenRead(): void {
    const { status, readBufferLength } = this.#stream
    if (!this.#peerEnded || readBufferLength > 0) return
    if (status === 'aborted' || status === 'reset') return
    this.#inbox.end()
    this.#closeWhenDone()
  }

  #closed(event: StreamCloseEvent): void {
    // What a peer said to the end stays readable although it resets the stream right after.
    const { writeBufferLength, writableNeedsDrain } = this.#stream
    const wasSaid = this.#inbox.ended && writeBufferLength === 0 && !writableNeedsDrain
    if (wasSaid && !event.local) return this.#closeWhenDone()
    if (event.error !== undefined) return this.#close(peerDropped(event.error))
    const bothEnded = this.#peerEnded && this.#writes.isEnding
    if (bothEnded && this.#stream.writeBufferLength === 0) this.#closeWhenDone()
    else this.#close(peerDropped())
  }

  #closeWhenDone(): void {
    const { status } = this.#stream
    if (!this.#inbox.finished || status === 'open' || status === 'closing') return
    this.#close(channelClosed())
  }

  #close(reason: DstoreError): void {
    if (this.signal.aborted) return
    this.#controller.abort(reason)
    this.#inbox.fail(reason)
    this.#wakeWriter?.()
  }
}

/** Joins adjacent small parts, as each is encrypted separately. Copying a large one costs more. */
function* joined(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = []
  for (const part of parts) {
    if (part.byteLength < DIRECT_BYTES) {
      small.push(part)
      continue
    }
    if (small.length > 0) yield concat(small)
    small = []
    yield part
  }
  if (small.length > 0) yield concat(small)
}
