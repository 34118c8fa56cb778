/**
 * The calls of a node that store trees: directories with all that is below them
 * (specs/008-directories.md, "Rules: holds" and specs/004-index.md, "Rules: directories").
 *
 * A tree is put under a *hold*, a durable mark that keeps what is sent until the root is committed:
 * open a hold; ask which values are present; put the others under the hold (`PutOptions.hold`),
 * files and the bytes of directories alike; make the directories, children before parents; commit
 * the root, which ends the hold. A hold that is not used for `HOLD_MS` ends, and so does one that
 * is released: what nothing else keeps is removed.
 */
import type { Key } from '../hash/key.ts'
import type { CallOptions } from './call-options.ts'
import type { HoldId, PutResult, PutOptions } from './node-puts.ts'

/** A directory that was made, or what it lacks. */
export interface MadeDirectory {
  readonly key: Key
  /** Children that do not exist, at most `BATCH_ITEMS`. Empty: the directory is made. */
  readonly missing: readonly Key[]
}

/** Options of the commit of a tree. */
export interface CommitTreeOptions extends CallOptions {
  /** Bind this write-once name in the same change: both happen, or neither. */
  readonly name?: string
  /** Of `name`, as in `PutOptions`. */
  readonly naming?: NonNullable<PutOptions['naming']>
}

/** Errors that any of them may give: those of `NodeIndex`, and `not-found` for an ended hold. */
export interface NodeTrees {
  /** Opens a hold. It is durable when this resolves. */
  openHold(options?: CallOptions): Promise<HoldId>

  /** Ends a hold. What nothing else keeps is removed in the background. */
  releaseHold(hold: HoldId, options?: CallOptions): Promise<void>

  /**
   * Which of these keys exist; the hold keeps those that do. A key of a directory exists only where
   * it is one: a directory with its children. Any number; answers in the same order.
   */
  present(hold: HoldId, keys: readonly Key[], options?: CallOptions): Promise<boolean[]>

  /**
   * Makes directories of values that the store has, none of which is a child of another in the same
   * call. Errors: `not-found` for a value that was not put; `integrity` for one that is no
   * directory, or whose entries state wrong sizes; `too-large` beyond `DIRECTORY_DEPTH`.
   */
  makeDirectories(
    hold: HoldId,
    keys: readonly Key[],
    options?: CallOptions,
  ): Promise<MadeDirectory[]>

  /**
   * Commits the root of a tree, with a name or as a put without one, and ends the hold. Errors:
   * those of a put; `not-found` where the root is no directory. A repeat gives the same answer.
   */
  commitTree(hold: HoldId, root: Key, options?: CommitTreeOptions): Promise<PutResult>
}
