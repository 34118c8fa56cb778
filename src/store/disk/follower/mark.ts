/**
 * A file in a store that follows a set's journal: its records are a replica, and it has no journal
 * of its own (specs/005-storage.md, "Rules: replicas of a set").
 */
import { join } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import { layoutIn } from '../earlier-layout.ts'
import type { Files } from '../files.ts'
import { type Layout, parseValueFile } from '../layout.ts'

const NAME = 'set'

export async function isReplica(files: Files, { root }: Layout): Promise<boolean> {
  return (await files.size(join(root, NAME))) !== undefined
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
  throw new DstoreError('conflict', `${layout.root} has the records of a member of a set`, {
    hint: 'start it with --engine and --bucket, or choose another --dir',
  })
}

/** Throws `conflict` where a member of a set would open a store that has a journal of its own. */
export async function refusePlain(files: Files, layout: Layout): Promise<void> {
  if (await isReplica(files, layout)) return
  const found = await layoutIn(files, layout.parent)
  if (found.root === layout.root && !(await hasAnything(files, layout))) return
  throw new DstoreError(
    'conflict',
    `${found.root} is the store of a single node, not of a member of a set`,
    {
      hint: 'start the member in an empty --dir, and copy with `dstore export` and `dstore import`: see "Moving a store into a set" in docs/set.md',
    },
  )
}

/** An opening that was interrupted at its beginning leaves nothing but folders. */
async function hasAnything(files: Files, { data, journal, values }: Layout): Promise<boolean> {
  if (((await files.size(data)) ?? 0) > 0 || files.identity(journal) !== undefined) return true
  if (files.identity(values) === undefined) return false
  for await (const name of files.list(values)) if (parseValueFile(name) !== undefined) return true
  return false
}
