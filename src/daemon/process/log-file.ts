/**
 * The log file of a daemon in the background. It is rotated when full, so that only it and `PATH.1`
 * ever exist (R007-77).
 */
import { closeSync, fchmodSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { LOG_FILE_BYTES } from '../../limits.ts'

/** Environment variable with the path of the log file, for a daemon in the background. */
export const LOG_FILE_VARIABLE = 'DSTORE_LOG_FILE'

/** Opens the file as stdout and stderr of a daemon: for output before it logs, and for crashes. */
export function openLog(path: string, maxBytes: number = LOG_FILE_BYTES): number {
  const fd = openOwn(path)
  if (fstatSync(fd).size <= maxBytes) return fd
  closeSync(fd)
  return rotate(path)
}

/**
 * Appends lines to the file. Drops those that it cannot write: the daemon must not end for them.
 */
export function logToFile(path: string, maxBytes: number = LOG_FILE_BYTES): (line: string) => void {
  let fd = openLog(path, maxBytes)
  let { size } = fstatSync(fd)
  return (line) => {
    const bytes = Buffer.from(line)
    try {
      if (size > 0 && size + bytes.byteLength > maxBytes) {
        const next = rotate(path)
        closeSync(fd)
        fd = next
        size = 0
      }
      size += writeSync(fd, bytes)
    } catch {
      // The disk is full or the directory is gone, and no other place to report it exists.
    }
  }
}

function rotate(path: string): number {
  renameSync(path, `${path}.1`)
  return openOwn(path)
}

/** Opens the file for appending; its owner may read and write it, whatever the umask. */
function openOwn(path: string): number {
  const fd = openSync(path, 'a', 0o600)
  const { mode } = fstatSync(fd)
  if ((mode & 0o600) !== 0o600) fchmodSync(fd, (mode & 0o777) | 0o600)
  return fd
}
