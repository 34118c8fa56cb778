/** Ctrl-C and SIGTERM: the first ends the work in hand, the second the process (R007-28). */
import { setMaxListeners } from 'node:events'
import { DstoreError } from '../src/errors.ts'

const EXITS = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof EXITS

export interface Interruptible {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal
  /** The exit code of a command that ended with `code`: that of the signal where it was cancelled. */
  readonly exitCode: (code: number) => number
}

export function interruptible(): Interruptible {
  const aborter = new AbortController()
  // Calls that are made at once listen to it; to Node many of them look like a leak.
  setMaxListeners(0, aborter.signal)
  let received: Signal | undefined
  for (const signal of Object.keys(EXITS) as Signal[]) {
    process.on(signal, () => {
      if (received !== undefined) {
        // Not process.exit: it would wait for a thread that hangs in the file system.
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
