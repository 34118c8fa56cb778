/**
 * Standard streams that were closed when the program began (R007-98). Node opens /dev/null in their
 * place before any JavaScript runs, so that an output would be lost and an input be empty without
 * an error.
 */
import { fstatSync, readFileSync, statSync } from 'node:fs'

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
 * redirection of a shell for one of them. Only Linux tells.
 */
function isReplaced(fd: 0 | 1): boolean {
  try {
    const found = fstatSync(fd)
    if (!found.isCharacterDevice() || found.rdev !== statSync('/dev/null').rdev) return false
    const flags = /^flags:\t0*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    return (Number.parseInt(flags?.[1] ?? '0', 8) & ACCESS_MODE) === READ_AND_WRITE
  } catch {
    return false
  }
}

/** As `open` of the system counts them. */
const ACCESS_MODE = 0o3
const READ_AND_WRITE = 0o2
