/** Signals that end: the first cancels the work, the second ends the process (R007-28). */
import { setMaxListeners } from 'node:events'
import { SIGNAL_EXITS, onEndingSignals } from '../src/daemon/process/signals.ts'
import type { EndingSignal } from '../src/daemon/process/signals.ts'
import { DstoreError, ERRORS } from '../src/errors.ts'

export interface Interruptible {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal
  /** The exit code for a command that ended with `code`: the signal's if it was cancelled. */
  readonly exitCode: (code: number) => number
}

export function interruptible(): Interruptible {
  const aborter = new AbortController()
  // Many concurrent calls listen to it; Node would warn of a leak.
  setMaxListeners(0, aborter.signal)
  let received: EndingSignal | undefined
  onEndingSignals(
    (signal) => {
      received = signal
      aborter.abort(new DstoreError('cancelled', 'cancelled'))
    },
    (signal) => {
      // Not process.exit: it would wait for a thread that is stuck in the file system.
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    },
  )
  return {
    signal: aborter.signal,
    exitCode: (code) =>
      received !== undefined && code === ERRORS.cancelled.exit ? SIGNAL_EXITS[received] : code,
  }
}
