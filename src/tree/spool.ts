/** Bytes one behind another: the last ones in memory, the others in a file without a name. */
import { KIB } from '../limits.ts'
import { NamelessFile } from './nameless-file.ts'

/** What is written at once, and read at once. */
const WINDOW_BYTES = 64 * KIB

export class Spool {
  readonly #file: NamelessFile
  /** What is not written yet. */
  readonly #tail = new Uint8Array(WINDOW_BYTES)
  #tailBytes = 0
  /** Bytes in the file. */
  #written = 0
  readonly #window = new Uint8Array(WINDOW_BYTES)
  #windowAt = 0
  #windowBytes = 0

  /** The file is made in this folder, by default that of the system. */
  constructor(folder?: string) {
    this.#file = new NamelessFile(folder)
  }

  /** Adds at most `WINDOW_BYTES`. Returns where they are. Errors: `unwritable`, `no-space`. */
  append(bytes: Uint8Array): number {
    if (this.#tailBytes + bytes.byteLength > WINDOW_BYTES) {
      this.#file.append(this.#tail.subarray(0, this.#tailBytes))
      this.#written += this.#tailBytes
      this.#tailBytes = 0
    }
    const at = this.#written + this.#tailBytes
    this.#tail.set(bytes, this.#tailBytes)
    this.#tailBytes += bytes.byteLength
    return at
  }

  /** What was added there, or a part of it. Valid until the next call. */
  read(at: number, length: number): Uint8Array {
    if (at >= this.#written) {
      return this.#tail.subarray(at - this.#written, at - this.#written + length)
    }
    const isInWindow = at >= this.#windowAt && at + length <= this.#windowAt + this.#windowBytes
    if (!isInWindow) {
      // Often what is read next lies before this: half of the window does.
      this.#windowAt = Math.max(0, Math.min(at - WINDOW_BYTES / 2, this.#written - WINDOW_BYTES))
      this.#windowBytes = Math.min(WINDOW_BYTES, this.#written - this.#windowAt)
      this.#file.read(this.#window.subarray(0, this.#windowBytes), this.#windowAt)
    }
    return this.#window.subarray(at - this.#windowAt, at - this.#windowAt + length)
  }

  close(): void {
    this.#file.close()
  }
}
