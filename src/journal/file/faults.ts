/** Converts errors of the filesystem into faults of the journal. */
import { ownFault, systemFault } from '../../errno.ts'
import { DstoreError, asDstoreError, systemError } from '../../errors.ts'

/** The error as a fault that names the attempt ("append to the journal"); faults unchanged. */
export function faultOf(error: unknown, doing: string): DstoreError {
  if (error instanceof DstoreError) return error
  const system = systemFault(error)
  if (system === undefined) return asDstoreError(error)
  return systemError(ownFault(system), `cannot ${doing}`, error)
}

export function isFull(error: unknown): boolean {
  return systemFault(error)?.code === 'no-space'
}

export function damaged(path: string, why: string): DstoreError {
  return new DstoreError('integrity', `the journal is damaged: ${path}: ${why}`)
}
