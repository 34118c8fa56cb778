/** What a daemon keeps in the store of its node, and learns of its archive. */
import type { DstoreError } from '../../../errors.ts'

export interface KeptRows {
  /** By id. */
  all(): Promise<ReadonlyMap<string, Uint8Array>>
  /** Undefined deletes. Resolves as a put does: durable, and with `--archive-ack` in the bucket. */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>
  /** Resolves when the archive has them; `partial` while it is away. */
  archived(): Promise<void>
}

/** What the daemon keeps in a store that has an archive. */
export interface NodeKept {
  readonly tokens: KeptRows
  /** Resolves once another node has taken over the archive: this one must end. */
  readonly lost: Promise<DstoreError>
}
