/**
 * Structured logs in logfmt: one line per event, `time level message key=value ...`. Logging
 * libraries bring worker threads and formats that a daemon with one sink does not need.
 */
import type { Log, LogFacts } from '../../log.ts'

export type LogLevel = keyof Log

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** A log that passes every line of at least this level to `write`, with its line end. */
export function createLog(
  lowest: LogLevel,
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): Log {
  const at = (level: LogLevel): ((message: string, facts?: LogFacts) => void) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(lowest)) return () => undefined
    return (message, facts = {}) => {
      let line = `${now().toISOString()} ${level} ${printable(message)}`
      for (const [name, value] of Object.entries(facts)) {
        if (value !== undefined) line += ` ${name}=${quoted(String(value))}`
      }
      write(`${line}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export function isLogLevel(text: string): text is LogLevel {
  return (LEVELS as readonly string[]).includes(text)
}

/** The text without control characters: peers and files must not forge lines or move the cursor. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}

function quoted(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(printable(text))
}
