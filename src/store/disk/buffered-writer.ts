/** A file that is appended to in pieces of any size, and written in large ones: each write is a trip to a thread. */
import { KIB } from '../../limits.ts'
import type { WritableFile } from './files.ts'

/** What comes in smaller pieces for a file is joined into writes of this size: memory of each value on its way in. */
export const FILE_JOIN_BYTES: number = 256 * KIB

/** One call at a time. Faults are those of the file; what was not flushed may come out at a later call. */
export class BufferedWriter {
  readonly #file: WritableFile
  /** What waits to be written: the first `#length` bytes. */
  #waiting: Uint8Array | undefined
  #length = 0

  constructor(file: WritableFile) {
    this.#file = file
  }

  /** The array may be reused when the promise resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      if (this.#length === 0 && rest.byteLength >= FILE_JOIN_BYTES) return this.#write(rest)
      this.#waiting ??= new Uint8Array(FILE_JOIN_BYTES)
      const taken = rest.subarray(0, FILE_JOIN_BYTES - this.#length)
      this.#waiting.set(taken, this.#length)
      this.#length += taken.byteLength
      rest = rest.subarray(taken.byteLength)
      if (this.#length === FILE_JOIN_BYTES) await this.flush()
    }
  }

  /** Write what waits. */
  async flush(): Promise<void> {
    if (this.#length === 0) return
    await this.#write(this.#waiting!.subarray(0, this.#length))
    this.#length = 0
  }

  /** Write what waits, and make everything durable with this mode. */
  async seal(mode: number): Promise<void> {
    await this.flush()
    await this.#file.setMode(mode)
    await this.#file.sync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** A write may take less than it is given. */
  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      rest = rest.subarray(await this.#file.write(rest))
    }
  }
}
