/** What a role gives so that its values can be handed out as files (specs/007, "Paths"). */
import type { Key } from '../../../hash/key.ts'
import type { PrivateFolder } from '../../../store/paths/private-folder.ts'
import type { CallOptions } from '../../node.ts'

/** A file that stays until `release`, unless its value is removed. */
export interface HeldFile {
  /** Absolute. */
  readonly path: string
  readonly device: bigint
  readonly inode: bigint
  /** Bytes. */
  readonly size: number
  /** Aborted, with the reason, once the value was removed. */
  readonly removed: AbortSignal
  /** The second call has no effect. */
  readonly release: () => void
}

/** A value that is to be copied into a file of its own. */
export interface CopiedValue {
  readonly size: number
  /** Verified, to be read once. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Aborted, with the reason, once the value was removed: remove the copy at once. */
  readonly removed: AbortSignal
  /** The copy is removed, and its room is free again. The second call has no effect. */
  readonly release: () => void
}

export interface PathFiles {
  /** The value's own file, mode 0400, verified; undefined if it has none, and must be copied. */
  open(key: Key, options: CallOptions): Promise<HeldFile | undefined>
  /** Takes room for a copy. Errors: those of `get`, `no-space`. */
  copy(key: Key, options: CallOptions): Promise<CopiedValue>
  /** Where copies and folders are made. Errors: `unsupported`, `unwritable`. */
  folder(): PrivateFolder
}
