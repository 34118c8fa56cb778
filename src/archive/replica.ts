/** The records of a set's member: built from the newest snapshot, and discarded. */
import { join } from 'node:path'
import type { ObjectStore } from '../bucket/object-store.ts'
import type { ChainPosition } from '../journal/chain.ts'
import type { Log } from '../log.ts'
import { deleteRest, dropStore } from '../store/disk/drop-store.ts'
import { faultOf } from '../store/disk/faults.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import { refusePlain, writeReplicaMark } from '../store/disk/follower/mark.ts'
import { Layout } from '../store/disk/layout.ts'
import { loadSnapshot } from './snapshots/load.ts'

export interface LoadReplicaOptions {
  readonly objects: ObjectStore
  /** The state directory. */
  readonly directory: string
  readonly files?: Files
  readonly log: Log
  readonly signal: AbortSignal
  /** Bytes of the snapshot that is being loaded. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/**
 * Deletes the replica in a state directory, which must not be open. Whenever this is interrupted,
 * the replica is whole or gone. Errors: `conflict` for a store that is no replica; `unwritable`.
 */
export async function discardReplica(directory: string, files: Files = nodeFiles): Promise<void> {
  try {
    await refusePlain(files, new Layout(directory))
    await dropStore(directory)
  } catch (error) {
    throw faultOf(error, `discard the records in ${directory}`)
  }
}

/**
 * Replaces the replica in a state directory by the newest snapshot. It is built beside its place,
 * and gets its name when it is complete and durable: an end at any moment leaves the old one, none,
 * or the new one. Errors: `conflict` for a store that is no replica; those of `loadSnapshot`.
 */
export async function loadReplica(options: LoadReplicaOptions): Promise<ChainPosition> {
  const { directory, files = nodeFiles } = options
  const layout = new Layout(directory)
  const building = new Layout(join(directory, BUILDING))
  try {
    await refusePlain(files, layout)
    await deleteRest(directory)
    for (const path of [building.records, building.values]) await files.makeDirectory(path)
    const loaded = await loadSnapshot({ ...options, directory: building.records, files })
    await writeReplicaMark(files, building)
    for (const path of [building.records, building.values, building.root]) {
      await files.syncDirectory(path)
    }
    await dropStore(directory)
    await files.rename(building.root, layout.root)
    await files.syncDirectory(directory)
    await files.removeDirectory(building.parent)
    const { position, digest } = loaded
    return { position, digest }
  } catch (error) {
    throw faultOf(error, `load the records into ${directory}`)
  }
}

/** Of a state directory: the folder in which a replica is built. */
const BUILDING = 'replica.loading'
