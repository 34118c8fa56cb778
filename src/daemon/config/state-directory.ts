/** The one file that knows what lies where in a state directory (specs/007, "The state directory"). */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { DstoreError } from '../../errors.ts'

const OTHERS = 0o077
const OTHERS_WRITE = 0o022

/** A node's directory on this machine, and the files of the daemon in it. All paths are absolute. */
export interface StateDirectory {
  readonly path: string
  /** Locked for as long as a daemon lives; says who it is. */
  readonly lock: string
  /** Where the daemon's API is served, unless it was told another place. */
  readonly socket: string
  /** What the node was told and remembers. */
  readonly config: string
  /** What a daemon in the background reports. */
  readonly log: string
  /** The token of the API over TCP. */
  readonly token: string
  /** What was said at the prompt. */
  readonly history: string
}

export function stateDirectory(path: string): StateDirectory {
  const base = resolve(path)
  return {
    path: base,
    lock: join(base, 'daemon.lock'),
    socket: join(base, 'dstore.sock'),
    config: join(base, 'config.json'),
    log: join(base, 'daemon.log'),
    token: join(base, 'http-token'),
    history: join(base, 'repl-history'),
  }
}

/** The directory that was chosen: by flag, by `DSTORE_DIR`, or the XDG data directory. */
export function chooseDirectory(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): StateDirectory {
  const chosen = flag ?? (environment['DSTORE_DIR'] || undefined)
  if (chosen !== undefined) return stateDirectory(chosen)
  const xdg = environment['XDG_DATA_HOME']
  // XDG says that a relative path in it is to be ignored.
  const data = xdg?.startsWith('/') === true ? xdg : join(homedir(), '.local', 'share')
  return stateDirectory(join(data, 'dstore'))
}

/**
 * Make sure the directory is there (0700 where it is made) and can be written: else `unwritable`. One that others may
 * enter must be empty or ours, for it is about to be closed to them; in one that they may write to, nothing can be
 * trusted: `not-permitted`.
 */
export function createDirectory(directory: StateDirectory): void {
  const { path, lock, log } = directory
  let mode: number
  let isEmpty: boolean
  try {
    makeDirectories(path)
    if (!statSync(path).isDirectory()) throw new Error('not a directory')
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    mode = statSync(path).mode
    isEmpty = readdirSync(path).length === 0
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw new DstoreError(
      'unwritable',
      `the state directory cannot be written: ${path} (${reason})`,
      {
        cause,
        hint: 'choose another with --dir or DSTORE_DIR',
      },
    )
  }
  const isOurs = existsSync(lock) || existsSync(log)
  if (isEmpty || (mode & (isOurs ? OTHERS_WRITE : OTHERS)) === 0) return
  throw new DstoreError('not-permitted', `the state directory is open to others: ${path}`, {
    hint: `chmod 700 ${path}, or choose another with --dir or DSTORE_DIR`,
  })
}

/** Node's own recursive mkdir never returns where the system refuses with ENOENT, as in /proc. */
function makeDirectories(path: string): void {
  const make = (): void => mkdirSync(path, { mode: 0o700 })
  try {
    make()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectories(dirname(path))
    make()
  }
}
