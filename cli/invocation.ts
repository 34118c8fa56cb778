/** One call of the command line, as its commands see it. */
import type { Flags } from './flags.ts'
import type { Terminal } from './terminal/terminal.ts'

export interface Invocation {
  readonly positionals: readonly string[]
  readonly flags: Flags
  readonly terminal: Terminal
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
}

/** Does what the command is for; its exit code. */
export type Run = (invocation: Invocation) => Promise<number>
