/** Reads a stream in the portions that are asked for, and nothing before it is asked for. */
import { concat } from '../../src/bytes.ts'
import { eachUntilAborted } from '../../src/deadline.ts'

const EMPTY: Uint8Array = new Uint8Array(0)

export class TarInput {
  readonly #pieces: AsyncGenerator<Uint8Array>
  #piece = EMPTY
  #failure: { readonly error: unknown } | undefined
  /** How many bytes have been read. */
  position = 0

  constructor(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#pieces = eachUntilAborted(bytes, signal)
  }

  /** The next bytes, at least one and at most `length`; undefined at the end. */
  async some(length: number): Promise<Uint8Array | undefined> {
    while (this.#piece.byteLength === 0) {
      if (this.#failure !== undefined) throw this.#failure.error
      try {
        const next = await this.#pieces.next()
        if (next.done === true) return undefined
        this.#piece = next.value
      } catch (error) {
        // Kept: a stream that failed reports its end when it is asked again.
        this.#failure = { error }
      }
    }
    const bytes = this.#piece.subarray(0, length)
    this.#piece = this.#piece.subarray(bytes.byteLength)
    this.position += bytes.byteLength
    return bytes
  }

  /** The next `length` bytes; fewer if they are the last. */
  async exactly(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let left = length; left > 0;) {
      const part = await this.some(left)
      if (part === undefined) break
      parts.push(part)
      left -= part.byteLength
    }
    return concat(parts)
  }

  /** Skip bytes. Returns false if there are fewer. */
  async skip(length: number): Promise<boolean> {
    for (let left = length; left > 0;) {
      const part = await this.some(left)
      if (part === undefined) return false
      left -= part.byteLength
    }
    return true
  }

  close(): void {
    void this.#pieces.return(undefined)
  }
}
