/**
 * Frames on a channel (specs/000-conventions.md, "Framing"): the length as an unsigned varint, then
 * that many bytes. Raw bytes may follow a frame, which says how many.
 */
import { unzeroed } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { FRAME_LENGTH_BYTES } from '../limits.ts'
import type { Channel } from './channel.ts'

/** The longest frame that a length can express, in bytes. */
const LONGEST = 2 ** (7 * FRAME_LENGTH_BYTES) - 1

/**
 * The first buffer of a frame in pieces. It doubles as they arrive: a claimed length costs nothing.
 */
const FIRST_BUFFER_BYTES = 4096

const EMPTY = new Uint8Array(0)

export interface FrameReaderOptions {
  /** The longest frame to accept, in bytes. */
  readonly maxBytes: number
}

/**
 * Reads frames and raw bytes from a channel. After an error every call fails: abort the channel.
 */
export class FrameReader {
  readonly #channel: Channel
  readonly #maxBytes: number
  /** Bytes that were read from the channel and not returned yet. */
  #rest: Uint8Array = EMPTY
  /** Bytes that `raw` has still to yield. */
  #rawLeft = 0
  #error: unknown

  constructor(channel: Channel, { maxBytes }: FrameReaderOptions) {
    if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > LONGEST) {
      throw new RangeError(`maxBytes: not an integer from 0 to ${LONGEST}`)
    }
    this.#channel = channel
    this.#maxBytes = maxBytes
  }

  /**
   * The next frame, or undefined if the peer ended its side between frames. It may be a view into a
   * larger buffer: copy what you keep. `mostBytes`, evaluated when the length is known, may lower
   * the limit for this frame. Errors: `protocol` if a frame is too long, malformed or cut off; the
   * channel's.
   */
  next(mostBytes: () => number = () => this.#maxBytes): Promise<Uint8Array | undefined> {
    return this.#guard(async () => {
      const length = await this.#length(mostBytes)
      return length === undefined ? undefined : this.#frame(length)
    })
  }

  /**
   * The `length` bytes after the last frame, in pieces as they arrive. The caller must take all.
   */
  async *raw(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError('length: not a count')
    this.#checkRaw()
    this.#rawLeft = length
    while (this.#rawLeft > 0) {
      const piece = await this.#checked(() => this.#upTo(this.#rawLeft))
      this.#rawLeft -= piece.byteLength
      yield piece
    }
  }

  /** The next `length` raw bytes in one array; `length` must not come from the peer. */
  bytes(length: number): Promise<Uint8Array> {
    return this.#guard(async () => {
      if (length <= this.#rest.byteLength) return this.#cut(length)
      const whole = unzeroed(length)
      for (let at = 0; at < length;) at += await this.#fill(whole.subarray(at))
      return whole
    })
  }

  /**
   * Reads raw bytes into `target`. Resolves with their number: at least 1, and fewer than `target`
   * holds if no more arrived for a moment. See `Channel.fill`.
   */
  fill(target: Uint8Array): Promise<number> {
    return this.#guard(() => this.#fill(target))
  }

  async #fill(target: Uint8Array): Promise<number> {
    const part = this.#cut(target.byteLength)
    target.set(part)
    if (part.byteLength === target.byteLength) return part.byteLength
    const count = await this.#channel.fill(target, part.byteLength)
    if (count === 0) throw cutOff()
    return count
  }

  async #length(mostBytes: () => number): Promise<number | undefined> {
    let length = 0
    for (let digit = 0; digit < FRAME_LENGTH_BYTES; digit++) {
      if (this.#rest.byteLength === 0 && !(await this.#readMore())) {
        if (digit === 0) return undefined
        throw broke('the channel ended inside a frame')
      }
      const byte = this.#cut(1)[0]!
      if (byte === 0 && digit > 0) throw broke('a frame length is not in its shortest form')
      length += (byte & 0x7f) * 2 ** (7 * digit)
      if (byte < 0x80) return checkLength(length, Math.min(mostBytes(), this.#maxBytes))
    }
    throw broke(`a frame length of more than ${FRAME_LENGTH_BYTES} bytes`)
  }

  async #frame(length: number): Promise<Uint8Array> {
    if (length <= this.#rest.byteLength) return this.#cut(length)
    let buffer = new Uint8Array(Math.min(length, FIRST_BUFFER_BYTES))
    let filled = 0
    while (filled < length) {
      const piece = await this.#upTo(length - filled)
      const need = filled + piece.byteLength
      if (need > buffer.byteLength) {
        const larger = new Uint8Array(Math.min(length, Math.max(need, 2 * buffer.byteLength)))
        larger.set(buffer.subarray(0, filled))
        buffer = larger
      }
      buffer.set(piece, filled)
      filled = need
    }
    return buffer
  }

  /** From 1 to `count` bytes. */
  async #upTo(count: number): Promise<Uint8Array> {
    if (this.#rest.byteLength === 0 && !(await this.#readMore())) throw cutOff()
    return this.#cut(count)
  }

  async #readMore(): Promise<boolean> {
    this.#rest = (await this.#channel.read()) ?? EMPTY
    return this.#rest.byteLength > 0
  }

  #cut(count: number): Uint8Array {
    const piece = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(piece.byteLength)
    return piece
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#checkRaw()
    return this.#checked(work)
  }

  #checkRaw(): void {
    if (this.#rawLeft > 0) throw new TypeError(`${this.#rawLeft} raw bytes were not taken`)
  }

  async #checked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#error !== undefined) throw this.#error
    try {
      return await work()
    } catch (error) {
      this.#error = error
      throw error
    }
  }
}

function checkLength(length: number, maxBytes: number): number {
  if (length <= maxBytes) return length
  throw broke(`a frame of ${length} bytes, where at most ${maxBytes} are allowed`)
}

/** The length prefix of a frame. */
export function encodeLength(length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > LONGEST) {
    throw new RangeError(`length: not an integer from 0 to ${LONGEST}`)
  }
  const digits: number[] = []
  for (; length >= 0x80; length >>>= 7) digits.push((length & 0x7f) | 0x80)
  digits.push(length)
  return Uint8Array.from(digits)
}

const cutOff = (): DstoreError => broke('the channel ended before all the announced bytes arrived')

function broke(what: string): DstoreError {
  return new DstoreError('protocol', `the peer broke the framing: ${what}`)
}
