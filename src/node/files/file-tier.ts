/**
 * The second tier of a Local's cache: values in files, which any process of the machine can map.
 */
import type { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import type { HeldValue, Tier } from '../cache/held-value.ts'

/** A value in a file, whole or in part. */
export interface FileValue extends HeldValue {
  /** Bytes of the value that are in the file. */
  readonly heldBytes: number
  /** Every byte is in the file, verified, and the file has its final name. */
  readonly isWhole: boolean
  /**
   * An earlier boot wrote the file, and `check` must verify it before anything of it is held. To
   * receive bytes of it discards the file.
   */
  readonly isUnchecked: boolean
  /** Absolute, once it is whole. */
  readonly path: string | undefined
}

/** Why there is no file tier, or what it holds. Shown by `status`. */
export interface FileTierStatus {
  readonly directory: string
  readonly kind: 'shared-memory' | 'disk'
  /** The budget of the tier, in bytes; undefined: it shares that of memory. */
  readonly budgetBytes: number | undefined
  readonly usedBytes: number
  readonly values: number
  readonly evictions: number
  /** Bytes of files that a caller of `path` or a pin holds. */
  readonly heldBytes: number
  /** Bytes of unlinked files that other processes still hold open; undefined where unknown. */
  readonly removedHeldBytes: number | undefined
}

/** A file that stays until `release`, unless its value is removed. */
export interface FileHold {
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  /** Aborted, with the reason, once the value was removed, or the folder was moved away. */
  readonly removed: AbortSignal
  release(): void
}

/** The tier that a value moves from. */
export type MemoryTier = Pick<Tier<CachedValue>, 'evict' | 'peek'>

export interface CheckOptions {
  /** The caller waits no longer; the check goes on. */
  readonly signal?: AbortSignal | undefined
  /** Bytes that were verified, of all. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface FileTier extends Tier<FileValue> {
  /** The folder of this boot, absolute; changes with `moveAway`. Other files may be made in it. */
  readonly folder: string
  /**
   * The entry of this incarnation, if need be a new one, without taking room. Undefined if a range
   * of it would have none even with every unused entry evicted, or if a later incarnation is held.
   */
  prepare(key: Key, size: number, incarnation: number): FileValue | undefined
  /**
   * Verifies what an earlier boot left of a value; callers share one reading. Does nothing if it is
   * verified, but waits while the value is moved here from memory: else it would be fetched again.
   * Errors: `integrity`, and then it was evicted; `removed`.
   */
  check(value: FileValue, options?: CheckOptions): Promise<void>
  /**
   * Moves a whole value here from memory, whose room it takes over. Undefined if there is none, or
   * not all of it is in memory. Its users in memory go on. Errors: `no-space`, `removed`.
   */
  adopt(value: CachedValue, memory: MemoryTier): Promise<FileValue | undefined>
  /** Keeps the file of a whole value. Errors: `no-space`, `removed`, `integrity`. */
  hold(value: FileValue): Promise<FileHold>
  /**
   * Takes room for another file in the folder, such as a copy, until the returned function is
   * called. Undefined if there is none, even with every unused entry evicted.
   */
  reserve(bytes: number): (() => void) | undefined
  /** The file does not hold the value: logs that, and evicts it. */
  damaged(value: FileValue, fault: DstoreError): void
  /**
   * Gives the folder another random name, at once, and ends every hold with this reason: no path of
   * before leads to a file any more. Readers of values go on.
   */
  moveAway(reason: DstoreError): void
  /** Bytes that a pin or a hold could still take. */
  readonly headroomBytes: number
  status(): FileTierStatus
  close(): Promise<void>
}
