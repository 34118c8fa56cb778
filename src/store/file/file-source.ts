/** A file as a source of bytes that must not change while they are read (specs/005-storage.md, "Input files"). */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { DstoreError } from '../../errors.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import { hashFile, type HashFileOptions } from './file-hasher.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'

/** An open regular file. Close it. */
export class FileSource {
  readonly path: string
  /** Length when it was opened, in bytes. */
  readonly size: number
  readonly #file: FileHandle
  readonly #mtimeNs: bigint

  private constructor(path: string, file: FileHandle, size: number, mtimeNs: bigint) {
    this.path = path
    this.#file = file
    this.size = size
    this.#mtimeNs = mtimeNs
  }

  /** Errors: `unreadable` where there is no such file, it may not be read, or is not a regular file. */
  static async open(path: string): Promise<FileSource> {
    let file: FileHandle
    try {
      // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
      file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (cause) {
      throw unreadableFile(path, cause)
    }
    const stat = await file.stat({ bigint: true })
    if (stat.isFile()) return new FileSource(path, file, Number(stat.size), stat.mtimeNs)
    await file.close()
    const what = stat.isDirectory() ? 'is a directory' : 'is not a regular file'
    throw new DstoreError('unreadable', `${path} ${what}`)
  }

  /**
   * The bytes of a range, each piece in an array of its own of at most `PIECE_BYTES`. Errors: `changed` where the
   * file is shorter by now, `unreadable` where a read fails.
   */
  async *read({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at))
      for (let filled = 0; filled < piece.byteLength;) {
        const bytesRead = await this.#read(piece, filled, at + filled)
        if (bytesRead === 0) throw changedFile(this.path, 'shrank')
        filled += bytesRead
      }
      yield piece
      at += piece.byteLength
    }
  }

  /** Its key and outboard. Errors: `unreadable`, `changed`, `cancelled`. */
  hash(options: Omit<HashFileOptions, 'name'> = {}): Promise<Hashed> {
    return hashFile(this.#file, { ...options, name: this.path })
  }

  /** `changed` unless the file is as long, and was last written to when, it was opened. */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeNs } = await this.#file.stat({ bigint: true })
    if (Number(size) !== this.size || mtimeNs !== this.#mtimeNs)
      throw changedFile(this.path, 'was written to')
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #read(into: Uint8Array, offset: number, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(into, offset, into.byteLength - offset, position)
      return bytesRead
    } catch (cause) {
      throw unreadableFile(this.path, cause)
    }
  }
}
