/** Calls that a daemon of an earlier version does not know. */
import { DstoreError, asDstoreError } from '../../../errors.ts'

/** The outcome of the call; `incompatible` if the daemon has no such path. `what`: it lacks. */
export async function known<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const { code, message } = asDstoreError(error)
    if (code !== 'usage' || !message.startsWith('no such path')) throw error
    throw withoutIt(`the daemon is of a version without ${what}`)
  }
}

export function withoutIt(message: string): DstoreError {
  return new DstoreError('incompatible', message, {
    hint: '`dstore stop` ends it, and the next command starts one of this version',
  })
}
