/** Compares the store in a directory with the archive, before a start changes either. */
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError } from '../errors.ts'
import { openBucketJournal } from '../journal/bucket/bucket-journal.ts'
import { openFileJournal } from '../journal/file/file-journal.ts'
import { layoutIn } from '../store/disk/earlier-layout.ts'
import { type Files, nodeFiles } from '../store/disk/files.ts'
import { refuseReplica } from '../store/disk/follower/mark.ts'
import { compareJournals } from './following/joining.ts'
import { readSet } from './set.ts'

export interface Fitting {
  readonly objects: ObjectStore
  /** The state directory. */
  readonly directory: string
  /** The store had this archive before: a place without it is refused. */
  readonly isBegun?: boolean | undefined
}

/**
 * Only reads (R011-91). Errors: those of `StoreArchive.join`, which compares again, and of
 * `readSet`.
 */
export async function checkFit(
  { objects, directory, isBegun = false }: Fitting,
  files: Files = nodeFiles,
): Promise<void> {
  const set = await readSet(objects)
  const bucket = openBucketJournal({ objects })
  try {
    const { first, last } = await bucket.extent()
    const layout = await layoutIn(files, directory)
    const { root, journal } = layout
    await refuseReplica(files, layout)
    // Every value that is only in the bucket would be missing in a new archive.
    const isLost = isBegun && (first > last || set === undefined)
    if (isLost && files.identity(root) !== undefined) throw lostArchive(objects.place)
    if (first > last) return
    const own = await openFileJournal({ directory: journal, readOnly: true })
    try {
      const isStore = files.identity(root) !== undefined
      if (isStore && (await own.extent()).last === 0) throw unjournaled(objects.place, last, root)
      await compareJournals(own, bucket, objects.place)
    } finally {
      await own.close()
    }
  } finally {
    await bucket.close()
  }
}

const unjournaled = (place: string, last: number, root: string): DstoreError =>
  new DstoreError(
    'integrity',
    `the archive in ${place} has ${last} entries, and the store in ${root} has none`,
    {
      hint: 'give another prefix for this store; or move it away, and restore the archive with --take-over',
    },
  )

const lostArchive = (place: string): DstoreError =>
  new DstoreError('integrity', `the archive of this store is no longer in ${place}`, {
    hint: 'see whether --archive-endpoint is right, and the bucket is there; if it is lost, start once with --archive none, then with a new place',
  })
