/**
 * Opens the durable store: a journal, LMDB for records and small values, files for large ones
 * (specs/005-storage.md).
 */
import { randomBytes } from 'node:crypto'
import { type JournalFiles, nodeJournalFiles } from '../../journal/file/files.ts'
import { PLATFORM, type Platform } from '../../platform.ts'
import { checkCount } from '../arguments.ts'
import { HeldFiles } from '../file/held-files.ts'
import type { StoreArchive } from './archive.ts'
import { type After, systemAfter } from './commit/after.ts'
import { type JournalBytes, Replica } from './commit/replica.ts'
import { Turns } from './commit/turns.ts'
import type { DiskStore } from './store-parts.ts'
import { OpenDiskStore } from './disk-store.ts'
import { faultOf } from './faults.ts'
import { type Files, nodeFiles } from './files.ts'
import { DISK_RESERVE_BYTES, FreeSpace } from './free-space.ts'
import { Layout } from './layout.ts'
import { PartialUploads, type PartialUploadClocks } from './staged/partial-uploads.ts'
import { Quarantine } from './quarantine.ts'
import type { Database } from './records/database.ts'
import { openDatabase, prepare, recover } from './recovery.ts'
import { Overlay } from './replica/overlay.ts'

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
  /** What must stay in place beside the store, such as a lock file. The store adds its own. */
  readonly held?: HeldFiles
  /** What keeps a copy of the store elsewhere. */
  readonly archive?: StoreArchive
}

/** What the store is built from; tests pass in others that fail. */
export interface DiskStoreComponents {
  readonly files?: Files
  readonly journalFiles?: JournalFiles
  readonly journalBytes?: JournalBytes
  /** Wraps the opened database. */
  readonly database?: (opened: Database) => Database
  readonly clocks?: PartialUploadClocks
  readonly platform?: Pick<Platform, 'flushesDrive'>
  readonly random?: (length: number) => Uint8Array
  /** Timers. */
  readonly after?: After
}

const SYSTEM_CLOCKS: PartialUploadClocks = { wall: Date.now, elapsed: () => performance.now() }

/** Errors: `incompatible`, `integrity`, `no-space`, `unwritable`, each naming the directory. */
export async function openDiskStore(
  {
    directory,
    maxBytes,
    reserveBytes = DISK_RESERVE_BYTES,
    held: given,
    onFailedCommit: onFailed,
    archive,
  }: DiskStoreOptions,
  {
    files = nodeFiles,
    journalFiles = nodeJournalFiles,
    journalBytes = {},
    database: wrap = (opened) => opened,
    clocks = SYSTEM_CLOCKS,
    platform = PLATFORM,
    random = randomBytes,
    after = systemAfter,
  }: DiskStoreComponents = {},
): Promise<DiskStore> {
  if (maxBytes !== undefined) checkCount('maxBytes', maxBytes)
  checkCount('reserveBytes', reserveBytes)
  const layout = new Layout(directory)
  let opened: Database | undefined
  let replica: Replica | undefined
  let store: OpenDiskStore | undefined
  try {
    await prepare(files, layout, archive?.isOnlyJournal === true)
    opened = await openDatabase(files, layout, platform)
    const held = given ?? new HeldFiles(files)
    for (const path of [layout.data, layout.values]) await held.addOpened(path)
    const database = wrap(opened)
    const overlay = new Overlay(database)
    const unwritten = (): number => overlay.bytes
    const now = clocks.elapsed
    const path = layout.root
    const freeSpace = new FreeSpace({ files, path, database, reserveBytes, now, unwritten })
    const journal = { journalFiles, journalBytes, random, after, platform, archive }
    const records = { layout, database, overlay, held, freeSpace, reserveBytes, onFailed }
    replica = await Replica.open({ ...records, ...journal })
    const partials = new PartialUploads(files, layout, clocks)
    const values = archive?.values
    const { recovery, ...recovered } = await recover(files, layout, overlay, partials, values)
    const turns = new Turns()
    const { commits } = replica
    const missing = recovery.damaged
    const quarantine = new Quarantine({ files, layout, overlay, commits, turns, missing })
    const parts = { files, layout, held, database, replica, turns, freeSpace, partials, archive }
    const own = { quarantine, recovery, maxBytes, elapsed: now }
    store = new OpenDiskStore({ ...parts, ...recovered, ...own })
    await archive?.opened(store.archiveSource)
    return store
  } catch (error) {
    await (store === undefined ? replica?.close(archive) : store.close())
    await opened?.close()
    throw faultOf(error, `open the store in ${directory}`)
  }
}
