/** Copies of records on this disk: where they are, and whether they are what they should be. */
import { join } from 'node:path'
import { equal, fromHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { ChainPosition } from '../../journal/chain.ts'
import { faultOf } from '../../store/disk/faults.ts'
import type { Files } from '../../store/disk/files.ts'
import { Database } from '../../store/disk/records/database.ts'
import { type Snapshot, recordsKey } from './description.ts'
import { type TransferOptions, downloadFile } from './transfer.ts'

/** LMDB's files in a directory of records. */
export const recordsFile = (directory: string): string => join(directory, 'data.mdb')
const lockFile = (directory: string): string => join(directory, 'lock.mdb')

/** Deletes the copy in a directory, and what opening it left. */
export async function removeCopy(files: Files, directory: string): Promise<void> {
  await files.remove(recordsFile(directory))
  await files.remove(lockFile(directory))
}

/** Where the records in a directory stand. Throws `integrity` where they can't be read. */
export async function positionOf(files: Files, directory: string): Promise<ChainPosition> {
  let database: Database | undefined
  try {
    database = new Database(directory, { readOnly: true })
    const { position, chain } = database.tally()
    const digest = fromHex(chain)
    if (digest?.byteLength !== 32) throw new DstoreError('integrity', 'it states no chain')
    return { position, digest }
  } catch (error) {
    throw faultOf(error, 'open a copy of the records')
  } finally {
    await database?.close()
    await files.remove(lockFile(directory))
  }
}

/**
 * Fetches a snapshot into an existing directory that has none, and opens it: it has the content,
 * the position and the chain that its description states. Error: `integrity` where it has not.
 */
export async function fetchSnapshot(
  snapshot: Snapshot,
  directory: string,
  options: TransferOptions,
): Promise<void> {
  const { files, objects } = options
  const key = recordsKey(snapshot)
  const fault = (why: string): DstoreError =>
    new DstoreError('integrity', `${objects.place}: ${key} ${why}`)
  const free = await files.freeBytes(directory)
  if (free < snapshot.size) {
    const message = `${key} has ${snapshot.size} bytes, and ${directory} has room for ${free}`
    throw new DstoreError('no-space', message)
  }
  const path = recordsFile(directory)
  const content = await downloadFile(key, path, snapshot.size, options)
  if (!equal(content, snapshot.content)) throw fault('has other bytes than its description says')
  const { position, digest } = await positionOf(files, directory)
  if (position !== snapshot.position || !equal(digest, snapshot.digest)) {
    throw fault(`has the records of another position, ${position}`)
  }
}
