/** Files of values, for other processes to open and map. */
import type { Key } from '../hash/key.ts'
import type { CallOptions } from './call-options.ts'

/** A file, or a folder of symbolic links, that stays until `release`. */
export interface HeldPath {
  readonly key: Key
  readonly kind: 'file' | 'folder'
  /** Bytes of the value; of a directory the total of its files. */
  readonly size: number
  /** Absolute, in the file systems as this node sees them. */
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  /** Aborted, with the reason, once a value of it was removed. */
  readonly removed: AbortSignal
  release(): Promise<void>
}

/** Options of `openPath`. */
export interface PathOptions extends CallOptions {
  /** A copy with the executable bit, mode 0500, beside the value's own file. */
  readonly executable?: boolean
}

/** What a node offers to processes that map files. */
export interface NodePaths {
  /**
   * The file of a value, fetched if need be, or the folder of a directory. Errors: those of `get`,
   * `no-space` if the budget has no room, `unsupported` if this node keeps no files.
   */
  openPath(key: Key, options?: PathOptions): Promise<HeldPath>
}
