/**
 * The log of a daemon in the background: a file that is turned over when it has grown, so that it and the one before
 * it (`PATH.1`) are all there ever is (specs/007, R007-77).
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { LOG_FILE_BYTES } from '../../limits.ts'

/** Environment variable that names the file, for a daemon that was started in the background. */
export const LOG_FILE_VARIABLE = 'DSTORE_LOG_FILE'

/** Open the file for another process to write to: what it says before it has a log, and how it crashes. */
export function openLog(path: string, mostBytes: number = LOG_FILE_BYTES): number {
  const fd = openSync(path, 'a', 0o600)
  if (fstatSync(fd).size <= mostBytes) return fd
  closeSync(fd)
  return turnedOver(path)
}

/** Writes lines to the end of the file. What cannot be written is left out: it is no reason to end. */
export function logToFile(
  path: string,
  mostBytes: number = LOG_FILE_BYTES,
): (line: string) => void {
  let fd = openLog(path, mostBytes)
  let { size } = fstatSync(fd)
  return (line) => {
    const bytes = Buffer.from(line)
    try {
      if (size > 0 && size + bytes.byteLength > mostBytes) {
        const next = turnedOver(path)
        closeSync(fd)
        fd = next
        size = 0
      }
      size += writeSync(fd, bytes)
    } catch {
      // The disk is full, or the directory is gone: there is nobody to tell.
    }
  }
}

function turnedOver(path: string): number {
  renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}
