/**
 * Compares a snapshot that another member took with the records of this one: the same entries must
 * make the same rows (specs/012-set.md, R012-71).
 */
import { fetchSnapshot } from '../archive/snapshots/checked.ts'
import { type Snapshot, recordsKey } from '../archive/snapshots/description.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import type { ArchiveSource } from '../store/disk/archive.ts'
import { dropStore } from '../store/disk/drop-store.ts'
import type { Files } from '../store/disk/files.ts'
import { type Follower, openFollower } from '../store/disk/follower/follower.ts'
import { writeReplicaMark } from '../store/disk/follower/mark.ts'
import { Layout } from '../store/disk/layout.ts'

export interface VerifyOptions {
  readonly journal: Journal
  readonly objects: ObjectStore
  /** Of this member. */
  readonly source: Pick<ArchiveSource, 'rowsDigest'>
  /** For the copy while it is compared: on the disk of the records. Emptied before and after. */
  readonly directory: string
  readonly files: Files
  readonly signal: AbortSignal
}

/** The snapshot is whole, and has other rows than this member. */
export class OtherRowsError extends DstoreError {
  constructor(snapshot: Snapshot, position: number, place: string) {
    const who = snapshot.by === undefined ? '' : `, of member ${snapshot.by},`
    const message = `${place}: ${recordsKey(snapshot)}${who} has other rows at entry ${position} than this member`
    super('integrity', message, {
      hint: 'a standby loads its records again by itself, once; if this is said again, empty its state directory: see docs/set.md',
    })
  }
}

/**
 * Resolves where both agree. Errors: `OtherRowsError` where they do not; `integrity` for damage;
 * `busy` where this member has not applied so much, or the journal was trimmed meanwhile;
 * `unreachable`, `no-space`; the signal's reason.
 */
export async function verifySnapshot(snapshot: Snapshot, options: VerifyOptions): Promise<void> {
  const { source, objects, directory, files, signal } = options
  const own = await source.rowsDigest(signal)
  if (own.position < snapshot.position) {
    throw new DstoreError('busy', `this member has only applied ${own.position} entries`)
  }
  const layout = new Layout(directory)
  try {
    await files.makeDirectory(directory)
    await dropStore(directory)
    for (const path of [layout.records, layout.values]) await files.makeDirectory(path)
    await fetchSnapshot(snapshot, layout.records, options)
    await writeReplicaMark(files, layout)
    const follower = await openFollower({ directory }, { files })
    try {
      await applyUpTo(own.position, follower, options)
      const { digest } = await follower.rowsDigest(signal)
      if (!equal(digest, own.digest)) {
        throw new OtherRowsError(snapshot, own.position, objects.place)
      }
    } finally {
      await follower.close()
    }
  } finally {
    await dropStore(directory)
    await files.removeDirectory(directory)
  }
}

async function applyUpTo(
  position: number,
  follower: Follower,
  { journal, signal }: VerifyOptions,
): Promise<void> {
  while (follower.position.position < position) {
    const after = follower.position.position
    const ended = new AbortController()
    const ends = AbortSignal.any([signal, ended.signal])
    try {
      for await (const batch of journal.follow(after, ends)) {
        if (batch === 'gone') throw new DstoreError('busy', 'the journal was trimmed meanwhile')
        const missing = position - follower.position.position
        await follower.apply(batch.slice(0, missing))
        if (follower.position.position >= position) break
      }
    } finally {
      ended.abort()
    }
    signal.throwIfAborted()
  }
}
