/** The records of a member in its state directory. */
import { join } from 'node:path'
import { discardReplica, loadReplica } from '../archive/replica.ts'
import { rootOf } from '../archive/take-over-mark.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError } from '../errors.ts'
import { MIB } from '../limits.ts'
import type { Log } from '../log.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import { openFollower } from '../store/disk/follower/follower.ts'
import type { ReplicaPlace } from './replica-place.ts'

export interface DiskReplicaOptions {
  /** The state directory. */
  readonly directory: string
  readonly objects: ObjectStore
  readonly log: Log
  /** What goes on, for people. */
  readonly onStep?: (doing: string) => void
  readonly files?: Files
}

export function diskReplica(options: DiskReplicaOptions): ReplicaPlace {
  const { directory, log, onStep, files = nodeFiles } = options
  return {
    workDirectory: join(rootOf(directory), 'archive'),
    open: () =>
      openFollower(
        { directory, onFailed: ({ message }) => log.error('the disk fails', { message }) },
        { files },
      ),
    load: async (signal) => {
      try {
        const { position } = await loadReplica({
          ...options,
          files,
          signal,
          onProgress: ({ done, total }) =>
            onStep?.(
              `loads a snapshot: ${Math.floor(done / MIB)} of ${Math.ceil(total / MIB)} MiB`,
            ),
        })
        log.info('loaded the records from a snapshot', { position })
      } catch (error) {
        // Before the first snapshot the journal has everything.
        if (!(error instanceof DstoreError) || error.code !== 'not-found') throw error
        await discardReplica(directory, files)
      }
    },
  }
}
