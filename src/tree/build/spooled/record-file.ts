/** Records one behind another: the last ones in memory, the others in a file without a name. */
import { KIB } from '../../../limits.ts'
import { NamelessFile } from '../../nameless-file.ts'
import {
  RECORD_HEAD_BYTES,
  bodyBytes,
  decodeRecord,
  encodeRecord,
  type EntryRecord,
} from './entry-record.ts'

/** What is written at once, and read at once: more than any record has. */
const WINDOW_BYTES = 64 * KIB

export class RecordFile {
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

  /** Returns where it is. Errors: `unwritable`, `no-space`. */
  append(record: EntryRecord): number {
    const bytes = encodeRecord(record)
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

  read(at: number): EntryRecord {
    const head = this.#bytes(at, RECORD_HEAD_BYTES).slice()
    return decodeRecord(head, this.#bytes(at + RECORD_HEAD_BYTES, bodyBytes(head)))
  }

  close(): void {
    this.#file.close()
  }

  /** Valid until the next call. */
  #bytes(at: number, length: number): Uint8Array {
    if (at >= this.#written) {
      return this.#tail.subarray(at - this.#written, at - this.#written + length)
    }
    const isInWindow = at >= this.#windowAt && at + length <= this.#windowAt + this.#windowBytes
    if (!isInWindow) {
      // Folders are read from their last entry to their first: half of it lies before this one.
      this.#windowAt = Math.max(0, Math.min(at - WINDOW_BYTES / 2, this.#written - WINDOW_BYTES))
      this.#windowBytes = Math.min(WINDOW_BYTES, this.#written - this.#windowAt)
      this.#file.read(this.#window.subarray(0, this.#windowBytes), this.#windowAt)
    }
    return this.#window.subarray(at - this.#windowAt, at - this.#windowAt + length)
  }
}
