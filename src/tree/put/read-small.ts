/** Reads small files of a tree whole, without waiting: that costs less than another thread. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { DstoreError } from '../../errors.ts'
import { INLINE_VALUE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from '../../store/file/file-faults.ts'

/** A named pipe that has taken the file's place would make its reader wait. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** Memory to read a small file, and to notice that it is larger. */
const buffer = new Uint8Array(INLINE_VALUE_BYTES + 1)

/** The file that is meant: any other has replaced it. */
export interface Meant {
  readonly dev: bigint
  readonly ino: bigint
}

/**
 * The bytes of a regular file of at most `INLINE_VALUE_BYTES`; undefined for a longer one. Errors,
 * which call it `label`: `unreadable`; `changed` if it is written to meanwhile.
 */
export function readSmall(path: string, label: string, meant?: Meant): Uint8Array | undefined {
  try {
    const fd = openSync(path, FLAGS)
    try {
      const stats = fstatSync(fd, { bigint: true })
      const isOther = meant !== undefined && (stats.dev !== meant.dev || stats.ino !== meant.ino)
      if (isOther || !stats.isFile()) throw changedFile(label, 'was replaced')
      let length = 0
      while (length < buffer.byteLength) {
        const read = readSync(fd, buffer, length, buffer.byteLength - length, null)
        if (read === 0) break
        length += read
      }
      if (length > INLINE_VALUE_BYTES) return undefined
      const { size, mtimeNs } = fstatSync(fd, { bigint: true })
      const isWritten = size !== stats.size || mtimeNs !== stats.mtimeNs
      if (isWritten) throw changedFile(label, 'was written to')
      return buffer.slice(0, length)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (error instanceof DstoreError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw changedFile(label, 'was removed')
    throw unreadableFile(label, error)
  }
}
