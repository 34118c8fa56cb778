/**
 * Where a Global or standalone node keeps its archive, and how (specs/011-archive.md, "Rules: the
 * node"). Nothing here is a secret: credentials come from the environment and the files of AWS.
 */
import { checkBucketEndpoint, checkBucketPlace } from '../bucket-flags.ts'
import { DstoreError } from '../../../errors.ts'
import { parseSize } from '../quantities.ts'
import { pathOrNone } from '../http-settings.ts'

export interface ArchiveSettings {
  /** `s3://BUCKET/PREFIX`; `none` leaves the archive for good. */
  readonly archive?: string
  /** URL of an S3 that is not that of AWS; `none` for AWS. */
  readonly archiveEndpoint?: string
  /** Puts wait until the bucket has them. */
  readonly archiveAck?: boolean
  /** Path of the file with the key that encrypts the node's identity; `none` for no such file. */
  readonly archiveKey?: string
  /** Bytes of large values that stay on the disk; the bucket has all of them. */
  readonly diskBytes?: number
}

/** The part of all settings that decides whether there may be an archive. */
interface Beside extends ArchiveSettings {
  readonly role?: 'standalone' | 'global' | 'local'
  readonly store?: 'memory' | 'disk'
  /** A member of a set keeps its values in the bucket of that. */
  readonly engine?: string
}

const NONE = 'none'

/** By variable, as in `settings.ts`. */
export const ARCHIVE_VARIABLES: Readonly<Record<string, (text: string) => ArchiveSettings>> = {
  DSTORE_ARCHIVE: (archive) => ({ archive }),
  DSTORE_ARCHIVE_ENDPOINT: (archiveEndpoint) => ({ archiveEndpoint }),
  DSTORE_ARCHIVE_ACK: (text) => (text === '1' ? { archiveAck: true } : {}),
  DSTORE_ARCHIVE_KEY: (text) => ({ archiveKey: pathOrNone(text, 'the key file') }),
  DSTORE_DISK_SIZE: (text) => ({ diskBytes: parseSize(text) }),
}

/** As `SHAPES` in `settings.ts`. */
export const ARCHIVE_SHAPES: readonly (readonly [string, (value: unknown) => boolean])[] = [
  ['archive', (value) => typeof value === 'string'],
  ['archiveEndpoint', (value) => typeof value === 'string'],
  ['archiveAck', (value) => typeof value === 'boolean'],
  ['archiveKey', (value) => typeof value === 'string'],
  ['diskBytes', (value) => Number.isSafeInteger(value) && Number(value) >= 0],
]

/** Throws `usage` for a place or an endpoint that is none, without what it says of a secret. */
export function checkArchive({ archive, archiveEndpoint }: ArchiveSettings): void {
  if (archive !== undefined && archive !== NONE) checkBucketPlace('--archive', archive)
  if (archiveEndpoint !== undefined && archiveEndpoint !== NONE)
    checkBucketEndpoint('--archive-endpoint', archiveEndpoint)
}

/**
 * What applies of them. A command that names the archive says again whether puts wait for it.
 * Throws `usage` for flags that nothing would use.
 */
export function resolveArchive(given: ArchiveSettings, merged: Beside): ArchiveSettings {
  const { archive = NONE, archiveEndpoint, archiveKey, diskBytes, role, store } = merged
  const named = given.archive !== undefined && given.archive !== NONE
  if (role === 'local') {
    const isGiven = [given.archiveEndpoint, given.archiveKey].some((one) => (one ?? NONE) !== NONE)
    if (named || isGiven || given.archiveAck === true || given.diskBytes !== undefined) {
      throw new DstoreError('usage', 'an archive is for a Global or a standalone node', {
        hint: 'give --archive to the Global of this Local, which has every value',
      })
    }
    return {}
  }
  if (archive === NONE) {
    const needing = [
      (given.archiveEndpoint ?? NONE) !== NONE && '--archive-endpoint',
      given.archiveAck === true && '--archive-ack',
      (given.archiveKey ?? NONE) !== NONE && '--archive-key',
      given.diskBytes !== undefined && merged.engine === undefined && '--disk-size',
    ].filter((one) => one !== false)
    const ofSet = merged.engine !== undefined && diskBytes !== undefined ? { diskBytes } : {}
    if (needing.length === 0) return ofSet
    throw new DstoreError('usage', `${needing.join(', ')}: there is no archive`, {
      hint: 'say where with --archive s3://BUCKET/PREFIX',
    })
  }
  if (store === 'memory') {
    throw new DstoreError('usage', 'an archive is for a store on disk', {
      hint: 'leave out --store memory, or --archive',
    })
  }
  const ack = given.archive === undefined ? merged.archiveAck : given.archiveAck
  return {
    archive,
    ...(archiveEndpoint !== undefined && archiveEndpoint !== NONE && { archiveEndpoint }),
    ...(ack === true && { archiveAck: true }),
    ...(archiveKey !== undefined && archiveKey !== NONE && { archiveKey }),
    ...(diskBytes !== undefined && { diskBytes }),
  }
}
