/**
 * Why the system wrote less to LMDB's file than LMDB asked for. LMDB takes every short write for an
 * error of the disk. The next write would get the reason; LMDB makes none.
 */
import { EIO } from '../faults.ts'
import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'

/** The error, or that of a file that cannot grow, if the one at `path` has reached the limit. */
export function explained(error: unknown, path: string): unknown {
  const isShort = error instanceof Error && 'code' in error && error.code === EIO
  if (!isShort || !isAtLimit(path)) return error
  const text = `EFBIG: ${path} has reached the limit on the size of files`
  return Object.assign(new Error(text, { cause: error }), { code: 'EFBIG', syscall: 'write' })
}

/** POSIX asks for the first; bash has the second unless it is called `sh`. */
const BLOCK_BYTES = [512, 1024]

function isAtLimit(path: string): boolean {
  try {
    // Node cannot ask for a limit; a shell inherits it. It has whole blocks, of a size that
    // depends on the shell.
    const limit = Number(execFileSync('/bin/sh', ['-c', 'ulimit -f'], { encoding: 'utf8' }))
    const { size } = statSync(path)
    return BLOCK_BYTES.some((bytes) => Math.floor(size / bytes) === limit)
  } catch {
    // The file may be gone, and a process may be refused.
    return false
  }
}

/** LMDB gives the reason of a failed commit in a separate promise. */
export async function reasonOf(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error && 'commitError' in thrown)) return thrown
  try {
    return await thrown.commitError
  } catch (reason) {
    return reason
  }
}
