/** Two ends of a channel in one process, to test the protocols on. */
import { asDstoreError, type DstoreError } from '../../src/errors.ts'
import { CHANNEL_BUFFER_BYTES } from '../../src/limits.ts'
import { channelClosed, peerDropped, type Channel } from '../../src/wire/channel.ts'
import { Inbox } from '../../src/wire/inbox.ts'

export interface ChannelPairOptions {
  /** The peer ids of the first and second end: each sees the other as its `peer`. */
  readonly peers?: readonly [string, string]
  /** A write waits once this much is unread, in bytes. */
  readonly bufferBytes?: number
  /** Fault: in each direction the link breaks for both ends once this many bytes were read. */
  readonly cutAfterBytes?: number
  /** Fault: how many of the `available` bytes the next read gives, from 1 to all of them. */
  readonly recut?: (available: number) => number
}

/**
 * A connected pair. An aborted end shows the other one `unreachable`, as a network does, never the
 * reason.
 */
export function channelPair(options: ChannelPairOptions = {}): [Channel, Channel] {
  if (options.cutAfterBytes !== undefined && options.cutAfterBytes < 1) {
    throw new RangeError('cutAfterBytes: less than 1')
  }
  const [first, second] = options.peers ?? ['first', 'second']
  const a = new MemoryEnd(second, options)
  const b = new MemoryEnd(first, options)
  a.connect(b)
  b.connect(a)
  return [a, b]
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (reason: DstoreError) => void
}

class MemoryEnd implements Channel {
  readonly peer: string
  readonly #controller = new AbortController()
  readonly #inbox: Inbox
  readonly #bufferBytes: number
  #cutAfterBytes: number
  // oxlint-disable-next-line no-unused-private-class-members -- it misses #other.#inbox
  #other!: MemoryEnd
  #ended = false
  /** Writes of this end that wait for the other to read. */
  #waiting: Waiting[] = []

  constructor(peer: string, options: ChannelPairOptions) {
    this.peer = peer
    this.#bufferBytes = options.bufferBytes ?? CHANNEL_BUFFER_BYTES
    this.#cutAfterBytes = options.cutAfterBytes ?? Infinity
    const { recut, cutAfterBytes } = options
    const cut = (available: number): number =>
      Math.min(recut?.(available) ?? available, this.#cutAfterBytes)
    const faulty = recut !== undefined || cutAfterBytes !== undefined
    this.#inbox = new Inbox({
      onTaken: (count) => this.#taken(count),
      cut: faulty ? cut : undefined,
    })
  }

  connect(other: MemoryEnd): void {
    this.#other = other
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

  async write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> {
    if (this.#ended) throw new TypeError('write: this side has ended')
    this.signal.throwIfAborted()
    // Copies, for what was read is good until the next read, though the writer's memory is his own
    // again by then.
    for (const part of bytes instanceof Uint8Array ? [bytes] : bytes) {
      this.#other.#inbox.push(new Uint8Array(part))
    }
    if (this.#other.#inbox.weight < this.#bufferBytes) return
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async flush(): Promise<void> {
    this.signal.throwIfAborted()
    while (this.#other.#inbox.weight > 0) {
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    }
  }

  // oxlint-disable-next-line require-await
  async end(): Promise<void> {
    if (this.#ended) return
    this.signal.throwIfAborted()
    this.#ended = true
    this.#other.#inbox.end()
    this.#closeWhenDone()
  }

  abort(reason: Error): void {
    if (this.signal.aborted) return
    this.#close(asDstoreError(reason))
    this.#other.#close(peerDropped())
  }

  #taken(count: number): void {
    this.#cutAfterBytes -= count
    if (this.#cutAfterBytes <= 0) {
      this.#close(peerDropped())
      this.#other.#close(peerDropped())
      return
    }
    if (this.#inbox.weight < this.#bufferBytes) this.#other.#release()
    this.#closeWhenDone()
  }

  #release(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve()
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (!this.#ended || !this.#inbox.finished || this.#waiting.length > 0) return
    this.#close(channelClosed())
  }

  #close(reason: DstoreError): void {
    if (this.signal.aborted) return
    this.#controller.abort(reason)
    this.#inbox.fail(reason)
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
  }
}
