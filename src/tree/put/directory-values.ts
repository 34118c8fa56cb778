/** The bytes of directories until they are sent: in memory, and beyond a bound in a file. */
import { MIB } from '../../limits.ts'
import { NamelessFile } from '../nameless-file.ts'

/** Bytes of directories that are kept in memory. */
const MEMORY_BYTES = 16 * MIB

/** Where the bytes of one directory are. */
export type Kept = Uint8Array | { readonly at: number; readonly length: number }

export class DirectoryValues {
  readonly #memoryBytes: number
  readonly #file: NamelessFile
  #memory = 0

  /** The file is made in this folder, by default that of the system. */
  constructor(memoryBytes: number = MEMORY_BYTES, folder?: string) {
    this.#memoryBytes = memoryBytes
    this.#file = new NamelessFile(folder)
  }

  /** Errors: `unwritable`, `no-space`. */
  keep(bytes: Uint8Array): Kept {
    const { byteLength: length } = bytes
    if (this.#memory + length > this.#memoryBytes) return { at: this.#file.append(bytes), length }
    this.#memory += length
    return bytes
  }

  read(kept: Kept): Uint8Array {
    if (kept instanceof Uint8Array) return kept
    const bytes = new Uint8Array(kept.length)
    this.#file.read(bytes, kept.at)
    return bytes
  }

  close(): void {
    this.#file.close()
  }
}
