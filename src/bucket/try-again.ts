/** Tries again what had no answer, where to begin again from the start would cost much more. */
import { pause } from '../deadline.ts'
import { DstoreError, throwIfCancelled } from '../errors.ts'
import { ARCHIVE_SILENCE_MS } from '../limits.ts'

/** Pauses in milliseconds. Each try is several requests, with pauses of the client's own. */
const PAUSES_MS = [1_000, 4_000]

export interface TryAgainOptions {
  readonly signal: AbortSignal
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
  /** In milliseconds. */
  readonly now?: () => number
}

/**
 * Runs it again after `unreachable`, a few times, unless the bucket was silent for so long that
 * callers wait for the fault. Must be safe to repeat.
 */
export async function tryAgain<T>(
  run: () => Promise<T>,
  { signal, sleep = pause, now = () => performance.now() }: TryAgainOptions,
): Promise<T> {
  const begun = now()
  for (const ms of PAUSES_MS) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof DstoreError && error.code === 'unreachable')) throw error
      if (now() - begun >= ARCHIVE_SILENCE_MS) throw error
    }
    throwIfCancelled(signal)
    await sleep(ms, signal)
    throwIfCancelled(signal)
  }
  return run()
}
