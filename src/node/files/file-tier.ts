/**
 * The second tier of a Local's cache: values in files, which any process of the machine can map.
 */
import type { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { HeldValue, Tier } from '../cache/held-value.ts'

/** A value in a file, whole or in part. */
export interface FileValue extends HeldValue {
  /** Every byte is in the file, verified, and the file has its final name. */
  readonly isWhole: boolean
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
  /** Aborted, with the reason, once the value was removed. */
  readonly removed: AbortSignal
  release(): void
}

export interface FileTier extends Tier<FileValue> {
  /**
   * The entry of this incarnation, if need be a new one, without taking room. Undefined if a range
   * of it would have none even with every unused entry evicted, or if a later incarnation is held.
   */
  prepare(key: Key, size: number, incarnation: number): FileValue | undefined
  /** Keeps the file of a whole value. Errors: `no-space`, `removed`, `integrity`. */
  hold(value: FileValue): Promise<FileHold>
  /** Bytes that a pin or a hold could still take. */
  readonly headroomBytes: number
  /** Bytes of a file were found not to be the value's: logs that, and evicts it. */
  damaged(value: FileValue, fault: DstoreError): void
  /**
   * Gives the folder another name, so that no path leads into it any more, and ends every hold with
   * this reason: this node may not serve what it holds. Synchronous.
   */
  withdraw(reason: DstoreError): void
  status(): FileTierStatus
  close(): Promise<void>
}
