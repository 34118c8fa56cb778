/** What has arrived on a channel and was not read yet: a transport pushes, one reader takes. */
import { concat } from '../bytes.ts'
import type { DstoreError } from '../errors.ts'
import { FILL_PATIENCE_MS } from '../limits.ts'

/** What one waiting piece costs beside its bytes: it keeps a flood of tiny pieces from passing as little. */
const PIECE_OVERHEAD_BYTES = 128

export interface InboxOptions {
  /** Called after every read that took `count` bytes, 0 for the end: time to let the peer go on. */
  readonly onTaken: (count: number) => void
  /** How many of the `available` bytes the next read gives, at least one; else a piece as it was pushed. */
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
  #ended = false
  #reason: DstoreError | undefined
  #reader: Reader | undefined
  #filler: Filler | undefined
  /** The filler that is looked after from time to time. */
  #watched: Filler | undefined
  #filledBefore = 0
  #watcher: NodeJS.Timeout | undefined

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** The memory that waits for a reader, in bytes. */
  get weight(): number {
    return this.#bytes + this.#pieces.length * PIECE_OVERHEAD_BYTES
  }

  /** The peer has ended its side. */
  get ended(): boolean {
    return this.#ended
  }

  /** The peer has ended its side, and everything before was read. */
  get finished(): boolean {
    return this.#ended && this.#pieces.length === 0
  }

  push(bytes: Uint8Array): void {
    if (this.#ended || this.#reason !== undefined || bytes.byteLength === 0) return
    this.#pieces.push(bytes)
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
   * Drop what waits and reject the reader, now and later; what has landed already is his. Whoever has read everything still
   * reads the end.
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

  /** The next piece; undefined at the end; rejects with the reason given to `fail`. One at a time. */
  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#check()
      this.#reader = { resolve, reject }
      this.#serve()
    })
  }

  /**
   * Fill memory with what comes next, behind the bytes that are there already: resolves with how many it holds then, which
   * is not all where nothing came for `FILL_PATIENCE_MS`, or the rest will not come. Rejects as `read` does.
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

  /** Where the transport may put so many of the next bytes itself; undefined where nobody waits to be filled. */
  landing(mostBytes: number): Uint8Array | undefined {
    const filler = this.#filler
    if (filler === undefined || this.#options.cut !== undefined) return undefined
    return filler.target.subarray(filler.filled, filler.filled + mostBytes)
  }

  /**
   * The transport put bytes there: true, unless whoever waited then has gone on, or waits for less, so that they are still
   * to be pushed.
   */
  landed(memory: Uint8Array, count: number): boolean {
    const filler = this.#filler
    if (filler === undefined || filler.target.buffer !== memory.buffer) return false
    if (filler.target.byteOffset + filler.filled !== memory.byteOffset) return false
    if (filler.filled + count > filler.target.byteLength) return false
    filler.filled += count
    this.#settle(filler)
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
    const room = filler.target.byteLength - filler.filled
    const available = cut === undefined || this.#bytes === 0 ? Infinity : cut(this.#bytes)
    let taken = 0
    while (this.#bytes > 0 && taken < room && taken < available) {
      const first = this.#pieces[0]!
      const part = first.subarray(0, Math.min(room, available) - taken)
      filler.target.set(part, filler.filled)
      filler.filled += part.byteLength
      taken += part.byteLength
      this.#bytes -= part.byteLength
      if (part.byteLength === first.byteLength) this.#pieces.shift()
      else this.#pieces[0] = first.subarray(part.byteLength)
    }
    if (this.#ended && this.#bytes === 0) this.#resolve(filler)
    else if (cut !== undefined && taken > 0) this.#resolve(filler)
    else this.#settle(filler)
    if (taken > 0 || this.finished) this.#options.onTaken(taken)
  }

  /** All of it came; or nothing more since the turn before. */
  #settle(filler: Filler): void {
    if (filler.filled === filler.target.byteLength) this.#resolve(filler)
    else if (filler.filled > 0 && this.#watched !== filler) this.#watch(filler)
  }

  #watch(filler: Filler): void {
    this.#watched = filler
    this.#filledBefore = filler.filled
    if (this.#watcher === undefined)
      this.#watcher = setTimeout(() => this.#look(), FILL_PATIENCE_MS)
    else this.#watcher.refresh()
  }

  #look(): void {
    const filler = this.#watched
    if (filler === undefined || this.#filler !== filler) return
    if (filler.filled === this.#filledBefore) this.#resolve(filler)
    else this.#watch(filler)
  }

  #resolve(filler: Filler): void {
    if (this.#filler !== filler) return
    this.#filler = undefined
    this.#watched = undefined
    filler.resolve(filler.filled)
  }

  #next(): Uint8Array | undefined {
    const { cut } = this.#options
    if (cut !== undefined && this.#bytes > 0) return this.#exactly(cut(this.#bytes))
    const piece = this.#pieces.shift()
    this.#bytes -= piece?.byteLength ?? 0
    return piece
  }

  #exactly(count: number): Uint8Array {
    const parts: Uint8Array[] = []
    this.#bytes -= count
    while (count > 0) {
      const first = this.#pieces[0]!
      const part = first.subarray(0, count)
      if (part.byteLength === first.byteLength) this.#pieces.shift()
      else this.#pieces[0] = first.subarray(count)
      count -= part.byteLength
      parts.push(part)
    }
    return concat(parts)
  }
}
