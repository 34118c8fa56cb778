/** Where the daemon of a state directory serves its API, running or not (R007-6). */
import { readSettings } from './settings.ts'
import { chooseDirectory } from './state-directory.ts'
import type { StateDirectory } from './state-directory.ts'

export interface Place {
  readonly directory: StateDirectory
  /** Path of the socket. */
  readonly socket: string
}

/**
 * Chooses by the arguments, then the environment, then the saved settings. Throws `usage` or
 * `unreadable` for a bad configuration file.
 */
export function findPlace(
  dir: string | undefined,
  socket: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Place {
  const directory = chooseDirectory(dir, environment)
  const given = socket ?? (environment['DSTORE_SOCKET'] || undefined)
  return { directory, socket: given ?? readSettings(directory.config).socket ?? directory.socket }
}
