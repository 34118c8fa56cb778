/** An empty file of a client, which the daemon writes a value to (R007-182). */
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { DstoreError } from '../../errors.ts'
import { COPY_WINDOW_BYTES } from '../../limits.ts'
import type { CopyTarget } from '../../node/node.ts'
import { EarlySync } from '../../store/file/early-sync.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'

const files = {
  open: promisify(fs.open),
  lstat: promisify(fs.lstat) as (
    path: string,
    options: { readonly bigint: true },
  ) => Promise<fs.BigIntStats>,
  write: promisify(fs.write),
  fdatasync: promisify(fs.fdatasync),
  close: promisify(fs.close),
}

/** It is there, is no link, and is never created. */
const FLAGS =
  fs.constants.O_WRONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY

/** A file as the client holds it open. */
export interface NamedFile {
  /** Absolute. */
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  /** What messages call it. */
  readonly name: string
}

export class TargetFile implements CopyTarget {
  readonly fd: number
  readonly name: string
  readonly #onWritten: (doneBytes: number) => void
  #doneBytes = 0
  readonly #early: EarlySync

  private constructor(fd: number, name: string, onWritten: (doneBytes: number) => void) {
    this.fd = fd
    this.name = name
    this.#onWritten = onWritten
    this.#early = new EarlySync({ sync: () => files.fdatasync(fd) })
  }

  /**
   * Opens the file. `onWritten` is called with the bytes written so far. Errors: `unwritable` if
   * the path leads to anything but this file, empty.
   */
  static async open(file: NamedFile, onWritten: (doneBytes: number) => void): Promise<TargetFile> {
    const { path, name } = file
    let fd: number
    try {
      // To open a pipe or a device may already have an effect, so only a regular file is opened.
      check(await files.lstat(path, { bigint: true }), file)
      fd = await files.open(path, FLAGS)
    } catch (error) {
      throw error instanceof DstoreError ? error : unwritableFile(`write to ${name}`, error)
    }
    try {
      check(fs.fstatSync(fd, { bigint: true }), file)
      return new TargetFile(fd, name, onWritten)
    } catch (error) {
      await files.close(fd)
      throw error
    }
  }

  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void> {
    return this.rewrite(bytes, this.#doneBytes)
  }

  async rewrite(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      this.#checkSynced()
      const length = Math.min(COPY_WINDOW_BYTES, bytes.byteLength - at)
      const { bytesWritten } = await files
        .write(this.fd, bytes, at, length, position + at)
        .catch((error: unknown) => {
          throw unwritableFile(`write to ${this.name}`, error)
        })
      at += bytesWritten
      const beyond = position + at - this.#doneBytes
      if (beyond > 0) this.wrote(beyond)
    }
  }

  wrote(count: number): void {
    this.#doneBytes += count
    this.#onWritten(this.#doneBytes)
    this.#early.wrote(this.#doneBytes)
  }

  /** Waits for what is in progress. The client itself syncs the rest, with the file's mode. */
  async finish(): Promise<void> {
    await this.#early.ended().catch(() => undefined)
    this.#checkSynced()
  }

  async close(): Promise<void> {
    await this.#early.ended().catch(() => undefined)
    await files.close(this.fd)
  }

  /** The system reports a failed write to the disk once: to the next sync. */
  #checkSynced(): void {
    try {
      this.#early.check()
    } catch (error) {
      throw unwritableFile(`write to ${this.name}`, error)
    }
  }
}

function check(found: fs.BigIntStats, { path, device, inode }: NamedFile): void {
  if (found.dev !== device || found.ino !== inode || !found.isFile()) {
    throw new DstoreError('unwritable', `${path} is another file here than for the client`)
  }
  if (found.size !== 0n) throw new DstoreError('unwritable', `${path} is not empty`)
}
