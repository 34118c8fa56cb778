/** An input file, which must not change while it is read (specs/005-storage.md, "Input files"). */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { DstoreError } from '../../errors.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import { hashFile, type HashFileOptions } from './file-hasher.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'

/** An open regular file. The caller must close it. */
export class FileSource {
  readonly path: string
  /** Length at the opening, in bytes. */
  readonly size: number
  readonly #file: FileHandle
  readonly #mtimeNs: bigint

  private constructor(path: string, file: FileHandle, size: number, mtimeNs: bigint) {
    this.path = path
    this.#file = file
    this.size = size
    this.#mtimeNs = mtimeNs
  }

  /** Errors: `unreadable` if the file is missing, forbidden or not a regular file. */
  static async open(path: string): Promise<FileSource> {
    let file: FileHandle
    try {
      // Without O_NONBLOCK, opening a named pipe would wait for a writer indefinitely.
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
   * The bytes of a range, each piece in a new array of at most `PIECE_BYTES`. Errors: `changed` if
   * the file has become shorter, `unreadable` if a read fails.
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

  /** The file's digest and outboard. Errors: `unreadable`, `changed`, `cancelled`. */
  hash(options: Omit<HashFileOptions, 'name'> = {}): Promise<Hashed> {
    return hashFile(this.#file, { ...options, name: this.path })
  }

  /** Throws `changed` if the length or the time of the last write is not that of the opening. */
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
