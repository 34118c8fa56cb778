/** Takes snapshots: copies of the records that a restore begins with (specs/011-archive.md). */
import { join } from 'node:path'
import { allUnfinished } from '../../bucket/all-unfinished.ts'
import type { ObjectStore } from '../../bucket/object-store.ts'
import { equal } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { ChainPosition } from '../../journal/chain.ts'
import { entryDigest } from '../../journal/digest.ts'
import type { Journal } from '../../journal/journal.ts'
import { ARCHIVE_SNAPSHOTS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { ArchiveSource } from '../../store/disk/archive.ts'
import { faultOf } from '../../store/disk/faults.ts'
import type { Files } from '../../store/disk/files.ts'
import { fetchSnapshot, recordsFile, removeCopy } from './checked.ts'
import {
  type Snapshot,
  SNAPSHOT_PREFIX,
  descriptionKey,
  encodeDescription,
  partOf,
  recordsKey,
} from './description.ts'
import { describedAt, listSnapshots } from './listed.ts'
import { digestFile, uploadFile } from './transfer.ts'

export interface SnapshotOptions {
  readonly objects: ObjectStore
  /** That of the bucket; trimmed behind the older of two snapshots. */
  readonly journal: Journal
  readonly source: Pick<ArchiveSource, 'copyRecords'>
  /** Resolves when the bucket's journal has this position. */
  readonly archived: (position: number) => Promise<void>
  /** In which the copies are, one at a time: on the disk of the store. Made if missing. */
  readonly directory: string
  readonly files: Files
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** The member of a set that takes it: then nothing is deleted or trimmed. */
  readonly by?: string
}

/**
 * Takes a snapshot, and deletes what is older than two, unless a set does. Returns the newest:
 * an earlier one if that has the same position or a later one. Errors: `unreachable`, `no-space`;
 * `integrity` where the bucket has another history, or gives back other bytes; the signal's reason.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const { objects, directory, files, signal } = options
  const work = join(directory, 'snapshot')
  try {
    await files.makeDirectory(work)
    await removeCopy(files, work)
    const copied = await options.source.copyRecords(work)
    signal.throwIfAborted()
    if (copied.position === 0) {
      throw new DstoreError('busy', 'no entry has been applied yet, so there is nothing to take')
    }
    const [newest] = (await listSnapshots(objects, signal)).whole
    const isNewer = newest === undefined || newest.position < copied.position
    const taken = isNewer ? await upload(copied, work, options) : newest
    if (options.by === undefined) {
      const { whole } = await listSnapshots(objects, signal)
      const kept = whole.slice(0, ARCHIVE_SNAPSHOTS)
      await pruneSnapshots(kept, options)
      const older = kept[ARCHIVE_SNAPSHOTS - 1]
      if (older !== undefined) await options.journal.trim(older.position)
    }
    return taken
  } catch (error) {
    throw faultOf(error, 'take a snapshot')
  } finally {
    await removeCopy(files, work).catch(() => undefined)
  }
}

/** Uploads the copy, reads it back, and describes it: then it counts. */
async function upload(
  copied: ChainPosition,
  work: string,
  { objects, journal, archived, files, now, signal, by }: SnapshotOptions,
): Promise<Snapshot> {
  await archived(copied.position)
  await checkHistory(copied, journal, objects.place)
  const path = recordsFile(work)
  const { size, content } = await digestFile(path, { files, signal })
  const snapshot: Snapshot = {
    ...copied,
    size,
    content,
    takenAt: now(),
    ...(by !== undefined && { by }),
  }
  const transfer = { objects, files, signal }
  const key = recordsKey(snapshot)
  try {
    await uploadFile(path, key, size, transfer)
    // One copy at a time: what is compared from here on is the digest.
    await removeCopy(files, work)
    await fetchSnapshot(snapshot, work, transfer)
  } catch (error) {
    await objects.remove([key]).catch(() => undefined)
    throw error
  }
  // From here on the copy stays: a description may be there although its answer was lost.
  const { position } = snapshot
  const body = encodeDescription(snapshot)
  await objects.put(descriptionKey(position), body, { ifAbsent: true, signal })
  const described = await describedAt(objects, position, signal)
  if (described !== undefined && equal(described.digest, snapshot.digest)) return described
  throw new DstoreError('integrity', `${objects.place}: ${descriptionKey(position)} is another's`)
}

/** The bucket's journal must have the entry that the copy ends with. */
async function checkHistory(
  { position, digest }: ChainPosition,
  journal: Journal,
  place: string,
): Promise<void> {
  const entry = await journal.at(position)
  // Where the journal begins after this position, or was trimmed behind a later snapshot.
  const isBefore =
    entry === 'gone' || (entry === undefined && (await journal.extent()).last === position)
  if (isBefore || (entry instanceof Uint8Array && equal(entryDigest(entry), digest))) return
  const message = `${place}: the journal has no or another entry ${position} than these records`
  throw new DstoreError('integrity', message)
}

/** Deletes all but these, but not what a later node may be uploading. */
export async function pruneSnapshots(
  kept: readonly Snapshot[],
  { objects, log, signal }: Pick<SnapshotOptions, 'objects' | 'log' | 'signal'>,
): Promise<void> {
  const newest = kept[0]?.position ?? 0
  const { damaged, objects: all } = await listSnapshots(objects, signal)
  for (const { fault } of damaged)
    log.warn('a snapshot in the archive is damaged', { fault: fault.message })
  const names = new Set(kept.flatMap((one) => [descriptionKey(one.position), recordsKey(one)]))
  const old = all.filter(({ key, position }) => !names.has(key) && position <= newest)
  await removeAll(
    old.map(({ key }) => key),
    objects,
    signal,
  )
  for await (const unfinished of allUnfinished(objects, SNAPSHOT_PREFIX, signal)) {
    const part = partOf(unfinished.key)
    if (part !== undefined && part.position <= newest) await objects.abortUpload(unfinished, signal)
  }
}

/** Deletes a snapshot that is not to be loaded. */
export function removeSnapshot(
  snapshot: Snapshot,
  objects: Pick<ObjectStore, 'remove'>,
  signal: AbortSignal,
): Promise<void> {
  return removeAll([descriptionKey(snapshot.position), recordsKey(snapshot)], objects, signal)
}

/** A description goes before what it describes. */
async function removeAll(
  keys: readonly string[],
  objects: Pick<ObjectStore, 'remove'>,
  signal: AbortSignal,
): Promise<void> {
  const isDescription = (key: string): boolean => partOf(key)!.kind === 'description'
  for (const key of keys) if (isDescription(key)) await objects.remove([key], signal)
  for (const key of keys) if (!isDescription(key)) await objects.remove([key], signal)
}
