/** The calls of the library on directories (specs/008-directories.md; specs/007, R007-226). */
import type { Key } from '../hash/key.ts'
import type { CallOptions, GetOptions, MovedFrom, PutOptions } from '../node/node.ts'
import type { EntryFacts } from '../tree/read/entries.ts'
import type { Value } from './opened-value.ts'

/** Options of the put of a folder. */
export interface PutDirectoryOptions extends CallOptions {
  /** Bind this write-once name in the same change: both happen, or neither. */
  readonly name?: string
  /** Of `name`, as in `PutOptions`: whether it is a tag, and when it expires. */
  readonly naming?: NonNullable<PutOptions['naming']>
  /** Store what symbolic links that leave the folder point to. Default: they are refused. */
  readonly follow?: boolean
  /** Patterns of what to leave out, in the syntax of a `.gitignore`. */
  readonly ignore?: string
}

/** The outcome of the put of a folder; where it moved a tag, with what that was moved from. */
export interface PutDirectoryResult extends Partial<MovedFrom> {
  readonly key: Key
  /** Bytes of all files below it. */
  readonly size: number
  /** Number of files below it. */
  readonly files: number
  /** True if the directory existed. */
  readonly existed: boolean
}

/** Options of the extraction of a directory. */
export interface GetDirectoryOptions extends CallOptions {
  /** Bring a folder that may have entries to the state of the directory: write what differs. */
  readonly update?: boolean
  /** With `update`: remove what is not in the directory. */
  readonly delete?: boolean
}

/** What an extraction wrote. */
export interface GetDirectoryResult {
  readonly files: number
  /** Bytes of these files. */
  readonly bytes: number
}

/** Options of `entries`. */
export interface EntriesOptions extends CallOptions {
  /** Also the entries below each directory, right after it. */
  readonly recursive?: boolean
}

/**
 * `word` is the key of a directory, a name, or either followed by a slash and a path below it.
 * Errors of all: `not-found` for a key, name or path that does not exist, `usage`, `unreachable`.
 */
export interface DirectoryCalls {
  /**
   * Store a folder and all that is below it: everything, or nothing. What Global has already is not
   * sent. What was sent before a failure is kept for a day, so that a repeat sends the rest.
   * Errors: `usage` for what a directory cannot hold, `unreadable` and `changed`, each with the
   * path; those of `put`.
   * @example const { key } = await dstore.putDirectory('model', { name: 'models/v2' })
   */
  putDirectory(path: string, options?: PutDirectoryOptions): Promise<PutDirectoryResult>

  /**
   * Write a directory to a folder that does not exist or is empty: all of it, or nothing. With
   * `update`, bring a folder to its state; a call that was cut short can be repeated. Never writes
   * through a symbolic link. Errors: `unwritable`, `no-space`, `integrity`; `usage` for a file
   * where a directory belongs, and the reverse.
   * @example await dstore.getDirectory('models/v1', 'copy')
   */
  getDirectory(
    word: Key | string,
    path: string,
    options?: GetDirectoryOptions,
  ): Promise<GetDirectoryResult>

  /**
   * The entries of a directory in bytewise order of names; `path` is relative to it.
   * @example for await (const { path } of dstore.entries('models/v1')) console.log(path)
   */
  entries(word: Key | string, options?: EntriesOptions): AsyncIterable<EntryFacts>

  /**
   * Open a file below a directory, as `get` opens a value. Errors: those of `get`; `usage` for a
   * directory or a symbolic link.
   * @example const config = await (await dstore.openEntry('models/v1', 'config.json')).text()
   */
  openEntry(word: Key | string, path: string, options?: GetOptions): Promise<Value>
}
