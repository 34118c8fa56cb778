/** Where a node says what happened: one line, and facts about it. The daemon gives the real one. */
export interface Log {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
}

/** What there is to say about an event, by name. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>

/** For programs that do not want to hear of it. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }
