/** Waits until the archive has a change that must never come back (specs/011-archive.md). */
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { failureOf } from '../../../index/failure.ts'
import type { Failure } from '../../../index/message.ts'
import type { Store } from '../../../store/store.ts'

/**
 * Why the archive does not have what the store has now; undefined if it does, or there is none. The
 * change itself is made: a bucket that is away makes it `partial`, not undone.
 */
export async function unarchived(store: Pick<Store, 'archived'>): Promise<Failure | undefined> {
  try {
    await store.archived?.()
    return undefined
  } catch (error) {
    return failureOf(unconfirmed(asDstoreError(error)))
  }
}

function unconfirmed(cause: DstoreError): DstoreError {
  if (cause.code !== 'unreachable' && cause.code !== 'timeout') return cause
  const why = `done here, but not confirmed: the archive does not have it yet (${cause.message})`
  return new DstoreError('partial', why, {
    cause,
    hint: 'until it does, a restore would undo it; `dstore status` tells how far the archive is',
  })
}
