/**
 * Frames on a channel (specs/000-conventions.md, "Framing"): the length as an unsigned varint, then that many bytes.
 * Between two frames may lie raw bytes, whose number the frame before them says.
 */
import { unzeroed } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { FRAME_LENGTH_BYTES } from '../limits.ts'
import type { Channel } from './channel.ts'

/** The longest frame that a length can name, in bytes. */
const LONGEST = 2 ** (7 * FRAME_LENGTH_BYTES) - 1

/** The first room made for a frame that comes in pieces; it doubles as they arrive, so a claim costs nothing. */
const FIRST_ROOM_BYTES = 4096

const EMPTY = new Uint8Array(0)

export interface FrameReaderOptions {
  /** The longest frame that is taken, in bytes. */
  readonly maxBytes: number
}

/** Takes frames and raw bytes off a channel. What fails once, fails for good: the channel is to be aborted then. */
export class FrameReader {
  readonly #channel: Channel
  readonly #maxBytes: number
  /** What was read from the channel and not yet given. */
  #rest: Uint8Array = EMPTY
  #rawLeft = 0
  #broken: unknown

  constructor(channel: Channel, options: FrameReaderOptions) {
    const { maxBytes } = options
    if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > LONGEST) {
      throw new RangeError(`maxBytes: not an integer from 0 to ${LONGEST}`)
    }
    this.#channel = channel
    this.#maxBytes = maxBytes
  }

  /**
   * The next frame, or undefined where the peer ended its side between two. It may be a view into a larger buffer:
   * copy what is kept. `mostBytes` may hold it to a shorter length, asked when its own is known. Errors: `protocol` for a frame that is too long, badly encoded or cut off; the channel's.
   */
  next(mostBytes: () => number = () => this.#maxBytes): Promise<Uint8Array | undefined> {
    if (this.#rawLeft > 0) {
      return Promise.reject(new TypeError(`next: ${this.#rawLeft} raw bytes were not taken`))
    }
    return this.#guard(async () => {
      const length = await this.#length(mostBytes)
      return length === undefined ? undefined : this.#frame(length)
    })
  }

  /** Exactly `length` bytes that follow the last frame, in the pieces in which they arrive. To be taken whole. */
  async *raw(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError('length: not a count')
    if (this.#rawLeft > 0) throw new TypeError('raw: the raw bytes before were not taken')
    this.#rawLeft = length
    while (this.#rawLeft > 0) {
      const piece = await this.#guard(() => this.#upTo(this.#rawLeft))
      this.#rawLeft -= piece.byteLength
      yield piece
    }
  }

  /** Exactly `length` raw bytes, in one array: for lengths that the reader knows, not the peer. */
  async bytes(length: number): Promise<Uint8Array> {
    this.#checkTaken()
    return this.#guard(async () => {
      if (length <= this.#rest.byteLength) return this.#cut(length)
      const whole = unzeroed(length)
      for (let at = 0; at < length;) at += await this.#fillFrom(whole.subarray(at))
      return whole
    })
  }

  /**
   * Fill memory with raw bytes that follow: resolves with how many came, at least one; fewer than it holds where no more
   * did for a moment. See `Channel.fill`.
   */
  async fill(target: Uint8Array): Promise<number> {
    this.#checkTaken()
    return this.#guard(() => this.#fillFrom(target))
  }

  async #fillFrom(target: Uint8Array): Promise<number> {
    const part = this.#cut(target.byteLength)
    target.set(part)
    if (part.byteLength === target.byteLength) return part.byteLength
    const count = await this.#channel.fill(target, part.byteLength)
    if (count === 0) throw broke('the channel ended before all that was announced had come')
    return count
  }

  #checkTaken(): void {
    if (this.#rawLeft > 0) throw new TypeError(`${this.#rawLeft} raw bytes were not taken`)
  }

  async #length(mostBytes: () => number): Promise<number | undefined> {
    let length = 0
    for (let digit = 0; digit < FRAME_LENGTH_BYTES; digit++) {
      if (this.#rest.byteLength === 0 && !(await this.#fill())) {
        if (digit === 0) return undefined
        throw broke('the channel ended inside a frame')
      }
      const byte = this.#cut(1)[0]!
      if (byte === 0 && digit > 0) throw broke('a frame length is not in its shortest form')
      length += (byte & 0x7f) * 2 ** (7 * digit)
      if (byte < 0x80) return checked(length, Math.min(mostBytes(), this.#maxBytes))
    }
    throw broke(`a frame length of more than ${FRAME_LENGTH_BYTES} bytes`)
  }

  async #frame(length: number): Promise<Uint8Array> {
    if (length <= this.#rest.byteLength) return this.#cut(length)
    let room = new Uint8Array(Math.min(length, FIRST_ROOM_BYTES))
    let filled = 0
    while (filled < length) {
      const piece = await this.#upTo(length - filled)
      const need = filled + piece.byteLength
      if (need > room.byteLength) {
        const larger = new Uint8Array(Math.min(length, Math.max(need, 2 * room.byteLength)))
        larger.set(room.subarray(0, filled))
        room = larger
      }
      room.set(piece, filled)
      filled = need
    }
    return room
  }

  /** At least one byte and at most `count`. */
  async #upTo(count: number): Promise<Uint8Array> {
    if (this.#rest.byteLength === 0 && !(await this.#fill())) {
      throw broke('the channel ended before all that was announced had come')
    }
    return this.#cut(count)
  }

  async #fill(): Promise<boolean> {
    this.#rest = (await this.#channel.read()) ?? EMPTY
    return this.#rest.byteLength > 0
  }

  #cut(count: number): Uint8Array {
    const piece = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(piece.byteLength)
    return piece
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken
    try {
      return await work()
    } catch (error) {
      this.#broken = error
      throw error
    }
  }
}

function checked(length: number, maxBytes: number): number {
  if (length <= maxBytes) return length
  throw broke(`a frame of ${length} bytes, where at most ${maxBytes} are allowed`)
}

/** The length of a frame as it goes before it. */
export function encodeLength(length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > LONGEST) {
    throw new RangeError(`length: not an integer from 0 to ${LONGEST}`)
  }
  const digits: number[] = []
  for (; length >= 0x80; length >>>= 7) digits.push((length & 0x7f) | 0x80)
  digits.push(length)
  return Uint8Array.from(digits)
}

function broke(what: string): DstoreError {
  return new DstoreError('protocol', `the peer broke the framing: ${what}`)
}
