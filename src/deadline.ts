/** A time without progress after which a call gives up. */
import { DstoreError, asDstoreError } from './errors.ts'

export interface Deadline {
  /** Aborted, with a `DstoreError` as reason, when the time is over or the caller gave up. */
  readonly signal: AbortSignal
  /** There was progress, or the wait goes on after a rest: count anew. */
  progress(): void
  /** Nobody waits for a peer now: do not count. */
  pauseTimer(): void
  /** The call is over. */
  clear(): void
}

/** Counts `ms` milliseconds; `what` says in the error's message what did not happen. */
export function deadline(ms: number, what: string, caller?: AbortSignal): Deadline {
  // Made when somebody asks for it: it costs more than all the rest, and small calls need none.
  let controller: AbortController | undefined
  let reason: DstoreError | undefined
  const abort = (why: DstoreError): void => {
    reason ??= why
    controller?.abort(reason)
  }
  const expire = (): void => abort(late(ms, what))
  const cancel = (): void => abort(cancelled(caller!))
  let timer = setTimeout(expire, ms)
  if (caller?.aborted === true) cancel()
  caller?.addEventListener('abort', cancel)
  const rest = (): void => clearTimeout(timer)
  return {
    get signal() {
      controller ??= new AbortController()
      if (reason !== undefined) controller.abort(reason)
      return controller.signal
    },
    progress: () => {
      rest()
      if (reason === undefined) timer = setTimeout(expire, ms)
    },
    pauseTimer: rest,
    clear: () => {
      rest()
      caller?.removeEventListener('abort', cancel)
    },
  }
}

/** How long something may take, in milliseconds; what did not happen then; and who may give up before. */
export interface Limit {
  readonly ms: number
  readonly what: string
  readonly signal?: AbortSignal | undefined
}

/**
 * What `begin` is given to say what it is, or an error; or `timeout` or `cancelled` where the limit comes first. What `begin`
 * returns is called when it is over, however that was. Of the thousands that are under way at once each costs a timer and no
 * more.
 */
export function inTime<T>(
  { ms, what, signal }: Limit,
  begin: (resolve: (make: () => T) => void, reject: (error: Error) => void) => () => unknown,
): Promise<T> {
  if (signal?.aborted === true) return Promise.reject(cancelled(signal))
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined
    let isOver = false
    const over = (): void => {
      isOver = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      stop?.()
    }
    const fail = (error: Error): void => {
      over()
      reject(error)
    }
    const succeed = (make: () => T): void => {
      over()
      try {
        resolve(make())
      } catch (error) {
        reject(asDstoreError(error))
      }
    }
    const cancel = (): void => fail(cancelled(signal!))
    const timer = setTimeout(() => fail(late(ms, what)), ms)
    signal?.addEventListener('abort', cancel)
    try {
      stop = begin(succeed, fail)
      if (isOver) stop()
    } catch (error) {
      fail(error as Error)
    }
  })
}

const late = (ms: number, what: string): DstoreError =>
  new DstoreError('timeout', `${what} within ${ms / 1000} s`)

const cancelled = (signal: AbortSignal): DstoreError =>
  new DstoreError('cancelled', 'cancelled', { cause: signal.reason })

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
