/** The records of a member in its state directory. */
import { join } from 'node:path'
import { loadSnapshot } from '../archive/snapshots/load.ts'
import { rootOf } from '../archive/take-over-mark.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError } from '../errors.ts'
import type { Log } from '../log.ts'
import { dropStore } from '../store/disk/drop-store.ts'
import { faultOf } from '../store/disk/faults.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import { openFollower } from '../store/disk/follower/follower.ts'
import { Layout } from '../store/disk/layout.ts'
import { writeReplicaMark } from '../store/disk/follower/mark.ts'
import type { ReplicaPlace } from './replica-place.ts'

export interface DiskReplicaOptions {
  /** The state directory. */
  readonly directory: string
  readonly objects: ObjectStore
  readonly log: Log
  readonly files?: Files
}

export function diskReplica(options: DiskReplicaOptions): ReplicaPlace {
  const { directory, log, files = nodeFiles } = options
  return {
    workDirectory: join(rootOf(directory), 'archive'),
    open: () =>
      openFollower(
        { directory, onFailed: ({ message }) => log.error('the disk fails', { message }) },
        { files },
      ),
    load: (signal) => load({ ...options, files }, signal),
  }
}

/**
 * Builds the records beside what is there, which goes once they are complete. Errors: those of
 * `loadSnapshot` and of the disk.
 */
async function load(
  { directory, objects, log, files }: DiskReplicaOptions & { readonly files: Files },
  signal: AbortSignal,
): Promise<void> {
  const root = rootOf(directory)
  const building = new Layout(`${root}.loading`)
  try {
    await files.makeDirectory(building.parent)
    await files.makeDirectory(building.root)
    for (const path of [building.records, building.values]) await files.makeDirectory(path)
    const { position } = await loadSnapshot({
      objects,
      directory: building.records,
      files,
      log,
      signal,
    })
    await writeReplicaMark(files, building)
    for (const path of [building.records, building.values, building.root]) {
      await files.syncDirectory(path)
    }
    await dropStore(directory)
    await files.rename(building.root, root)
    await files.syncDirectory(directory)
    await files.removeDirectory(building.parent)
    log.info('loaded the records from a snapshot', { position })
  } catch (error) {
    // Before the first snapshot the journal has everything.
    if (error instanceof DstoreError && error.code === 'not-found') return dropStore(directory)
    throw faultOf(error, `load the records into ${directory}`)
  }
}
