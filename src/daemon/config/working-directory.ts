/** Paths that are relative to the working directory, which may be gone. */
import { resolve } from 'node:path'
import { systemFault } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { checkLossless } from '../../utf8.ts'

/**
 * The absolute path; `what` is its name in errors. `unreadable` if it is relative and the working
 * directory cannot be found, `usage` if it is not UTF-8.
 */
export function absolutePath(path: string, what: string): string {
  return checkLossless(fromWorkingDirectory(checkLossless(path, what)), `the path of ${what}`)
}

function fromWorkingDirectory(path: string): string {
  try {
    return resolve(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = systemFault(cause)?.reason ?? message
    const what = code === 'ENOENT' ? 'no longer exists' : `cannot be found: ${why}`
    throw new DstoreError('unreadable', `the working directory ${what}`, {
      cause,
      hint: `change to another one, or write an absolute path instead of ${path}`,
    })
  }
}
