/** The signals that end work in order, and the exit code for each (R007-9, R007-28). */

/** A closed terminal sends SIGHUP, Ctrl-\ SIGQUIT. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

/** That of a command whose reader of standard output is gone, as if by SIGPIPE (R007-27). */
export const PIPE_EXIT = 141

export type EndingSignal = keyof typeof SIGNAL_EXITS

export const ENDING_SIGNALS: readonly EndingSignal[] = Object.keys(SIGNAL_EXITS) as EndingSignal[]

/**
 * What comes this soon after the first signal is the same one: `timeout` and npm send theirs to a
 * process and to its group.
 */
export const SAME_SIGNAL_MS = 200

/** Calls `first` at the first signal, and `again` at each later one. */
export function onEndingSignals(
  first: (signal: EndingSignal) => void,
  again: (signal: EndingSignal) => void,
): void {
  let firstAt: number | undefined
  for (const signal of ENDING_SIGNALS) {
    process.on(signal, () => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        first(signal)
      } else if (now - firstAt >= SAME_SIGNAL_MS) again(signal)
    })
  }
}
