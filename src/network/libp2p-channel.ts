/**
 * A libp2p stream as a channel. The library's own conveniences lose back-pressure or bytes (test/node holds a test
 * for each), so this uses its events alone:
 *
 * - `onDrain()` waits once per stream and never again; a `drain` event comes while most of a large write still waits.
 *   So a write is over when the buffer is empty and nothing asks for drain.
 * - `for await` over a stream reads without bound. So `message` events, `pause` and `resume`.
 * - To pause inside a message that `resume` gives out is undone when `resume` returns. So it is done afterwards.
 * - A lost connection looks like the end of the stream. So only `remoteCloseWrite` is one.
 * - `end` may have come before bytes that negotiation left over. So the end is when nothing waits any more.
 */
import './polyfill.ts'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { concat } from '../bytes.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import { CHANNEL_BUFFER_BYTES, DIRECT_BYTES } from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { Inbox } from '../wire/inbox.ts'

/**
 * The largest single write to a libp2p stream: seventeen whole Noise messages less a Yamux header, more than a piece.
 * Every write is one Yamux frame, and the receiver answers every frame with a window update: small writes cost half
 * the speed.
 */
const STREAM_WRITE_BYTES = 17 * 65_519 - 12

export class Libp2pChannel implements Channel {
  readonly peer: string
  readonly #stream: Stream
  readonly #controller = new AbortController()
  readonly #inbox: Inbox
  /** The peer has ended its side; what it sent before may still wait in the stream. */
  #peerEnded = false
  #paused = false
  #resuming = false
  #ending: Promise<void> | undefined
  /** The write that is going on, settled without failure; later ones queue behind it. */
  #writing: Promise<void> | undefined
  #wakeWriter: (() => void) | undefined

  /** Takes over a stream that was just opened or handed to a protocol's handler, before anything is awaited. */
  constructor(stream: Stream, peer: string) {
    this.#stream = stream
    this.peer = peer
    this.#inbox = new Inbox({ onTaken: () => this.#taken() })
    stream.addEventListener('remoteCloseWrite', () => (this.#peerEnded = true))
    stream.addEventListener('end', () => this.#endWhenRead())
    stream.addEventListener('close', (event) => this.#closed(event))
    stream.addEventListener('drain', () => this.#wakeWriter?.())
    stream.addEventListener('idle', () => this.#wakeWriter?.())
    stream.addEventListener('message', (event) => this.#arrived(event))
    if (stream.status !== 'open') this.#close(lost())
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
    if (this.#ending !== undefined)
      return Promise.reject(new TypeError('write: this side has ended'))
    const parts = bytes instanceof Uint8Array ? [bytes] : bytes
    const sent =
      this.#writing === undefined ? this.#send(parts) : this.#writing.then(() => this.#send(parts))
    const settled: Promise<void> = sent.then(
      () => this.#written(settled),
      () => this.#written(settled),
    )
    this.#writing = settled
    return sent
  }

  async flush(): Promise<void> {
    await this.#writing
    this.signal.throwIfAborted()
  }

  end(): Promise<void> {
    this.#ending ??= this.#sendEnd()
    return this.#ending
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
      this.#close(lost(error))
      throw this.signal.reason
    }
  }

  async #drained(): Promise<void> {
    const stream = this.#stream
    while (!this.signal.aborted && (stream.writableNeedsDrain || stream.writeBufferLength > 0)) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve))
    }
  }

  #written(settled: Promise<void>): void {
    if (this.#writing === settled) this.#writing = undefined
  }

  async #sendEnd(): Promise<void> {
    await this.#writing
    this.signal.throwIfAborted()
    try {
      await this.#stream.close()
    } catch (error) {
      this.#close(lost(error))
    }
    if (this.signal.aborted && !this.#inbox.finished) throw this.signal.reason
    this.#closeWhenDone()
  }

  #arrived(event: StreamMessageEvent): void {
    const { data } = event
    if (data instanceof Uint8Array) this.#inbox.push(data)
    else for (const piece of data) this.#inbox.push(piece)
    if (!this.#resuming) this.#pauseWhenFull()
    this.#endWhenRead()
  }

  #pauseWhenFull(): void {
    if (this.#paused || this.#inbox.weight < CHANNEL_BUFFER_BYTES || !isReading(this.#stream))
      return
    this.#paused = true
    this.#stream.pause()
  }

  /** Once all was read, take what waits in the stream: up to one window, while the peer may send the next. */
  #taken(): void {
    if (this.#paused && this.#inbox.weight === 0 && !this.signal.aborted) {
      this.#paused = false
      this.#resume()
      this.#pauseWhenFull()
    }
    this.#closeWhenDone()
  }

  #resume(): void {
    this.#resuming = true
    try {
      if (isReading(this.#stream)) this.#stream.resume()
    } catch {
      // The bytes were given out; only the peer could not be told that it may go on: `close` says why.
    } finally {
      this.#resuming = false
    }
  }

  /** An abort and a reset give `end` as well, and drop what waited: that is no end of the bytes. */
  #endWhenRead(): void {
    const { status, readBufferLength } = this.#stream
    if (!this.#peerEnded || readBufferLength > 0) return
    if (status === 'aborted' || status === 'reset') return
    this.#inbox.end()
    this.#closeWhenDone()
  }

  #closed(event: StreamCloseEvent): void {
    if (event.error !== undefined) return this.#close(lost(event.error))
    const clean =
      this.#peerEnded && this.#ending !== undefined && this.#stream.writeBufferLength === 0
    if (clean) this.#closeWhenDone()
    else this.#close(lost())
  }

  #closeWhenDone(): void {
    const { status } = this.#stream
    if (!this.#inbox.finished || status === 'open' || status === 'closing') return
    this.#close(new DstoreError('unreachable', 'the channel was closed'))
  }

  #close(reason: DstoreError): void {
    if (this.signal.aborted) return
    this.#controller.abort(reason)
    this.#inbox.fail(reason)
    this.#wakeWriter?.()
  }
}

/** Small parts that follow one another in one: each is encrypted for itself. To copy a large one costs more than that. */
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

function isReading(stream: Stream): boolean {
  return stream.readStatus === 'readable' || stream.readStatus === 'paused'
}

function lost(cause?: unknown): DstoreError {
  return new DstoreError('unreachable', 'the peer dropped the channel', { cause })
}
