/**
 * The log file of a daemon in the background. It is rotated when full, so that only it and `PATH.1`
 * ever exist (R007-77).
 */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs'
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
 * Appends lines to the file. Drops those that it cannot write, also where the file cannot even be
 * opened: the daemon must not end for them (R007-113).
 */
export function logToFile(path: string, maxBytes: number = LOG_FILE_BYTES): (line: string) => void {
  let fd: number | undefined
  let size = 0
  return (line) => {
    const bytes = Buffer.from(line)
    try {
      if (fd === undefined) {
        fd = openLog(path, maxBytes)
        size = fstatSync(fd).size
      }
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

/**
 * Writes lines to stderr. Drops those that it cannot write: Node's stream would write none after
 * the first that a full disk refuses.
 */
export function logToStderr(): (line: string) => void {
  // A closed stderr must not end the daemon.
  process.stderr.on('error', () => undefined)
  // A pipe or a terminal may have to be waited for, which only the stream can.
  if (!fstatSync(STDERR).isFile()) return (line) => void process.stderr.write(line)
  return (line) => {
    try {
      writeSync(STDERR, line)
    } catch {
      // As above.
    }
  }
}

const STDERR = 2

function rotate(path: string): number {
  // An earlier attempt may have renamed it, and then found no descriptor for the next.
  if (existsSync(path)) renameSync(path, `${path}.1`)
  return openOwn(path)
}

/** Opens the file for appending; its owner may read and write it, whatever the umask. */
function openOwn(path: string): number {
  const fd = openSync(path, 'a', 0o600)
  const { mode } = fstatSync(fd)
  if ((mode & 0o600) !== 0o600) fchmodSync(fd, (mode & 0o777) | 0o600)
  return fd
}
