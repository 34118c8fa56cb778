/** Messages about trees: holds and directories (specs/004-index.md, "Rules: directories"). */
import type { Naming, Operation } from './naming-messages.ts'
import type { Digest } from './value-messages.ts'

/** Opens a hold under this id, or renews it; with `release`, ends it. */
export interface Hold {
  readonly type: 'hold'
  readonly id: Uint8Array
  readonly release: boolean
}

/** The hold is durable, or its end is. */
export interface Held {
  readonly type: 'held'
}

/** Which of these exist? The hold keeps those that do. */
export interface Present {
  readonly type: 'present'
  readonly hold: Uint8Array
  readonly items: readonly PresentItem[]
}

export interface PresentItem {
  readonly digest: Digest
  /** Ask for a directory with counted edges. */
  readonly directory: boolean
}

export interface PresentAnswer {
  readonly type: 'present-answer'
  readonly present: readonly boolean[]
}

/** Counts the edges of these directories, whose values are stored. None is a child of another. */
export interface MakeDirectories {
  readonly type: 'make-directories'
  readonly hold: Uint8Array
  readonly digests: readonly Digest[]
}

export interface MadeDirectories {
  readonly type: 'made-directories'
  /** For each the children that do not exist, at most `BATCH_ITEMS` in all; none: it is made. */
  readonly missing: readonly (readonly PresentItem[])[]
}

/** Commits the root of a tree, and ends the hold. Answered by `Stored`. */
export interface CommitTree extends Operation {
  readonly type: 'commit-tree'
  readonly hold: Uint8Array
  readonly digest: Digest
  /** Undefined: as a put without a name. */
  readonly name: string | undefined
  readonly naming?: Naming
}
