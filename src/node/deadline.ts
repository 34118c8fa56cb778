/** A time without progress after which a call gives up. */
import { DstoreError } from '../errors.ts'

export interface Deadline {
  /** Aborted, with a `DstoreError` as reason, when the time is over or the caller gave up. */
  readonly signal: AbortSignal
  /** There was progress: begin to count anew. */
  progress(): void
  /** The call is over. */
  clear(): void
}

/** Counts `ms` milliseconds; `what` says in the error's message what did not happen. */
export function deadline(ms: number, what: string, caller?: AbortSignal): Deadline {
  const controller = new AbortController()
  const expire = (): void => {
    controller.abort(new DstoreError('timeout', `${what} within ${ms / 1000} s`))
  }
  const cancel = (): void => {
    controller.abort(new DstoreError('cancelled', 'cancelled', { cause: caller?.reason }))
  }
  let timer = setTimeout(expire, ms)
  if (caller?.aborted === true) cancel()
  caller?.addEventListener('abort', cancel)
  return {
    signal: controller.signal,
    progress: () => {
      clearTimeout(timer)
      timer = setTimeout(expire, ms)
    },
    clear: () => {
      clearTimeout(timer)
      caller?.removeEventListener('abort', cancel)
    },
  }
}
