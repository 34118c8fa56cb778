/** Lists of keys and names (specs/004-index.md, "Rules: lists"). */
import type { Key } from '../hash/key.ts'
import type { NamePage } from '../index/lists/name-page.ts'
import type { KeyPage } from '../index/records/list-pages.ts'
import type { CallOptions } from './call-options.ts'

export type { NamePage } from '../index/lists/name-page.ts'
export type { KeyPage } from '../index/records/list-pages.ts'

/** A name in a list. */
export interface ListedName {
  readonly name: string
  readonly key: Key
  readonly kind: 'fixed' | 'tag'
  /**
   * Bytes of its value, of a directory those of all files below it; undefined if Global does not
   * say.
   */
  readonly size: number | undefined
  /** When it was bound to this key; ISO 8601. Undefined where an earlier version bound it. */
  readonly boundAt: string | undefined
  /** ISO 8601; undefined: never. */
  readonly expiresAt: string | undefined
}

/** Stands for all names that begin with it, and have more behind it. */
export interface CommonPrefix {
  /** With the delimiter at its end. */
  readonly prefix: string
}

/** Which names a list has. */
export interface NamesOptions extends CallOptions {
  /** Only what comes after this text. */
  readonly after?: string
  /** At most this number of items, from 1. Default: all. */
  readonly limit?: number
  /**
   * Only names that match this pattern: `*` and `?` stand for characters that are no slash, `**`
   * for any, `[a-z]` for one of a class, and a backslash takes the next one as it is. A pattern
   * without a slash is for the last part of a name.
   */
  readonly match?: string
}

/** What one level of names has. */
export interface LevelOptions extends CallOptions {
  /** As in `NamesOptions`; a common prefix: only what comes after all that begins with it. */
  readonly after?: string
  readonly limit?: number
  /** One character. Default: a slash. */
  readonly delimiter?: string
}

/** How many names begin with a prefix. */
export interface NameUsage {
  readonly prefix: string
  readonly names: number
  /** The sum of their sizes, as in `ListedName`: a value with two of these names counts twice. */
  readonly size: number
}

/** What the store of Global has. */
export interface StoreUse {
  readonly durable: boolean
  readonly values: number
  /** Bytes of all values, each once. */
  readonly valueBytes: number
  /** The most that they may have; undefined: no such quota. */
  readonly quotaBytes: number | undefined
  /** Bytes that still fit, by quota and disk; undefined if neither bounds them. */
  readonly headroomBytes: number | undefined
  /** Bytes of interrupted puts that can be resumed. */
  readonly unfinishedBytes: number
  /** Values that have no name and were put without one, so that no unbinding removes them. */
  readonly unnamedValues: number
  /** Bytes of those, a directory by the total of all files below it. */
  readonly unnamedBytes: number
}

/** What a page of names is to have: a level with a delimiter, else names. */
export interface NamePagesOptions extends NamesOptions {
  readonly delimiter?: string
}

/** Which keys a page has. */
export interface KeyPagesOptions extends CallOptions {
  /** Only keys that begin with this: `bafkr4i...` or digits of the digest; `usage` for another. */
  readonly prefix?: string
  /** At most this number of keys, from 1. Default: all. */
  readonly limit?: number
}

/**
 * The lists of a node in this process, a page at a time, for a caller that sends on their bytes. As
 * `NodeIndex.keys`, `NodeIndex.names` and `NodeIndex.level`, in the same order and with the same
 * errors.
 */
export interface NodeLists {
  /** Each page is from one moment. */
  keyPages(options?: KeyPagesOptions): AsyncGenerator<KeyPage>

  namePages(prefix?: string, options?: NamePagesOptions): AsyncGenerator<NamePage>
}
