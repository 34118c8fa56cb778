/** A temporary file without a name: it goes with the process, however that ends. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unwritableFile } from '../store/file/file-faults.ts'

export class NamelessFile {
  readonly #folder: string
  #fd: number | undefined
  #end = 0

  /** It is made in this folder with the first bytes. */
  constructor(folder: string = tmpdir()) {
    this.#folder = folder
  }

  /** Returns where the bytes are. Errors: `unwritable`, `no-space`. */
  append(bytes: Uint8Array): number {
    try {
      const at = this.#end
      this.#fd ??= openNameless(this.#folder)
      for (let done = 0; done < bytes.byteLength;) {
        done += writeSync(this.#fd, bytes, done, bytes.byteLength - done, at + done)
      }
      this.#end += bytes.byteLength
      return at
    } catch (error) {
      throw unwritableFile(`write a temporary file in ${this.#folder}`, error)
    }
  }

  /** Fills `bytes` with what is there. */
  read(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.byteLength;) {
      const read = readSync(this.#fd!, bytes, done, bytes.byteLength - done, at + done)
      if (read === 0) throw new Error('a temporary file was cut short')
      done += read
    }
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
