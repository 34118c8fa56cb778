/** Bounds how long a call may wait: without progress (`deadline`), or in all (`inTime`). */
import { DstoreError, asDstoreError } from './errors.ts'

export interface Deadline {
  /** Aborted, with a `DstoreError` as reason, when the time is up or the caller cancels. */
  readonly signal: AbortSignal
  /** Progress was made, or the wait continues after a pause: the time starts over. */
  progress(): void
  /** The same, if the timer runs: it does not end a pause. */
  moved(): void
  /** The peer needs this many milliseconds more from now on, once, whatever progress it makes. */
  extend(ms: number): void
  /** Does the call wait for the peer? */
  readonly isRunning: boolean
  /** Stops the timer while the call waits for something other than the peer. */
  pauseTimer(): void
  /** Ends the call with this reason, as its caller could. */
  cancel(reason: DstoreError): void
  /** The call is over. */
  clear(): void
}

/** How many times its limit a call waits while only others that share its way make progress. */
const SHARED_PATIENCE = 10

/**
 * Expires after `ms` milliseconds without progress; `what` is the start of the error's message.
 * `sharedAt` says when anything last came by a way that the call shares with others, in
 * milliseconds of `performance.now`: then the call may wait its turn, within bounds.
 */
export function deadline(
  ms: number,
  what: string,
  caller?: AbortSignal,
  sharedAt?: () => number,
): Deadline {
  // Created on first use: it costs more than everything else here, and small calls need none.
  let controller: AbortController | undefined
  let reason: DstoreError | undefined
  let extendedUntil = 0
  const abort = (why: DstoreError): void => {
    reason ??= why
    controller?.abort(reason)
  }
  let progressAt = 0
  const expire = (): void => {
    const leftMs = leftOf(ms, progressAt, sharedAt)
    if (leftMs > 0) timer = setTimeout(expire, leftMs)
    else abort(late(ms, what))
  }
  const cancel = (): void => abort(cancelled(caller!))
  let timer: NodeJS.Timeout | undefined
  if (caller?.aborted === true) cancel()
  caller?.addEventListener('abort', cancel)
  const pauseTimer = (): void => {
    clearTimeout(timer)
    timer = undefined
  }
  const progress = (): void => {
    pauseTimer()
    if (sharedAt !== undefined) progressAt = performance.now()
    const moreMs = extendedUntil === 0 ? 0 : Math.max(0, extendedUntil - performance.now())
    if (reason === undefined) timer = setTimeout(expire, ms + moreMs)
  }
  progress()
  return {
    get signal() {
      controller ??= new AbortController()
      if (reason !== undefined) controller.abort(reason)
      return controller.signal
    },
    get isRunning() {
      return timer !== undefined
    },
    progress,
    moved: () => {
      if (timer !== undefined) progress()
    },
    extend: (moreMs) => {
      extendedUntil = performance.now() + moreMs
      progress()
    },
    pauseTimer,
    cancel: abort,
    clear: () => {
      pauseTimer()
      caller?.removeEventListener('abort', cancel)
    },
  }
}

/** The milliseconds that a call may still wait which made no progress since `since`. */
function leftOf(ms: number, since: number, sharedAt: (() => number) | undefined): number {
  if (sharedAt === undefined) return 0
  const now = performance.now()
  return Math.min(sharedAt() + ms, since + SHARED_PATIENCE * ms) - now
}

export interface Limit {
  /** Milliseconds until the call times out. */
  readonly ms: number
  /** The start of the time-out's message: what did not happen. */
  readonly what: string
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `begin`, which reports a result or an error later. Rejects with `timeout` or `cancelled` if
 * the limit comes first. Calls what `begin` returned once, however the call ends. Costs one timer,
 * because thousands of calls are under way at once.
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
  new DstoreError('timeout', `${what} within ${Number((ms / 1000).toPrecision(2))} s`)

const cancelled = (signal: AbortSignal): DstoreError =>
  new DstoreError('cancelled', 'cancelled', { cause: signal.reason })

/** Settles with the promise, or rejects with the signal's reason if that comes first. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // If the signal is first, the promise is abandoned, and its failure must not end the process.
  promise.catch(() => undefined)
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

/** Yields the items; throws the signal's reason at once when it is aborted, even during a wait. */
export async function* eachUntilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal)
      isOver = next.done === true
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // Not awaited: the return of a generator that hangs does not resolve.
    if (!isOver) iterator.return?.()?.then(undefined, () => undefined)
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
