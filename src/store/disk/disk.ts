/** Opens the durable store: LMDB for records and small values, files for large ones (specs/005). */
import type { ArchivedValues } from './archive.ts'
import { PLATFORM, type Platform } from '../../platform.ts'
import { checkCount } from '../arguments.ts'
import { HeldFiles } from '../file/held-files.ts'
import type { DiskStore } from './store-parts.ts'
import { OpenDiskStore } from './disk-store.ts'
import { faultOf } from './faults.ts'
import { type Files, nodeFiles } from './files.ts'
import { DISK_RESERVE_BYTES, FreeSpace } from './free-space.ts'
import { Layout } from './layout.ts'
import { PartialUploads, type PartialUploadClocks } from './staged/partial-uploads.ts'
import { Quarantine } from './quarantine.ts'
import type { Database } from './records/database.ts'
import { GroupCommit } from './records/group-commit.ts'
import { openDatabase, prepare, recover } from './recovery.ts'

export type { DiskStore } from './store-parts.ts'
export type { Recovery } from './recovery.ts'

export interface DiskStoreOptions {
  /** Created if missing. Only one process may have it open. */
  readonly directory: string
  /** Quota in bytes of values, without outboards and records; no limit if undefined. */
  readonly maxBytes?: number
  /** Bytes to leave free on the filesystem; default `DISK_RESERVE_BYTES`. */
  readonly reserveBytes?: number
  /** Called once for each commit that the disk refuses. */
  readonly onFailedCommit?: (fault: Error) => void
  /** The objects of its large values, of which this disk is a cache then. */
  readonly archived?: ArchivedValues
  /** What must stay in place beside the store, such as a lock file. The store adds its own. */
  readonly held?: HeldFiles
}

/** What the store is built from; tests pass in others that fail. */
export interface DiskStoreComponents {
  readonly files?: Files
  /** Wraps the opened database. */
  readonly database?: (opened: Database) => Database
  readonly clocks?: PartialUploadClocks
  readonly platform?: Pick<Platform, 'flushesDrive'>
}

const SYSTEM_CLOCKS: PartialUploadClocks = { wall: Date.now, elapsed: () => performance.now() }

/** Errors: `incompatible`, `integrity`, `no-space`, `unwritable`, each naming the directory. */
export async function openDiskStore(
  {
    directory,
    maxBytes,
    reserveBytes = DISK_RESERVE_BYTES,
    held: given,
    onFailedCommit,
    archived,
  }: DiskStoreOptions,
  {
    files = nodeFiles,
    database: wrap = (opened) => opened,
    clocks = SYSTEM_CLOCKS,
    platform = PLATFORM,
  }: DiskStoreComponents = {},
): Promise<DiskStore> {
  if (maxBytes !== undefined) checkCount('maxBytes', maxBytes)
  checkCount('reserveBytes', reserveBytes)
  const layout = new Layout(directory)
  let opened: Database | undefined
  try {
    await prepare(files, layout)
    opened = await openDatabase(files, layout, platform)
    const held = given ?? new HeldFiles(files)
    for (const path of [layout.data, layout.values]) await held.addOpened(path)
    const database = wrap(opened)
    const run = await beginRun(database)
    const partials = new PartialUploads(files, layout, clocks)
    const { recovery, ...recovered } = await recover(files, layout, database, partials, archived)
    const freeSpace = new FreeSpace(files, layout.root, database, reserveBytes)
    const commits = new GroupCommit(database, freeSpace, held, onFailedCommit)
    const missing = recovery.damaged
    const quarantine = new Quarantine({ files, layout, database, commits, missing })
    const parts = { files, layout, held, database, freeSpace, commits, partials, quarantine }
    return new OpenDiskStore({
      ...parts,
      run,
      recovery,
      ...recovered,
      maxBytes,
      archived,
      elapsed: clocks.elapsed,
    })
  } catch (error) {
    await opened?.close()
    throw faultOf(error, `open the store in ${directory}`)
  }
}

/** Increments the run, so that no location of an earlier run is issued again. */
async function beginRun(database: Database): Promise<number> {
  return database.transact(() => {
    const tally = database.tally()
    const run = tally.run + 1
    database.writeTally({ ...tally, run })
    return run
  })
}
