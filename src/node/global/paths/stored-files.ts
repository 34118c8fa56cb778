/** The files of Global's own store, as other processes may map them (specs/005, "Rules: paths"). */
import { dirname } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import type { KeyRecord } from '../../../index/records/record.ts'
import { COPY_MODE, PrivateFolder } from '../../../store/paths/private-folder.ts'
import {
  isSameState,
  openToGroup,
  setMode,
  stateOf,
  type FileState,
} from '../../../store/paths/file-state.ts'
import type { LentFile, Location, Store } from '../../../store/store.ts'
import type { CopiedValue, HeldFile, PathFiles } from '../../calls/paths/path-files.ts'
import { Shared, type Made } from '../../calls/paths/shared.ts'
import type { CallOptions } from '../../node.ts'
import { recordOf } from '../ingest.ts'
import type { Repair } from '../repair.ts'
import { CopyRoom } from './copy-room.ts'
import { Releases } from './releases.ts'

export interface StoredFilesOptions {
  readonly store: Store
  readonly repair: Repair
  /** A caller used this value. */
  readonly used: (digest: Uint8Array) => void
  /** Below it is the folder of this run; undefined: this node makes no files. */
  readonly pathsRoot?: string | undefined
  /** The group that may read what is handed out, too. */
  readonly groupId?: number | undefined
}

/** What came of verifying a file. */
interface Check extends Made {
  readonly state: FileState | undefined
}

export class StoredFiles implements PathFiles {
  readonly #options: StoredFilesOptions
  /** Of files that were verified in this run. */
  readonly #verified = new Map<Location, FileState>()
  /** Files that are being verified; callers share one reading. */
  readonly #checks = new Shared<Check>()
  readonly #releases = new Releases((location) => this.#verified.delete(location))
  readonly #room: CopyRoom
  #folder: PrivateFolder | undefined

  constructor(options: StoredFilesOptions) {
    this.#options = options
    this.#room = new CopyRoom(options.pathsRoot)
  }

  async open(key: Key, options: CallOptions): Promise<HeldFile | undefined> {
    const record = await this.#record(key)
    this.#options.used(key.digest)
    const lent = await this.#options.store.lendFile(record.location, true)
    if (lent === undefined) return undefined
    // No thread of this node reads the file: a release need not wait.
    const giveBack = (): void => lent.giveBack()
    lent.signal.addEventListener('abort', giveBack, { once: true })
    const release = (): void => {
      lent.signal.removeEventListener('abort', giveBack)
      giveBack()
    }
    try {
      const state = await this.#verify(key, record, lent, options)
      lent.signal.throwIfAborted()
      if (state === undefined) {
        release()
        return undefined
      }
      const { device, inode } = state
      const { path, signal: removed } = lent
      return { path, device, inode, size: record.size, removed, release }
    } catch (error) {
      release()
      // The store closed, or the value was removed meanwhile.
      lent.signal.throwIfAborted()
      throw error
    }
  }

  async copy(key: Key, options: CallOptions): Promise<CopiedValue> {
    const record = await this.#record(key)
    this.#options.used(key.digest)
    const { size } = record
    const free = this.#room.take(size)
    // From here on a release is noticed; an earlier one makes the read fail.
    const { signal: removed, end } = this.#releases.watch(record.location)
    const release = (): void => {
      end()
      free()
    }
    const range = { start: 0, end: size }
    const bytes = this.#options.repair.read(key.digest, record, range, options.signal)
    return { size, bytes, removed, release }
  }

  /** To be called for released values before the change is acknowledged. */
  released(locations: readonly Location[]): void {
    this.#releases.released(locations)
  }

  folder(): PrivateFolder {
    const { pathsRoot, groupId } = this.#options
    if (pathsRoot !== undefined) {
      return (this.#folder ??= PrivateFolder.make(() => pathsRoot, groupId))
    }
    throw new DstoreError('unsupported', 'this node has no state directory to make files in', {
      hint: 'read the value with `get`, or give the node a directory',
    })
  }

  async close(): Promise<void> {
    await this.#folder?.close()
  }

  /**
   * Verifies a file unless it is as it was when it was verified; undefined if it holds more than
   * the value. Errors: `integrity`, and then the repair begins.
   */
  async #verify(
    key: Key,
    record: KeyRecord,
    lent: LentFile,
    options: CallOptions,
  ): Promise<FileState | undefined> {
    const known = this.#verified.get(record.location)
    if (known !== undefined && isSameState(known, await stateOf(lent.path))) return known
    const { made, release } = await this.#checks.take(record.location, options, async (given) => ({
      state: await this.#read(key, record, lent, given),
      removed: lent.signal,
      end: () => undefined,
    }))
    release()
    return made.state
  }

  async #read(
    key: Key,
    record: KeyRecord,
    { path }: LentFile,
    { signal, onProgress }: CallOptions,
  ): Promise<FileState | undefined> {
    const { location, size } = record
    this.#verified.delete(location)
    let before = await stateOf(path)
    if (await this.#setAccess(path, before.mode)) before = await stateOf(path)
    if (before.size > BigInt(size)) return undefined
    let doneBytes = 0
    const range = { start: 0, end: size }
    for await (const piece of this.#options.repair.read(key.digest, record, range, signal)) {
      doneBytes += piece.byteLength
      onProgress?.({ phase: 'hash', doneBytes, totalBytes: size })
    }
    const after = await stateOf(path)
    if (!isSameState(before, after)) {
      throw new DstoreError('changed', `another process changed the file of ${key.toString()}`)
    }
    this.#verified.set(location, after)
    return after
  }

  /** Gives a file its mode, and its group if there is one. Did that change anything? */
  async #setAccess(path: string, mode: number): Promise<boolean> {
    const { groupId, pathsRoot } = this.#options
    if (groupId !== undefined && pathsRoot !== undefined) {
      await openToGroup(path, dirname(pathsRoot), groupId)
      return true
    }
    if (mode === COPY_MODE) return false
    await setMode(path, COPY_MODE)
    return true
  }

  async #record(key: Key): Promise<KeyRecord> {
    const record = await recordOf(this.#options.store, key.digest)
    if (record !== undefined) return record
    throw new DstoreError('not-found', `no such key: ${key.toString()}`)
  }
}
