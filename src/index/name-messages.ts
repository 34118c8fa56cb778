/** Messages about names (specs/004-index.md, "Rules: names"). */
import type { Naming, Operation } from './naming-messages.ts'
import type { Digest, Fact, Target } from './value-messages.ts'

export interface Bind extends Operation {
  readonly type: 'bind'
  readonly name: string
  readonly digest: Digest
  /** Bind it to the directory, not to its bytes. */
  readonly directory?: boolean
  readonly naming?: Naming
}

/** Moves a tag, or binds it. */
export interface Rebind extends Operation {
  readonly type: 'rebind'
  readonly name: string
  readonly digest: Digest
  /** Bind it to the directory, not to its bytes. */
  readonly directory?: boolean
  /** Whatever it says, the name is a tag. */
  readonly naming?: Naming
}

export interface Rebound {
  readonly type: 'rebound'
  readonly found: Found
  /** What it was bound to before; absent if it was not bound, or to the same. */
  readonly previous?: Target
  /** Until when that is kept, as nothing else holds it: wall clock, in milliseconds. */
  readonly keptUntilMs?: number
  /**
   * Peer ids of Locals that have been silent, which may show the old target until they are back.
   */
  readonly silent: readonly string[]
}

/** Asks for the last targets of a tag. */
export interface TagHistory {
  readonly type: 'tag-history'
  readonly name: string
}

export interface TagTargets {
  readonly type: 'tag-targets'
  /** The newest first; none: it is not bound. */
  readonly targets: readonly Target[]
}

export interface Lookup {
  readonly type: 'lookup'
  readonly name: string
  readonly inline: boolean
}

/** The answer about a name. */
export interface Binding {
  readonly type: 'binding'
  /** Undefined if the name is not bound. */
  readonly found: Found | undefined
}

export interface Found extends NameFacts {
  readonly digest: Digest
  /** The seq of the change that bound the name. */
  readonly incarnation: number
  readonly fact: Fact
  /** The name is bound to the directory, not to its bytes. */
  readonly directory?: boolean
}

/** What the index says of a name, beside its target. */
export interface NameFacts {
  /** It can be moved. */
  readonly tag?: boolean
  /** When it was bound to this key, and when it expires: wall clock, in milliseconds. */
  readonly boundMs?: number
  readonly expiresMs?: number
}

/**
 * Unbinds a name. Its value goes with its last name, unless it was ever put without one or
 * `keepValue` is set.
 */
export interface Unbind {
  readonly type: 'unbind'
  readonly name: string
  readonly keepValue: boolean
  readonly timeoutMs: number | undefined
  /** The sender asks for a writer: it is to do no more than a writer may (R006-50). */
  readonly asWriter?: boolean
}

/** Asks for a list of names (R004-33, R004-160 to R004-164). */
export interface Names {
  readonly type: 'names'
  readonly prefix: string
  /** With a delimiter, a common prefix stands for all names that begin with it. */
  readonly after: string | undefined
  readonly limit: number
  /**
   * One character. Of names that have it behind the prefix, only the common prefix up to the first
   * of it is answered.
   */
  readonly delimiter?: string
  /** A pattern that names are to match. Excludes a delimiter. */
  readonly match?: string
  /**
   * Answer with no names: with numbers and sums of the common prefixes, and of the names without
   * the delimiter as if their common prefix were `prefix`. An item may come in parts.
   */
  readonly totals?: boolean
}

export interface Named {
  readonly type: 'named'
  readonly items: readonly NamedKey[]
  readonly more: boolean
  /** After which text the next page begins; absent: after the last item. */
  readonly next?: string
}

/** A name, or a common prefix. */
export interface NamedKey extends NameFacts {
  readonly name: string
  /** Absent of a common prefix only. */
  readonly digest?: Digest
  /** It is a common prefix. */
  readonly common?: boolean
  /** Of a common prefix, with totals: how many names it stands for. */
  readonly names?: number
  /**
   * Bytes of its value, of a directory those of all files below it; of a common prefix, with
   * totals, the sum of its names.
   */
  readonly size?: number
  /** The name is bound to the directory, not to its bytes. */
  readonly directory?: boolean
}

/** Asks what the store of Global has, and what it keeps without a name (R004-164). */
export interface Contents {
  readonly type: 'contents'
  /** Count what is kept without a name from behind this key. */
  readonly after: Digest | undefined
}

export interface StoreContents {
  readonly type: 'store-contents'
  readonly durable: boolean
  readonly values: number
  readonly valueBytes: number
  /** The largest sum of values that the store takes. */
  readonly quotaBytes?: number
  /** Bytes that still fit. */
  readonly headroomBytes?: number
  readonly unfinishedBytes: number
  /** Of those keys that were looked at: put without a name, and without one now. */
  readonly unnamedValues: number
  /** Bytes of those, a directory by its total. */
  readonly unnamedBytes: number
  /** The last key that was looked at, if more follow. */
  readonly next?: Digest
}
