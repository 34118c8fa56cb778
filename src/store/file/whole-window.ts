/** Reads and writes of a whole window on a thread, as a single one may be short. */
import { readSync, writeSync } from 'node:fs'

/** Fills the window; false if the file ends first. */
export function readFully(fd: number, window: Uint8Array, position: number): boolean {
  for (let done = 0; done < window.byteLength;) {
    const read = readSync(fd, window, done, window.byteLength - done, position + done)
    if (read === 0) return false
    done += read
  }
  return true
}

export function writeFully(fd: number, window: Uint8Array, position: number): void {
  for (let done = 0; done < window.byteLength;) {
    done += writeSync(fd, window, done, window.byteLength - done, position + done)
  }
}
