/**
 * Answers two calls without the table of commands: the overview for a program, and a certain yes of
 * `has KEY`. It says nothing of a failure: the whole command line meets it again, and reports it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { ValueClient } from '../../src/daemon/client/value-client.ts'
import { chooseDirectory } from '../../src/daemon/config/state-directory.ts'
import { ERRORS } from '../../src/errors.ts'
import { checkSystem } from '../../src/platform.ts'
import { interruptible } from '../signals.ts'
import { standardOutput } from '../terminal/output.ts'

/** The overview as a program reads it, which the build writes into the package. */
const OVERVIEW = 'chunks/overview.txt'

/** What changes an answer, or how long it may take. */
const VARIABLES = ['COLUMNS', 'DSTORE_SOCKET', 'DSTORE_TIMEOUT']

/** The exit code; undefined where the whole command line is to answer. */
export async function answer(
  command: '--help' | 'has',
  key: string,
  folder: string,
): Promise<number | undefined> {
  const { signal, exitCode } = interruptible()
  try {
    checkSystem()
    if (VARIABLES.some((name) => process.env[name])) return undefined
    const isDone = await (command === 'has' ? isKnown(key, signal) : printOverview(folder))
    return isDone ? 0 : undefined
  } catch {
    return signal.aborted ? exitCode(ERRORS.cancelled.exit) : undefined
  }
}

/** On a terminal, its width counts. */
async function printOverview(folder: string): Promise<boolean> {
  if (isatty(1)) return false
  await standardOutput().write(readFileSync(join(folder, OVERVIEW)))
  return true
}

async function isKnown(key: string, signal: AbortSignal): Promise<boolean> {
  // A closed output is an error before any call.
  standardOutput()
  const { config, socket } = chooseDirectory(undefined, process.env)
  if (savedSocket(config) !== undefined) return false
  const client = await ValueClient.connect(socket, { signal })
  return client !== undefined && client.exists(key)
}

/** The socket in the saved settings, which is in another place than the usual one. */
function savedSocket(config: string): unknown {
  return (JSON.parse(readFileSync(config, 'utf8')) as { socket?: unknown }).socket
}
