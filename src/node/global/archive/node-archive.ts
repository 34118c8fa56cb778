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
import { checkIdentity, type IdentitySteps } from './archived-identity.ts'
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
  /** The store had this archive before. */
  readonly isBegun?: boolean | undefined
  /** Restore the archive: the directory has no store. */
  readonly takesOver: boolean
  /**
   * Nothing that the start can know refuses it any more: the store is about to get this archive, or
   * the other node to be fenced. May be called twice.
   */
  readonly onBeginning?: (() => Promise<void>) | undefined
  /** The start failed before the archive was that of the store. */
  readonly onAbandoned?: (() => Promise<void>) | undefined
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
 * Looks at all that may refuse the start before anything is written, here or there (R011-91).
 * Errors: those of the bucket, of `openArchive`, of `restore` and of `checkIdentity`. A bucket that
 * is away keeps the node from starting: no run can begin without it.
 */
export async function openNodeArchive(
  { dir, role, elapsed, random, log }: ArchiveOpening,
  options: NodeArchiveOptions,
): Promise<NodeArchive> {
  const { acknowledges, keyFile, diskBytes, takesOver, onProgress, onBeginning } = options
  const abandoned = async (): Promise<void> => options.onAbandoned?.()
  const objects = await options.open()
  try {
    const parts = { objects, directory: dir, elapsed, log }
    const identitySteps = async (): Promise<IdentitySteps | undefined> =>
      role === 'global' ? checkIdentity({ objects, dir, keyFile, random, log }) : undefined
    let restored: Restored | undefined
    // Over a bucket that ignores conditions, no node is ever fenced.
    await raceBucket(objects, { name: toHex(random(8)) })
    if (takesOver) {
      await identitySteps()
      log.info('restoring the store from its archive', { place: objects.place })
      const progress = { onFencing: onBeginning, ...(onProgress && { onProgress }) }
      restored = await restore({ ...parts, ...progress }, { random })
      log.info('restored the store', { ...restored })
    }
    let steps: IdentitySteps | undefined
    const begin = async (): Promise<void> => {
      await steps?.archive()
      await onBeginning?.()
    }
    const { isBegun } = options
    const joining = { acknowledges, isBegun, onBeginning: begin, ...(restored && { restored }) }
    const archive = await openArchive({ ...parts, ...joining }, { random })
    try {
      steps = await identitySteps()
      await steps?.place()
    } catch (error) {
      await archive.close()
      throw error
    }
    const watch = new ArchiveWatch(archive, log)
    const close = async (): Promise<void> => {
      watch.close()
      await archive.close()
      await objects.close()
      if (!archive.isOpen) await abandoned()
    }
    return { archive, diskBytes, close }
  } catch (error) {
    await objects.close()
    await abandoned()
    throw error
  }
}
