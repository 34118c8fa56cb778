/** A file of a caller, which must not be written to while it is read (005, "input files"). */
import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { DstoreError } from '../../errors.ts'
import { PIECE_BYTES, VALUE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { FileIdentity } from './file-identity.ts'

/** Without O_NONBLOCK, opening a named pipe would wait for a writer indefinitely. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** The part of an open file that is used here. */
export type OpenFile = Pick<FileHandle, 'fd' | 'stat' | 'read' | 'close'>

/** An open regular file. The caller must close it. */
export class FileSource {
  readonly path: string
  readonly identity: FileIdentity
  /**
   * Length at the opening, in bytes; undefined if only its end tells it. Procfs states 0 for every
   * file, sysfs a page; other file systems, too, state sizes that reading does not confirm.
   */
  readonly size: number | undefined
  readonly #file: OpenFile
  readonly #mtimeNs: bigint

  private constructor(path: string, file: OpenFile, stats: BigIntStats, size: number | undefined) {
    this.path = path
    this.identity = identityOf(stats)
    this.size = size
    this.#file = file
    this.#mtimeNs = stats.mtimeNs
  }

  /**
   * Errors: `unreadable` if the file is missing, forbidden, not a regular file, or not the expected
   * one.
   */
  static async open(path: string, expected?: FileIdentity): Promise<FileSource> {
    let file: FileHandle
    try {
      // To open a pipe or a device may already have an effect, so only a regular file is opened.
      checkRegular(await stat(path, { bigint: true }), path)
      file = await open(path, FLAGS)
    } catch (error) {
      throw error instanceof DstoreError ? error : unreadableFile(path, error)
    }
    try {
      return await FileSource.of(file, path, expected)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** The file behind a handle, which it closes in the end unless this fails. */
  static async of(file: OpenFile, path: string, expected?: FileIdentity): Promise<FileSource> {
    const stats = await file.stat({ bigint: true })
    checkRegular(stats, path)
    if (expected !== undefined) checkSame(identityOf(stats), expected, path)
    return new FileSource(path, file, stats, await lengthOf(file, stats.size))
  }

  get fd(): number {
    return this.#file.fd
  }

  /**
   * The bytes of a range of a file of known size, each piece in a new array of at most
   * `PIECE_BYTES`. Errors: `changed` if the file has become shorter, `unreadable` if a read fails.
   */
  async *read({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at))
      await this.readInto(piece, at)
      yield piece
      at += piece.byteLength
    }
  }

  /**
   * The whole file, in pieces as those of `read`. Gives the last piece only when the file has not
   * changed until then. One of unknown size can be read once. Errors: `changed`, `unreadable`.
   */
  async *readToEnd(): AsyncGenerator<Uint8Array> {
    let last: Uint8Array | undefined
    const { size } = this
    for await (const piece of size === undefined
      ? this.#rest()
      : this.read({ start: 0, end: size })) {
      if (last !== undefined) yield last
      last = piece
    }
    await this.checkUnchanged()
    if (last !== undefined) yield last
  }

  /** Fills the array from a position of a file of known size. Errors: `changed`, `unreadable`. */
  async readInto(into: Uint8Array, position: number): Promise<void> {
    for (let filled = 0; filled < into.byteLength;) {
      const bytes = await this.#read(into.subarray(filled), position + filled)
      if (bytes === 0) throw changedFile(this.path, 'shrank')
      filled += bytes
    }
  }

  /** Fills the array with what comes next in a file of unknown size; less only at its end. */
  async readNext(into: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < into.byteLength) {
      const bytes = await this.#read(into.subarray(filled), null)
      if (bytes === 0) break
      filled += bytes
    }
    return filled
  }

  /**
   * Throws `changed` unless the size and the time of the last write are those of the opening, and
   * the file ends where it did then.
   */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeNs } = await this.#file.stat({ bigint: true })
    if (size !== this.identity.size || mtimeNs !== this.#mtimeNs) {
      throw changedFile(this.path, 'was written to')
    }
    if (this.size === undefined) return
    if ((await this.#read(new Uint8Array(1), this.size)) > 0) throw changedFile(this.path, 'grew')
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async *#rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = new Uint8Array(PIECE_BYTES)
      const filled = await this.readNext(piece)
      if (filled < PIECE_BYTES) {
        if (filled > 0) yield piece.slice(0, filled)
        return
      }
      yield piece
    }
  }

  /** Bytes read; 0 at the end. A position of null reads on: not all files can seek. */
  async #read(into: Uint8Array, position: number | null): Promise<number> {
    try {
      return (await this.#file.read(into, 0, into.byteLength, position)).bytesRead
    } catch (cause) {
      throw unreadableFile(this.path, cause)
    }
  }
}

function identityOf({ dev, ino, size }: BigIntStats): FileIdentity {
  return { device: dev, inode: ino, size }
}

function checkRegular(stats: BigIntStats, path: string): void {
  if (stats.isDirectory()) throw new DstoreError('unreadable', `${path} is a directory`)
  if (!stats.isFile()) throw new DstoreError('unreadable', `${path} is not a regular file`)
}

function checkSame(found: FileIdentity, expected: FileIdentity, path: string): void {
  const { device, inode, size } = expected
  if (found.device === device && found.inode === inode && found.size === size) return
  throw new DstoreError('unreadable', `${path} is another file here than for the caller`)
}

/**
 * The stated size, if a byte ends there and none follows; else undefined. A stated 0 is not looked
 * into: some files of the system give a byte only once, wherever it is read.
 */
async function lengthOf(file: OpenFile, stated: bigint): Promise<number | undefined> {
  if (stated <= 0n || stated > VALUE_BYTES) return undefined
  const size = Number(stated)
  const byte = new Uint8Array(1)
  try {
    if ((await file.read(byte, 0, 1, size - 1)).bytesRead === 0) return undefined
    return (await file.read(byte, 0, 1, size)).bytesRead === 0 ? size : undefined
  } catch {
    // It cannot be read at any position; reading it from the start may still work, or says why.
    return undefined
  }
}
