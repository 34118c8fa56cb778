/** The archive that a daemon starts its node with, and the note of it (specs/011-archive.md). */
import { readdirSync } from 'node:fs'
import { DstoreError } from '../../../errors.ts'
import type { Log } from '../../../log.ts'
import type { NodeKept } from '../../../node/global/archive/node-kept.ts'
import type { NodeArchiveOptions } from '../../../node/global/archive/node-archive.ts'
import type { Settings } from '../settings.ts'
import type { StateDirectory } from '../state-directory.ts'
import { settleTokens, type TokenMirror } from '../tokens/archived-tokens.ts'
import { checkNote, dropNote, readNote, writeNote } from './archive-note.ts'
import { progressOnLog } from './restore-progress.ts'

export interface DaemonArchiveOptions {
  readonly directory: StateDirectory
  /** What applies, and what this command says. */
  readonly settings: Settings
  readonly given: Settings
  /** `--take-over` */
  readonly takeOver: boolean
  readonly log: Log
}

export interface DaemonArchive {
  /** For the node; undefined without an archive. */
  readonly options: NodeArchiveOptions | undefined
  /** The node is open: makes the files that stand beside its store. */
  settle(kept: NodeKept | undefined): Promise<TokenMirror | undefined>
  /** The daemon serves: an archive that was left is forgotten. */
  served(): void
}

/** A store of any layout. One that is being restored has another name. */
const STORE = /^store-v\d+$/

/**
 * Errors: `usage` for `--take-over` without an archive; `conflict` where the store has an archive
 * that this start would not continue (R011-82).
 */
export function daemonArchive({
  directory,
  settings,
  given,
  takeOver,
  log,
}: DaemonArchiveOptions): DaemonArchive {
  const { archive: place, archiveEndpoint: endpoint, archiveKey: keyFile, role, store } = settings
  if (takeOver && settings.engine !== undefined) {
    throw new DstoreError('unsupported', '--take-over does not move an archive into a set', {
      hint: 'restore it to a single Global, with --archive and --take-over and without --engine; then import its export into a set with a bucket prefix of its own: see "Moving a store into a set" in docs/set.md',
    })
  }
  if (takeOver && place === undefined) {
    throw new DstoreError('usage', '--take-over restores an archive, and none is named', {
      hint: role === 'local' ? 'give it to a Global' : 'say where it is with --archive',
    })
  }
  const hasStore = hasStoreIn(directory)
  const isAsked = role !== 'local' && store !== 'memory'
  // Without a store there is nothing that it protects: a restore failed, or the store was dropped.
  const note = isAsked && hasStore ? readNote(directory.archive) : undefined
  const leaves = given.archive === 'none'
  checkNote(note, place, leaves)
  const served = (): void => {
    if (note !== undefined && place === undefined && leaves) dropNote(directory.archive)
  }
  if (place === undefined) {
    return { options: undefined, settle: () => Promise.resolve(undefined), served }
  }
  const takesOver = takeOver && !hasStore
  if (takeOver && hasStore) {
    log.info('--take-over does nothing: this directory has a store, which goes on', { place })
  }
  const isBegun = note?.begun === true
  const isRestored = takesOver || note?.restoring === true
  if (endpoint !== undefined && isOpenToOthers(endpoint)) {
    log.warn('the network can read what goes to the archive: its endpoint is not https', {
      endpoint,
    })
  }
  let isNoted = false
  const options: NodeArchiveOptions = {
    open: async () => {
      const { openBucket } = await import('../../../bucket/s3-objects.ts')
      const url = endpoint === undefined ? {} : { endpoint }
      return openBucket({ place, ...url, environment: process.env })
    },
    acknowledges: settings.archiveAck === true,
    keyFile,
    diskBytes: settings.diskBytes,
    takesOver,
    isBegun,
    // Before a restored store is there: a crash behind it must not lose the tokens.
    onBeginning: () => {
      isNoted = true
      return writeNote(directory.archive, {
        place,
        ...(isRestored && { restoring: true }),
        ...(isBegun && { begun: true }),
      })
    },
    onAbandoned: async () => {
      const isRestoredNow = takesOver && hasStoreIn(directory)
      if (isNoted && note === undefined && !isRestoredNow) dropNote(directory.archive)
    },
    onProgress: progressOnLog(log),
  }
  const settle = async (kept: NodeKept | undefined): Promise<TokenMirror | undefined> => {
    if (kept === undefined) return undefined
    const mirror = await settleTokens(directory.tokens, kept.tokens, isRestored)
    if (isRestored || !isBegun) await writeNote(directory.archive, { place, begun: true })
    return mirror
  }
  return { options, settle, served }
}

const hasStoreIn = ({ path }: StateDirectory): boolean =>
  readdirSync(path).some((name) => STORE.test(name))

/** Values are not encrypted: anyone between could read them. */
function isOpenToOthers(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint)
  return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
}
