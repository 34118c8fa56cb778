/**
 * Writes frames to a channel. Frames sent in one turn of the event loop go out in one write, which
 * makes hundreds of requests in flight ten times as fast. A frame sent while idle goes out at once.
 */
import { FRAME_QUEUE_BYTES, PIECE_BYTES, PROOF_BYTES, KIB } from '../limits.ts'
import type { Channel } from './channel.ts'
import { encodeLength } from './frames.ts'

/** The largest write that joins frames: a piece with its proof, and a few frames. */
export const FRAME_WRITE_BYTES: number = PIECE_BYTES + PROOF_BYTES + 4 * KIB

interface Waiting {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Every method rejects with the channel's reason once that is aborted. */
export class FrameWriter {
  readonly #channel: Channel
  readonly #queue: Uint8Array[] = []
  #queuedBytes = 0
  #failure: { readonly error: unknown } | undefined
  /** Set until the queue is found empty after a turn of the event loop. */
  #pumping = false
  /** Callers that wait for room in the queue, and for it to be empty. */
  #waitForRoom: Waiting[] = []
  #waitForIdle: Waiting[] = []

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** Bytes that the channel has not taken yet. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Sends one frame. Resolves when more may be sent: at once, or when the queue has room again. */
  send(frame: Uint8Array): Promise<void> {
    return this.raw(encodeLength(frame.byteLength), frame)
  }

  /** Sends raw bytes, in one array or several, in the order of calls. Resolves as `send` does. */
  async raw(...parts: readonly Uint8Array[]): Promise<void> {
    this.#check()
    for (const part of parts) {
      if (part.byteLength > 0) this.#queue.push(part)
      this.#queuedBytes += part.byteLength
    }
    if (!this.#pumping) void this.#pump()
    if (this.#queuedBytes > FRAME_QUEUE_BYTES) await wait(this.#waitForRoom)
  }

  /** Resolves when the channel has taken everything, and no longer reads from its memory. */
  async flush(): Promise<void> {
    this.#check()
    if (this.#queuedBytes > 0) await wait(this.#waitForIdle)
    await this.#channel.flush()
  }

  /** Sends everything queued, then ends this side of the channel. */
  async end(): Promise<void> {
    await this.flush()
    await this.#channel.end()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    this.#channel.signal.throwIfAborted()
  }

  async #pump(): Promise<void> {
    this.#pumping = true
    try {
      while (this.#queue.length > 0) {
        await this.#writeAll(this.#queue.splice(0))
        if (this.#queuedBytes === 0) settle(this.#waitForIdle)
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      this.#failure = { error }
      this.#queue.length = 0
      this.#queuedBytes = 0
      const waiting = [...this.#waitForRoom.splice(0), ...this.#waitForIdle.splice(0)]
      for (const { reject } of waiting) reject(error)
    } finally {
      this.#pumping = false
    }
  }

  async #writeAll(parts: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < parts.length;) {
      const { to, bytes } = batchOf(parts, from)
      await this.#channel.write(parts.slice(from, to))
      this.#queuedBytes -= bytes
      if (this.#queuedBytes <= FRAME_QUEUE_BYTES) settle(this.#waitForRoom)
      from = to
    }
  }
}

/** The parts for one write, from `from` on: the index after the last, and their bytes. */
function batchOf(parts: readonly Uint8Array[], from: number): { to: number; bytes: number } {
  let bytes = parts[from]!.byteLength
  let to = from + 1
  while (to < parts.length && bytes + parts[to]!.byteLength <= FRAME_WRITE_BYTES) {
    bytes += parts[to]!.byteLength
    to++
  }
  return { to, bytes }
}

const wait = (waiting: Waiting[]): Promise<void> =>
  new Promise((resolve, reject) => waiting.push({ resolve, reject }))

function settle(waiting: Waiting[]): void {
  for (const { resolve } of waiting.splice(0)) resolve()
}
