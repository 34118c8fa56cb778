/** Ctrl-C and SIGTERM: the first cancels the work, the second ends the process (R007-28). */
import { setMaxListeners } from 'node:events'
import { DstoreError } from '../src/errors.ts'

const EXITS = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof EXITS

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
  let received: Signal | undefined
  for (const signal of Object.keys(EXITS) as Signal[]) {
    process.on(signal, () => {
      if (received !== undefined) {
        // Not process.exit: it would wait for a thread that is stuck in the file system.
        process.removeAllListeners(signal)
        process.kill(process.pid, signal)
      }
      received = signal
      aborter.abort(new DstoreError('cancelled', 'cancelled'))
    })
  }
  return {
    signal: aborter.signal,
    exitCode: (code) => (received !== undefined && code === EXITS.SIGINT ? EXITS[received] : code),
  }
}
