/** Receives the events of a node: a one-line message each, and facts. The daemon writes a file. */
export interface Log {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
}

/** The facts of an event, by name. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>

/** Discards all events. */
export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }
