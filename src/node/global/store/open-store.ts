/** Opens the store of a Global or standalone node. */
import type { Log } from '../../../log.ts'
import type { Recovery } from '../../../store/disk/disk.ts'
import type { HeldFiles } from '../../../store/file/held-files.ts'
import { createMemoryStore } from '../../../store/memory/memory.ts'
import type { Store } from '../../../store/store.ts'
import type { NodeSet } from '../set/node-set.ts'
import type { NodeArchive } from '../archive/node-archive.ts'

export interface OpenStoreOptions {
  readonly dir?: string | undefined
  readonly store: 'memory' | 'disk'
  /** See `NodeOptions`. */
  readonly maxBytes?: number | undefined
  readonly held?: HeldFiles | undefined
  readonly archive?: NodeArchive | undefined
  readonly set?: NodeSet | undefined
  readonly log: Log
}

/** Errors: as `openDiskStore`. */
export async function openStore({
  dir,
  store,
  maxBytes,
  held,
  log,
  archive,
  set,
}: OpenStoreOptions): Promise<Store> {
  // With an archive, the quota of the disk store is that of its files here.
  const most = archive?.diskBytes ?? set?.diskBytes ?? maxBytes
  const bound = most === undefined ? {} : { maxBytes: most }
  if (store === 'memory') return createMemoryStore(bound)
  if (dir === undefined) throw new TypeError('options.dir: a store on disk needs a directory')
  const { openDiskStore } = await import('../../../store/disk/disk.ts')
  const { deleteRest } = await import('../../../store/disk/drop-store.ts')
  await deleteRest(dir)
  const onFailedCommit = ({ message }: Error): void =>
    log.error(`the ${set === undefined ? 'disk' : 'engine or the disk'} refused a change`, {
      fault: message,
    })
  const elsewhere = archive?.archive ?? set?.elected
  const kept = elsewhere && { archive: elsewhere }
  const options = { directory: dir, ...bound, ...kept, onFailedCommit, ...(held && { held }) }
  const disk = await openDiskStore(options)
  reportRecovery(disk.recovery, log)
  return disk
}

function reportRecovery({ deletedFiles, damaged }: Recovery, log: Log): void {
  if (deletedFiles > 0) log.info('deleted what unfinished puts and removals left', { deletedFiles })
  for (const location of damaged) log.error('a value is damaged or missing on disk', { location })
}
