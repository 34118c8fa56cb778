/** The signals that end work in order, and the exit code for each (R007-9, R007-28). */

/** A closed terminal sends SIGHUP, Ctrl-\ SIGQUIT. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

export type EndingSignal = keyof typeof SIGNAL_EXITS

export const ENDING_SIGNALS: readonly EndingSignal[] = Object.keys(SIGNAL_EXITS) as EndingSignal[]
