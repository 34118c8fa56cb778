/** A file as a source of bytes that must not change while they are read (specs/005-storage.md, "Input files"). */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { DstoreError } from '../errors.ts'
import { PIECE_BYTES } from '../limits.ts'
import type { ByteRange } from '../hash/tree.ts'

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
      throw new DstoreError('unreadable', `${path}: ${reason(cause)}`, { cause })
    }
    const stat = await file.stat({ bigint: true })
    if (stat.isFile()) return new FileSource(path, file, Number(stat.size), stat.mtimeNs)
    await file.close()
    const what = stat.isDirectory() ? 'is a directory' : 'is not a regular file'
    throw new DstoreError('unreadable', `${path}: ${what}`)
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
        if (bytesRead === 0) throw this.#changed()
        filled += bytesRead
      }
      yield piece
      at += piece.byteLength
    }
  }

  /** `changed` unless the file is as long, and was last written to when, it was opened. */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeNs } = await this.#file.stat({ bigint: true })
    if (Number(size) !== this.size || mtimeNs !== this.#mtimeNs) throw this.#changed()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #read(into: Uint8Array, offset: number, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(into, offset, into.byteLength - offset, position)
      return bytesRead
    } catch (cause) {
      throw new DstoreError('unreadable', `${this.path}: ${reason(cause)}`, { cause })
    }
  }

  #changed(): DstoreError {
    return new DstoreError('changed', `${this.path}: changed while it was being read`)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'is a directory',
  ELOOP: 'too many links',
  EIO: 'the device reported an error',
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS[code ?? ''] ?? message
}
