/**
 * A file in a store that follows a set's journal: its records are a replica, and it has no journal
 * of its own (specs/005-storage.md, R005-130).
 */
import { join } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import type { Files } from '../files.ts'
import type { Layout } from '../layout.ts'

const NAME = 'set'

export async function isReplica(files: Files, { root }: Layout): Promise<boolean> {
  return (await files.size(join(root, NAME))) !== undefined
}

/** Marks a store that has nothing yet. Throws `conflict` for one that has a journal of its own. */
export async function markReplica(files: Files, layout: Layout): Promise<void> {
  if (await isReplica(files, layout)) return
  const hasRecords = ((await files.size(layout.data)) ?? 0) > 0
  if (hasRecords || files.identity(layout.journal) !== undefined) {
    throw new DstoreError('conflict', `${layout.parent} has a store that is not of a set`, {
      hint: 'start a member of a set in an empty directory: see "Moving a store into a set" in docs/set.md',
    })
  }
  await writeReplicaMark(files, layout)
  await files.syncDirectory(layout.root)
}

/** Durable once the directory is synced. Does nothing if there is one. */
export async function writeReplicaMark(files: Files, layout: Layout): Promise<void> {
  if (await isReplica(files, layout)) return
  const file = await files.create(join(layout.root, NAME))
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Throws `conflict` where a store without a set would open the replica of one. */
export async function refuseReplica(files: Files, layout: Layout): Promise<void> {
  if (!(await isReplica(files, layout))) return
  throw new DstoreError('conflict', `${layout.parent} has the records of a member of a set`, {
    hint: 'start it with --engine and --bucket, or choose another --dir',
  })
}
