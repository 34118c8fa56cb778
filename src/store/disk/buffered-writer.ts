/** Joins small appends to a file into large writes: each write costs a trip to a thread. */
import type { Hashed } from '../../hash/hasher.ts'
import { KIB } from '../../limits.ts'
import type { FileContent } from '../store.ts'
import type { WritableFile } from './files.ts'

/** Buffer of each value being written; larger writes are not faster. */
export const WRITE_BUFFER_BYTES: number = 256 * KIB

/** One call at a time. Throws the file's errors, which may belong to bytes of an earlier call. */
export class BufferedWriter {
  readonly #file: WritableFile
  /** Bytes to write: the first `#length` of it. */
  #buffer: Uint8Array | undefined
  #length = 0

  constructor(file: WritableFile) {
    this.#file = file
  }

  /** The array may be reused when the promise resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      if (this.#length === 0 && rest.byteLength >= WRITE_BUFFER_BYTES) return this.#write(rest)
      this.#buffer ??= new Uint8Array(WRITE_BUFFER_BYTES)
      const taken = rest.subarray(0, WRITE_BUFFER_BYTES - this.#length)
      this.#buffer.set(taken, this.#length)
      this.#length += taken.byteLength
      rest = rest.subarray(taken.byteLength)
      if (this.#length === WRITE_BUFFER_BYTES) await this.flush()
    }
  }

  /** In place of any `append`. */
  copyFrom(file: FileContent): Promise<Hashed> {
    return this.#file.copyFrom(file)
  }

  /** Writes the buffer. */
  async flush(): Promise<void> {
    if (this.#length === 0) return
    await this.#write(this.#buffer!.subarray(0, this.#length))
    this.#length = 0
  }

  /** Writes the buffer, sets the mode and makes everything durable. */
  async seal(mode: number): Promise<void> {
    await this.flush()
    await this.#file.setMode(mode)
    await this.#file.sync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** Writes all bytes: a single write may be short. */
  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      rest = rest.subarray(await this.#file.write(rest))
    }
  }
}
