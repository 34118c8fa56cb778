/** A time without progress after which a call gives up. */
import { DstoreError } from '../errors.ts'

export interface Deadline {
  /** Aborted, with a `DstoreError` as reason, when the time is over or the caller gave up. */
  readonly signal: AbortSignal
  /** There was progress, or the wait goes on after a rest: count anew. */
  progress(): void
  /** Nobody waits for a peer now: do not count. */
  rest(): void
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
  const rest = (): void => clearTimeout(timer)
  return {
    signal: controller.signal,
    progress: () => {
      rest()
      if (!controller.signal.aborted) timer = setTimeout(expire, ms)
    },
    rest,
    clear: () => {
      rest()
      caller?.removeEventListener('abort', cancel)
    },
  }
}

/** The outcome of a promise, or the signal's reason if that comes first. The promise itself goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop!)
  }
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, signal.aborted ? 0 : ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
