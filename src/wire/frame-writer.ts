/**
 * Frames onto a channel. What is sent in one turn of the event loop goes out as one write: with hundreds of requests
 * in flight that is worth an order of magnitude. A frame that is sent while nothing else happens goes out at once.
 */
import { FRAME_QUEUE_BYTES, PIECE_BYTES, PROOF_BYTES, KIB } from '../limits.ts'
import type { Channel } from './channel.ts'
import { encodeLength } from './frames.ts'

/** Frames that are sent together go out in writes of up to this size: a piece with its proof, and a few frames. */
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
  #broken: { readonly error: unknown } | undefined
  /** Writes go on until the queue is found empty after a turn of the event loop. */
  #pumping = false
  /** Callers that wait for room in the queue, and callers that wait for it to be empty. */
  #waitForRoom: Waiting[] = []
  #waitForIdle: Waiting[] = []

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** Bytes that were handed over and not yet taken by the channel. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Send one frame. Resolves when more may be sent: at once, or when the queue has room again. */
  send(frame: Uint8Array): Promise<void> {
    const length = encodeLength(frame.byteLength)
    return this.#enqueue(length, frame)
  }

  /**
   * Send bytes as they are, in one array or several, after the frames before and before the frames after. Resolves as
   * `send` does.
   */
  raw(...parts: readonly Uint8Array[]): Promise<void> {
    return this.#enqueue(...parts)
  }

  /** Resolves when the channel has taken everything, and nothing is read from its memory any more. */
  async flush(): Promise<void> {
    this.#check()
    if (this.#queuedBytes > 0) {
      await new Promise<void>((resolve, reject) => this.#waitForIdle.push({ resolve, reject }))
    }
    await this.#channel.flush()
  }

  /** Send what is queued, then end this side of the channel. */
  async end(): Promise<void> {
    await this.flush()
    await this.#channel.end()
  }

  async #enqueue(...parts: readonly Uint8Array[]): Promise<void> {
    this.#check()
    for (const part of parts) {
      if (part.byteLength > 0) this.#queue.push(part)
      this.#queuedBytes += part.byteLength
    }
    if (!this.#pumping) void this.#pump()
    if (this.#queuedBytes <= FRAME_QUEUE_BYTES) return
    await new Promise<void>((resolve, reject) => this.#waitForRoom.push({ resolve, reject }))
  }

  #check(): void {
    if (this.#broken !== undefined) throw this.#broken.error
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
      this.#broken = { error }
      this.#queue.length = 0
      this.#queuedBytes = 0
      for (const { reject } of this.#waitForRoom.splice(0)) reject(error)
      for (const { reject } of this.#waitForIdle.splice(0)) reject(error)
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

/** What one write takes, from part `from` on: its end, and how many bytes that is. */
function batchOf(parts: readonly Uint8Array[], from: number): { to: number; bytes: number } {
  let bytes = parts[from]!.byteLength
  let to = from + 1
  while (to < parts.length && bytes + parts[to]!.byteLength <= FRAME_WRITE_BYTES) {
    bytes += parts[to]!.byteLength
    to++
  }
  return { to, bytes }
}

function settle(waiting: Waiting[]): void {
  for (const { resolve } of waiting.splice(0)) resolve()
}
