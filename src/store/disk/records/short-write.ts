/**
 * Why the system wrote less to LMDB's file than LMDB asked for. LMDB takes every short write for an
 * error of the disk. The next write would get the reason; LMDB makes none.
 */
import { readFileSync, statSync } from 'node:fs'

/** The errno that LMDB reports after a short write, as after a real error of the disk. */
export const EIO = 5

/** The error, or that of a file that cannot grow, if the one at `path` has reached the limit. */
export function explained(error: unknown, path: string): unknown {
  const isShort = error instanceof Error && 'code' in error && error.code === EIO
  if (!isShort || !isAtLimit(path)) return error
  const text = `EFBIG: ${path} has reached the limit on the size of files`
  return Object.assign(new Error(text, { cause: error }), { code: 'EFBIG', syscall: 'write' })
}

function isAtLimit(path: string): boolean {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    const limit = /^Max file size +(\d+) /m.exec(limits)?.[1]
    return limit !== undefined && statSync(path).size >= Number(limit)
  } catch {
    // Only Linux tells, and the file may be gone.
    return false
  }
}
