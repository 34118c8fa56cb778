/** Where the daemon of a state directory serves its API, running or not (R007-6). */
import { resolve } from 'node:path'
import { asDstoreError, type DstoreError } from '../../errors.ts'
import { checkLossless } from '../../utf8.ts'
import { readSettings } from './settings.ts'
import { chooseDirectory } from './state-directory.ts'
import type { StateDirectory } from './state-directory.ts'
import { absolutePath } from './working-directory.ts'

export interface Place {
  readonly directory: StateDirectory
  /** Absolute path of the socket. */
  readonly socket: string
  /**
   * Why the saved settings cannot be read. They may name another socket, so this is the reason to
   * report if no daemon serves on `socket`.
   */
  readonly fault?: DstoreError
}

/**
 * Chooses by the arguments, then the environment, then the saved settings. Errors: `usage` for a
 * path that is not UTF-8; `unreadable` for a relative one without a working directory.
 */
export function findPlace(
  dir: string | undefined,
  socket: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Place {
  const directory = chooseDirectory(dir, environment)
  if (socket !== undefined) return { directory, socket: absolutePath(socket, 'the socket') }
  const chosen = checkLossless(environment['DSTORE_SOCKET'] ?? '', 'DSTORE_SOCKET')
  if (chosen !== '') return { directory, socket: absolutePath(chosen, 'the socket') }
  try {
    const saved = readSettings(directory.config).socket
    return { directory, socket: resolve(directory.path, saved ?? directory.socket) }
  } catch (error) {
    return { directory, socket: directory.socket, fault: asDstoreError(error) }
  }
}
