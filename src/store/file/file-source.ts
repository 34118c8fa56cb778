/** An input file, which must not change while it is read (specs/005-storage.md, "Input files"). */
import type { FileHandle } from 'node:fs/promises'
import type { Hashed } from '../../hash/hasher.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import { checkRegular, hashFile, openFile, type HashFileOptions } from './file-hasher.ts'
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
    const file = await openFile(path)
    try {
      const stats = await file.stat({ bigint: true })
      checkRegular(stats, path)
      return new FileSource(path, file, Number(stats.size), stats.mtimeNs)
    } catch (error) {
      await file.close()
      throw error
    }
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
