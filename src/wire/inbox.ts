/** Bytes that arrived on a channel and were not read yet: a transport pushes, one reader takes. */
import type { DstoreError } from '../errors.ts'
import { FILL_PATIENCE_MS, KIB } from '../limits.ts'

/** Memory that a piece costs beside its bytes, so that a flood of tiny pieces counts in full. */
const PIECE_OVERHEAD_BYTES = 128

/**
 * While more than this is unread, pieces up to `SMALL_PIECE_BYTES` are copied together: each keeps
 * all memory that it was received in, and a peer may send bytes one at a time.
 */
const BEHIND_BYTES = 64 * KIB
const SMALL_PIECE_BYTES = 16 * KIB
const JOINED_BYTES = 64 * KIB

export interface InboxOptions {
  /** Called after every read that took `count` bytes, 0 for the end: the peer may send more. */
  readonly onTaken: (count: number) => void
  /** How many of the `available` bytes the next read returns, at least 1; by default one piece. */
  readonly cut?: ((available: number) => number) | undefined
}

interface Reader {
  readonly resolve: (bytes: Uint8Array | undefined) => void
  readonly reject: (reason: DstoreError) => void
}

interface Filler {
  readonly target: Uint8Array
  filled: number
  readonly resolve: (count: number) => void
  readonly reject: (reason: DstoreError) => void
}

export class Inbox {
  readonly #options: InboxOptions
  readonly #pieces: Uint8Array[] = []
  #bytes = 0
  /** Memory of pieces that were copied together; new pieces go behind the last of them. */
  #joined = new Uint8Array(0)
  #ended = false
  #reason: DstoreError | undefined
  #reader: Reader | undefined
  #filler: Filler | undefined
  /** The filler that resolves early if it gets nothing more for `FILL_PATIENCE_MS`. */
  #timed: Filler | undefined
  #filledBefore = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Memory of the unread bytes, in bytes. */
  get weight(): number {
    return this.#bytes + this.#pieces.length * PIECE_OVERHEAD_BYTES
  }

  /** The peer has ended its side. */
  get ended(): boolean {
    return this.#ended
  }

  /** The peer has ended its side, and everything it sent was read. */
  get finished(): boolean {
    return this.#ended && this.#pieces.length === 0
  }

