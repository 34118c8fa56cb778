/**
 * Standard streams that were closed when the program began (R007-98). Node opens /dev/null in their
 * place before any JavaScript runs, so that an output would be lost and an input be empty without
 * an error.
 */
import { fstatSync, readSync, statSync, writeSync } from 'node:fs'

/** How the first lines of the installed command report closed streams: `PID:DIGITS`. */
const VARIABLE = 'DSTORE_CLOSED'

const REPORT = process.env[VARIABLE]
// The daemon in the background has streams of its own.
delete process.env[VARIABLE]

/** Was standard input (0) or standard output (1) closed when this process began? */
export function isClosed(fd: 0 | 1): boolean {
  const [pid, digits = ''] = REPORT?.split(':') ?? []
  // The variable may be inherited from another command.
  return pid === String(process.pid) ? digits.includes(String(fd)) : isReplaced(fd)
}

/**
 * Does the stream look like Node's replacement? That is open for reading and writing, and a
 * redirection of a shell for one of them.
 */
function isReplaced(fd: 0 | 1): boolean {
  try {
    const found = fstatSync(fd)
    if (!found.isCharacterDevice() || found.rdev !== statSync('/dev/null').rdev) return false
    // On /dev/null neither has an effect, and each fails on a stream that is not open for it.
    readSync(fd, new Uint8Array(1))
    writeSync(fd, new Uint8Array(1))
    return true
  } catch {
    return false
  }
}
