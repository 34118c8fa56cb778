/** The bytes of directories until they are sent: in memory, and beyond a bound in a file. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unwritableFile } from '../../store/file/file-faults.ts'
import { MIB } from '../../limits.ts'

/** Bytes of directories that are kept in memory. */
const MEMORY_BYTES = 16 * MIB

/** Where the bytes of one directory are. */
export type Kept = Uint8Array | { readonly at: number; readonly length: number }

export class DirectoryValues {
  readonly #memoryBytes: number
  readonly #folder: string
  #memory = 0
  #fd: number | undefined
  #end = 0

  /** The file is made in this folder, and has no name there. */
  constructor(memoryBytes: number = MEMORY_BYTES, folder: string = tmpdir()) {
    this.#memoryBytes = memoryBytes
    this.#folder = folder
  }

  /** Errors: `unwritable`, `no-space`. */
  keep(bytes: Uint8Array): Kept {
    if (this.#memory + bytes.byteLength <= this.#memoryBytes) {
      this.#memory += bytes.byteLength
      return bytes
    }
    try {
      const at = this.#end
      this.#fd ??= openNameless(this.#folder)
      for (let done = 0; done < bytes.byteLength;) {
        done += writeSync(this.#fd, bytes, done, bytes.byteLength - done, at + done)
      }
      this.#end += bytes.byteLength
      return { at, length: bytes.byteLength }
    } catch (error) {
      throw unwritableFile(`write a temporary file in ${this.#folder}`, error)
    }
  }

  read(kept: Kept): Uint8Array {
    if (kept instanceof Uint8Array) return kept
    const bytes = new Uint8Array(kept.length)
    for (let done = 0; done < kept.length;) {
      const read = readSync(this.#fd!, bytes, done, kept.length - done, kept.at + done)
      if (read === 0) throw new Error('a temporary file was cut short')
      done += read
    }
    return bytes
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

function openNameless(folder: string): number {
  const path = join(folder, `dstore-tree-${randomBytes(8).toString('hex')}`)
  const fd = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  return fd
}
