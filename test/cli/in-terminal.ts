/** Runs a shell command in a terminal, where `dstore` is the bundled command line. */
import { spawn } from 'node:child_process'
import { BUNDLE, outcome, type Outcome, type Place } from './command.ts'

export interface TerminalOptions {
  readonly columns?: number
  readonly env?: Readonly<Record<string, string>>
}

/** What the terminal showed is the outcome's `stdout`, with its line ends as files have them. */
export async function inTerminal(
  place: Place,
  command: string,
  { columns = 80, env = {} }: TerminalOptions = {},
): Promise<Omit<Outcome, 'stdout'> & { readonly shown: string }> {
  const start = `dstore() { '${process.execPath}' '${BUNDLE}' "$@"; }; stty cols ${columns}`
  const child = spawn('script', ['-qec', `${start}; ${command}`, '/dev/null'], {
    cwd: place.path,
    env: place.env(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { stdout, ...others } = await outcome(child)
  return { ...others, shown: stdout.toString('latin1').replaceAll('\r\n', '\n') }
}
