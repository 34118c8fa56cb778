/** The calls of the library on files of values (specs/007, "Paths"). */
import type { Key } from '../hash/key.ts'
import type { HeldPath, PathOptions } from '../node/node.ts'

/** Options of `openPath`. */
export interface OpenPathOptions extends PathOptions {
  /** Below the directory that the key or name leads to. */
  readonly path?: string
}

/**
 * A file of a value, or a folder of a directory with symbolic links to such files. `path` stays
 * until `release`; `removed` is aborted when the value was removed, and the file with it. What a
 * process has opened or mapped by then, it keeps.
 */
export interface OpenedPath extends HeldPath, AsyncDisposable {}

/** The calls on files of values. */
export interface PathCalls {
  /**
   * A file with exactly the bytes of a value, for this and other processes of the machine to map:
   * read-only, verified, fetched if need be. `executable`, or an executable entry of a directory:
   * a copy of mode 0500. Errors: those of `get`; `no-space`; `unsupported` if the node keeps no
   * files; `unreadable` if the path means another file for this process than for the daemon.
   * @example const { path, release } = await dstore.openPath('models/v1', { path: 'config.json' })
   */
  openPath(keyOrName: Key | string, options?: OpenPathOptions): Promise<OpenedPath>
}
