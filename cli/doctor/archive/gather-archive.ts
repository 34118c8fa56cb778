/** Looks at the archive of this node: its note, its key file, and, without a daemon, its bucket. */
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { readNote } from '../../../src/daemon/config/archive/archive-note.ts'
import type { Settings } from '../../../src/daemon/config/settings.ts'
import type { StateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { asDstoreError } from '../../../src/errors.ts'
import type { ArchiveFacts } from '../facts.ts'

/** `isServed`: a daemon tells of the bucket itself. Errors: `unreadable` for the note. */
export async function lookAtArchive(
  directory: StateDirectory,
  settings: Settings,
  isServed: boolean,
  signal: AbortSignal,
): Promise<ArchiveFacts> {
  const noted = readNote(directory.archive)?.place
  const { archive: place, archiveEndpoint: endpoint, archiveKey } = settings
  const key = archiveKey === undefined ? undefined : await lookAtKey(archiveKey)
  const bucket =
    isServed || place === undefined ? undefined : await tryBucket(place, endpoint, signal)
  return { place, endpoint, noted, key, bucket }
}

async function lookAtKey(path: string): Promise<NonNullable<ArchiveFacts['key']>> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return { path, state: 'missing' }
  return { path, state: (found.mode & 0o077) === 0 ? 'there' : 'open' }
}

/** Writes a few objects of its own, which it deletes, as a start does. */
export async function tryBucket(
  place: string,
  endpoint: string | undefined,
  signal: AbortSignal,
): Promise<NonNullable<ArchiveFacts['bucket']>> {
  try {
    const { openBucket } = await import('../../../src/bucket/s3-objects.ts')
    const { raceBucket } = await import('../../../src/bucket/race.ts')
    const url = endpoint === undefined ? {} : { endpoint }
    const objects = await openBucket({ place, ...url, environment: process.env })
    try {
      await raceBucket(objects, { name: randomBytes(8).toString('hex'), signal })
    } finally {
      await objects.close()
    }
    return { fault: undefined }
  } catch (error) {
    signal.throwIfAborted()
    return { fault: asDstoreError(error) }
  }
}
