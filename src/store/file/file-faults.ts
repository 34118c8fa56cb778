/** Faults of files that a user names. */
import { NO_SUCH_FILE, systemFault } from '../../errno.ts'
import type { SystemFault } from '../../errno.ts'
import { DstoreError, systemError } from '../../errors.ts'

export function unreadableFile(name: string, error: unknown): DstoreError {
  const system = meaningOf(error)
  const fault = system.code === 'busy' ? system : { ...system, code: 'unreadable' as const }
  return systemError(fault, `cannot read ${name}`, error)
}

/** `doing` is the attempt, such as "write to FILE", with a file or a directory that is new. */
export function unwritableFile(doing: string, error: unknown): DstoreError {
  const system = meaningOf(error)
  // What is written need not exist, but the directory for it must.
  const reason = system.reason === NO_SUCH_FILE ? 'no such directory' : system.reason
  const code = system.code === 'unreadable' ? 'unwritable' : system.code
  return systemError({ ...system, code, reason }, `cannot ${doing}`, error)
}

function meaningOf(error: unknown): SystemFault {
  const { code, message } = (error ?? {}) as { code?: string; message?: string }
  const reason = code ?? message ?? 'unknown fault'
  return systemFault(error) ?? { code: 'unreadable', reason }
}

export function changedFile(name: string, what: string): DstoreError {
  return new DstoreError('changed', `${name} ${what} while it was being read`)
}
