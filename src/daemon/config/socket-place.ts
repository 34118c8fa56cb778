/** Where a daemon serves, or would: what its client was told, else what its state directory remembers (R007-6). */
import { readSettings } from './settings.ts'
import { chooseDirectory } from './state-directory.ts'
import type { StateDirectory } from './state-directory.ts'

export interface Place {
  readonly directory: StateDirectory
  /** Path of the socket. */
  readonly socket: string
}

/** By these two where they are given, then by the environment. Errors: `usage`, `unreadable`: the configuration. */
export function findPlace(
  dir: string | undefined,
  socket: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Place {
  const directory = chooseDirectory(dir, environment)
  const told = socket ?? (environment['DSTORE_SOCKET'] || undefined)
  return { directory, socket: told ?? readSettings(directory.config).socket ?? directory.socket }
}
