/** Loads the newest snapshot that is whole (specs/011-archive.md, "Snapshots"). */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { faultOf } from '../../store/disk/faults.ts'
import type { Files } from '../../store/disk/files.ts'
import { fetchSnapshot, removeCopy } from './checked.ts'
import type { Snapshot } from './description.ts'
import { listSnapshots } from './listed.ts'

export interface LoadOptions {
  readonly objects: ObjectStore
  /** Made if missing; what it has of an earlier try is replaced. */
  readonly directory: string
  readonly files: Files
  readonly log: Log
  readonly signal: AbortSignal
  /** Bytes of the snapshot that is being loaded. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/**
 * Puts the records of the newest snapshot into the directory, durably; where that is damaged, those
 * of the older one. Errors: `not-found` where there is none; `integrity` where none is whole;
 * `incompatible`, `no-space`, `unreachable`; the signal's reason.
 */
export async function loadSnapshot(options: LoadOptions): Promise<Snapshot> {
  const { objects, directory, files, log, signal, onProgress } = options
  try {
    const { whole, damaged } = await listSnapshots(objects, signal)
    const faults = damaged.map(({ fault }) => fault)
    for (const { message } of faults) log.error('a snapshot is damaged', { message })
    for (const snapshot of whole) {
      const total = snapshot.size
      const onBytes = onProgress && ((done: number): void => onProgress({ done, total }))
      const transfer = { objects, files, signal, ...(onBytes && { onProgress: onBytes }) }
      await files.makeDirectory(directory)
      await removeCopy(files, directory)
      try {
        await fetchSnapshot(snapshot, directory, transfer)
        await files.syncDirectory(directory)
        return snapshot
      } catch (error) {
        await removeCopy(files, directory)
        if (!(error instanceof DstoreError) || error.code !== 'integrity') throw error
        log.error('a snapshot is damaged', { message: error.message })
        faults.push(error)
      }
    }
    if (faults.length > 0) throw damagedAll(objects.place, faults)
    throw new DstoreError('not-found', `there is no snapshot in ${objects.place}`, {
      hint: 'an archive can be restored once its first copy is complete',
    })
  } catch (error) {
    throw faultOf(error, 'load a snapshot')
  }
}

function damagedAll(place: string, faults: readonly DstoreError[]): DstoreError {
  const message = `no snapshot in ${place} is whole: ${faults[0]!.message}`
  return new DstoreError('integrity', message, { cause: faults[0] })
}
