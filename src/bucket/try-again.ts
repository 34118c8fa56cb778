/** Tries again what had no answer, where to begin again from the start would cost much more. */
import { pause } from '../deadline.ts'
import { DstoreError, throwIfCancelled } from '../errors.ts'

/** Pauses in milliseconds. Each try is several requests, with pauses of the client's own. */
const PAUSES_MS = [1_000, 4_000]

/** Runs it again after `unreachable`, a few times. Must be safe to repeat. */
export async function tryAgain<T>(
  run: () => Promise<T>,
  signal: AbortSignal,
  wait: (ms: number, signal: AbortSignal) => Promise<void> = pause,
): Promise<T> {
  for (const ms of PAUSES_MS) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof DstoreError && error.code === 'unreachable')) throw error
    }
    throwIfCancelled(signal)
    await wait(ms, signal)
    throwIfCancelled(signal)
  }
  return run()
}