  push(bytes: Uint8Array): void {
    if (this.#ended || this.#reason !== undefined || bytes.byteLength === 0) return
    if (!this.#join(bytes)) this.#pieces.push(bytes)
    this.#bytes += bytes.byteLength
    this.#serve()
  }

  /** The peer will send nothing more. */
  end(): void {
    if (this.#ended || this.#reason !== undefined) return
    this.#ended = true
    this.#serve()
  }

  /**
   * Drops unread bytes, and rejects the pending read and later ones. A fill that got some bytes
   * resolves with them. No effect once everything was read up to the end.
   */
  fail(reason: DstoreError): void {
    if (this.#reason !== undefined || this.finished) return
    this.#reason = reason
    this.#pieces.length = 0
    this.#bytes = 0
    this.#reader?.reject(reason)
    this.#reader = undefined
    const filler = this.#filler
    if (filler !== undefined && filler.filled > 0) this.#resolve(filler)
    else filler?.reject(reason)
    this.#filler = undefined
  }

  /**
   * The next piece; undefined at the end. Rejects with the reason of `fail`; one read at a time.
   */
  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#check()
      this.#reader = { resolve, reject }
      this.#serve()
    })
  }

  /**
   * Reads into `target` after its first `filled` bytes; resolves with the number of bytes it then
   * holds. That is fewer than all if nothing arrived for `FILL_PATIENCE_MS`, or the peer has ended.
   * Rejects as `read` does.
   */
  fill(target: Uint8Array, filled = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#reason !== undefined && filled > 0) return resolve(filled)
      this.#check()
      if (target.byteLength <= filled) throw new RangeError('target must have room')
      this.#filler = { target, filled, resolve, reject }
      this.#serve()
    })
  }

  /**
   * Memory of the pending fill for the next bytes, up to `mostBytes`; undefined if none is pending.
   */
  reserve(mostBytes: number): Uint8Array | undefined {
    const filler = this.#filler
    if (filler === undefined || this.#options.cut !== undefined) return undefined
    return filler.target.subarray(filler.filled, filler.filled + mostBytes)
  }

  /**
   * The transport wrote bytes to reserved memory. False if that fill is over, or has less room:
   * then push them.
   */
  commit(memory: Uint8Array, count: number): boolean {
    const filler = this.#filler
    if (filler === undefined || filler.target.buffer !== memory.buffer) return false
    if (filler.target.byteOffset + filler.filled !== memory.byteOffset) return false
    if (filler.filled + count > filler.target.byteLength) return false
    filler.filled += count
    this.#settle(filler)
    return true
  }

  /** Copies a small piece behind the last one, if the reader is behind. */
  #join(bytes: Uint8Array): boolean {
    if (this.weight < BEHIND_BYTES || bytes.byteLength > SMALL_PIECE_BYTES) return false
    const last = this.#pieces.at(-1)
    const joined = this.#joined
    const end = last?.buffer === joined.buffer ? last.byteOffset + last.byteLength : JOINED_BYTES
    if (last === undefined || end + bytes.byteLength > JOINED_BYTES) {
      this.#joined = new Uint8Array(JOINED_BYTES)
      this.#joined.set(bytes)
      this.#pieces.push(this.#joined.subarray(0, bytes.byteLength))
      return true
    }
    joined.set(bytes, end)
    this.#pieces[this.#pieces.length - 1] = joined.subarray(last.byteOffset, end + bytes.byteLength)
    return true
  }

  #check(): void {
    if (this.#reader !== undefined || this.#filler !== undefined) {
      throw new TypeError('read: another read is waiting')
    }
    if (this.#reason !== undefined) throw this.#reason
  }

  #serve(): void {
    if (this.#filler !== undefined) this.#serveFiller(this.#filler)
    const reader = this.#reader
    if (reader === undefined || (this.#bytes === 0 && !this.#ended)) return
    this.#reader = undefined
    const piece = this.#next()
    reader.resolve(piece)
    this.#options.onTaken(piece?.byteLength ?? 0)
  }

  #serveFiller(filler: Filler): void {
    const { cut } = this.#options
    const most = cut === undefined || this.#bytes === 0 ? Infinity : cut(this.#bytes)
    const taken = this.#moveTo(filler.target.subarray(filler.filled, filler.filled + most))
    filler.filled += taken
    if (this.#ended && this.#bytes === 0) this.#resolve(filler)
    else if (cut !== undefined && taken > 0) this.#resolve(filler)
    else this.#settle(filler)
    if (taken > 0 || this.finished) this.#options.onTaken(taken)
  }

  /** Moves bytes from the pieces into memory: as many as it holds, or as there are. */
  #moveTo(target: Uint8Array): number {
    let count = 0
    while (this.#bytes > 0 && count < target.byteLength) {
      const first = this.#pieces[0]!
      const part = first.subarray(0, target.byteLength - count)
      target.set(part, count)
      count += part.byteLength
      this.#bytes -= part.byteLength
      if (part.byteLength === first.byteLength) this.#pieces.shift()
      else this.#pieces[0] = first.subarray(part.byteLength)
    }
    return count
  }

  /** Resolves a fill that is complete, and puts a time limit on one that has some bytes. */
  #settle(filler: Filler): void {
    if (filler.filled === filler.target.byteLength) this.#resolve(filler)
    else if (filler.filled > 0 && this.#timed !== filler) this.#startTimer(filler)
  }

  #startTimer(filler: Filler): void {
    this.#timed = filler
    this.#filledBefore = filler.filled
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#onTimer(), FILL_PATIENCE_MS)
    else this.#timer.refresh()
  }

  #onTimer(): void {
    const filler = this.#timed
    if (filler === undefined || this.#filler !== filler) return
    if (filler.filled === this.#filledBefore) this.#resolve(filler)
    else this.#startTimer(filler)
  }

  #resolve(filler: Filler): void {
    if (this.#filler !== filler) return
    this.#filler = undefined
    this.#timed = undefined
    filler.resolve(filler.filled)
  }

  #next(): Uint8Array | undefined {
    const { cut } = this.#options
    if (cut !== undefined && this.#bytes > 0) {
      const bytes = new Uint8Array(cut(this.#bytes))
      this.#moveTo(bytes)
      return bytes
    }
    const piece = this.#pieces.shift()
    this.#bytes -= piece?.byteLength ?? 0
    return piece
  }
}
