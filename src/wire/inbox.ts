/** What has arrived on a channel and was not read yet: a transport pushes, one reader takes. */
import { concat } from '../bytes.ts'
import type { DstoreError } from '../errors.ts'

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

export class Inbox {
  readonly #options: InboxOptions
  readonly #pieces: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #reason: DstoreError | undefined
  #reader: Reader | undefined

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

  /** Drop what waits and reject the reader, now and later. Whoever has read everything still reads the end. */
  fail(reason: DstoreError): void {
    if (this.#reason !== undefined || this.finished) return
    this.#reason = reason
    this.#pieces.length = 0
    this.#bytes = 0
    this.#reader?.reject(reason)
    this.#reader = undefined
  }

  /** The next piece; undefined at the end; rejects with the reason given to `fail`. One at a time. */
  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#reader !== undefined) throw new TypeError('read: another read is waiting')
      if (this.#reason !== undefined) throw this.#reason
      this.#reader = { resolve, reject }
      this.#serve()
    })
  }

  #serve(): void {
    const reader = this.#reader
    if (reader === undefined || (this.#bytes === 0 && !this.#ended)) return
    this.#reader = undefined
    const piece = this.#next()
    reader.resolve(piece)
    this.#options.onTaken(piece?.byteLength ?? 0)
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
