/**
 * The archive of a Global or standalone node (specs/011-archive.md, "Rules: the node"): restores
 * the store if that is wanted, settles the identity, and tells what becomes of it.
 */
import { openArchive, type Archive } from '../../../archive/archive.ts'
import { restore, type RestoreProgress } from '../../../archive/restore.ts'
import type { Restored } from '../../../archive/restored.ts'
import type { ObjectStore } from '../../../bucket/object-store.ts'
import { raceBucket } from '../../../bucket/race.ts'
import { toHex } from '../../../bytes.ts'
import type { Log } from '../../../log.ts'
import { settleIdentity } from './archived-identity.ts'
import { ArchiveWatch } from './archive-watch.ts'

export interface NodeArchiveOptions {
  /** Opens the bucket, which the node closes. */
  readonly open: () => Promise<ObjectStore>
  /** Puts wait until the bucket has them. */
  readonly acknowledges: boolean
  /** Path of the file with the key of the identity. */
  readonly keyFile?: string | undefined
  /** Bytes that large values may take on the disk. Default: all of them stay there. */
  readonly diskBytes?: number | undefined
  /** Restore the archive: the directory has no store. */
  readonly takesOver: boolean
  /** The bucket answers: the store is about to get this archive, or to come from it. */
  readonly onOpening?: (() => Promise<void>) | undefined
  readonly onProgress?: ((progress: RestoreProgress) => void) | undefined
}

/** A node that is opening its archive. */
export interface ArchiveOpening {
  /** The state directory. */
  readonly dir: string
  readonly role: 'global' | 'standalone'
  /** Elapsed milliseconds that never lag: see `holderClock`. */
  readonly elapsed: () => number
  readonly random: (bytes: number) => Uint8Array
  readonly log: Log
}

export interface NodeArchive {
  readonly archive: Archive
  readonly diskBytes: number | undefined
  /** After the store. */
  close(): Promise<void>
}

/**
 * Errors: those of the bucket, of `openArchive`, of `restore` and of `settleIdentity`. A bucket
 * that is away keeps the node from starting: no run can begin without it.
 */
export async function openNodeArchive(
  { dir, role, elapsed, random, log }: ArchiveOpening,
  options: NodeArchiveOptions,
): Promise<NodeArchive> {
  const { acknowledges, keyFile, diskBytes, takesOver, onProgress } = options
  const objects = await options.open()
  try {
    const parts = { objects, directory: dir, elapsed, log }
    let restored: Restored | undefined
    if (takesOver) {
      await options.onOpening?.()
      // Over a bucket that ignores conditions, the other node would not be fenced.
      await raceBucket(objects, { name: toHex(random(8)) })
      log.info('restoring the store from its archive', { place: objects.place })
      restored = await restore({ ...parts, ...(onProgress && { onProgress }) }, { random })
      log.info('restored the store', { ...restored })
    }
    const archive = await openArchive(
      { ...parts, acknowledges, ...(restored && { restored }) },
      { random },
    )
    try {
      if (role === 'global') await settleIdentity({ objects, dir, keyFile, random, log })
      await options.onOpening?.()
    } catch (error) {
      await archive.close()
      throw error
    }
    const watch = new ArchiveWatch(archive, log)
    const close = async (): Promise<void> => {
      watch.close()
      await archive.close()
      await objects.close()
    }
    return { archive, diskBytes, close }
  } catch (error) {
    await objects.close()
    throw error
  }
}
