/** The layout of a state directory (specs/007, "The state directory"). */
import { accessSync, chmodSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemFault } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { makeDirectories } from '../../store/file/directories.ts'
import { checkLossless } from '../../utf8.ts'
import { absolutePath } from './working-directory.ts'

const OTHERS = 0o077
const OTHERS_WRITE = 0o022

/** The directory of a node, and the daemon's files in it. All paths are absolute. */
export interface StateDirectory {
  readonly path: string
  /** Locked while a daemon runs; names its process. */
  readonly lock: string
  /** Default path of the API's socket. */
  readonly socket: string
  /** The saved settings. */
  readonly config: string
  /** The log of a daemon in the background. */
  readonly log: string
  /** Says that the store has an archive, and where. */
  readonly archive: string
  /** An admin's token of the API over TCP. */
  readonly token: string
  /** The hashes of the other tokens. */
  readonly tokens: string
  /** The folder where puts of folders remember keys. */
  readonly statCache: string
  /** Earlier lines of the prompt. */
  readonly history: string
}

/** Errors: `usage` for a path that is not UTF-8; `unreadable` if it is relative to nothing. */
export function stateDirectory(path: string): StateDirectory {
  const base = absolutePath(path, 'the state directory')
  return {
    path: base,
    lock: join(base, 'daemon.lock'),
    socket: join(base, 'dstore.sock'),
    config: join(base, 'config.json'),
    log: join(base, 'daemon.log'),
    archive: join(base, 'archive.json'),
    token: join(base, 'http-token'),
    tokens: join(base, 'tokens.json'),
    statCache: join(base, 'stat-cache'),
    history: join(base, 'repl-history'),
  }
}

/**
 * The directory of the flag, else of `DSTORE_DIR`, else in the XDG data directory (R007-1). `usage`
 * if there is none.
 */
export function chooseDirectory(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): StateDirectory {
  if (flag !== undefined) return stateDirectory(flag)
  const chosen = checkLossless(environment['DSTORE_DIR'] ?? '', 'DSTORE_DIR')
  if (chosen !== '') return stateDirectory(chosen)
  const xdg = environment['XDG_DATA_HOME']
  // The XDG specification ignores relative paths.
  const data = xdg?.startsWith('/') === true ? xdg : join(homeDirectory(), '.local', 'share')
  return stateDirectory(join(data, 'dstore'))
}

/** Throws `usage` for a user without one: a relative path would be another store in each folder. */
function homeDirectory(): string {
  let home = ''
  try {
    home = homedir()
  } catch {
    // The user has no entry in the password file, as in containers.
  }
  if (home.startsWith('/')) return home
  throw new DstoreError('usage', 'there is no home directory to keep the state directory in', {
    hint: 'choose a state directory with --dir or DSTORE_DIR',
  })
}

/**
 * Creates the directory with mode 0700, or checks an existing one. `unwritable` if it cannot be
 * written. `not-permitted` if other users may write to it, since its files cannot be trusted, or
 * may enter it and it is neither empty nor a state directory, since the daemon is about to close
 * it.
 */
export function createDirectory(directory: StateDirectory): void {
  const { path, lock, log } = directory
  let mode: number
  let isEmpty: boolean
  try {
    // The umask may have taken from the owner, too.
    makeDirectories(path, 0o700, (made) => chmodSync(made, 0o700))
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    mode = statSync(path).mode
    isEmpty = readdirSync(path).length === 0
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    const system = systemFault(cause)
    const code = system?.code === 'unreadable' ? 'unwritable' : (system?.code ?? 'unwritable')
    throw new DstoreError(
      code,
      `the state directory cannot be written: ${path} (${system?.reason ?? reason})`,
      {
        cause,
        hint: system?.hint ?? 'choose another with --dir or DSTORE_DIR',
      },
    )
  }
  const isOurs = existsSync(lock) || existsSync(log)
  if (isEmpty || (mode & (isOurs ? OTHERS_WRITE : OTHERS)) === 0) return
  throw new DstoreError('not-permitted', `the state directory is open to others: ${path}`, {
    hint: `chmod 700 ${path}, or choose another with --dir or DSTORE_DIR`,
  })
}

/** Throws `unwritable` if the files that this process creates are not usable by their owner. */
export function checkUmask(): void {
  const umask = process.umask()
  if ((umask & 0o700) === 0) return
  const text = umask.toString(8).padStart(4, '0')
  throw new DstoreError('unwritable', `the umask ${text} takes rights from the owner of a file`, {
    hint: 'set it to 0077 or less',
  })
}
