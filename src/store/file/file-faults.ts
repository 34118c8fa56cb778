/** Faults of files that a user names. */
import { systemFault } from '../../errno.ts'
import { DstoreError, systemError } from '../../errors.ts'

export function unreadableFile(name: string, error: unknown): DstoreError {
  const { code = 'unknown fault' } = (error ?? {}) as { code?: string | undefined }
  const system = systemFault(error) ?? { code: 'unreadable', reason: code }
  const fault = system.code === 'busy' ? system : { ...system, code: 'unreadable' as const }
  return systemError(fault, `cannot read ${name}`, error)
}

export function changedFile(name: string, what: string): DstoreError {
  return new DstoreError('changed', `${name} ${what} while it was being read`)
}
