/** What a command is, and what it receives when it runs. */
import type { FlagName, Flags } from './flags.ts'
import type { Terminal } from './terminal/terminal.ts'

/** The headings of the overview. */
export const GROUPS = {
  values: 'Values and directories',
  names: 'Names, tags and rules',
  cache: 'What stays on this machine',
  node: 'The node',
  members: 'Members and access',
  tools: 'Other ways in',
} as const

export type Group = keyof typeof GROUPS

export interface Command {
  /** The arguments after its name, one line for each form. */
  readonly usage: string
  readonly summary: string
  /** Calls to learn from, each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[]
  readonly flags: readonly FlagName[]
  /** What a flag does for this command, where the table of flags says what it does for another. */
  readonly flagHelp?: Readonly<Partial<Record<FlagName, string>>>
  /** Under which heading the overview has it. */
  readonly group: Group
  /** Exit codes that mean something else for this command: the code that it ends with instead. */
  readonly exits?: Readonly<Record<number, number>>
  /** With these flags, is all of its work done also if stdout is closed (R007-98)? */
  readonly isDoneUnread?: (flags: Flags) => boolean
  /** Fewest and most arguments. */
  readonly positionals: readonly [least: number, most: number]
  /** Commands with many imports load them here, so that other commands start fast. */
  load(): Run | Promise<Run>
}

export type CommandTable = Readonly<Record<string, Command>>

/** One call of the command line, as its command sees it. */
export interface Invocation {
  readonly positionals: readonly string[]
  readonly flags: Flags
  readonly terminal: Terminal
  /** Aborted by Ctrl-C and other signals that end. */
  readonly signal: AbortSignal
  /** Every command: completion offers them. */
  readonly commands: CommandTable
}

/** Runs a command and returns its exit code. */
export type Run = (invocation: Invocation) => Promise<number>
