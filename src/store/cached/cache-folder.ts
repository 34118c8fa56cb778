/**
 * The folder of a Local's cached files (specs/003-cached-files.md).
 *
 *     DIRECTORY/boot-RANDOM/values/KEY        exactly the value, mode 0400
 *     DIRECTORY/boot-RANDOM/parts/KEY         an unfinished value, sparse
 *     DIRECTORY/boot-RANDOM/parts/KEY.pairs   the outboard, of a whole value too
 *     DIRECTORY/boot-RANDOM/parts/KEY.held    its length, and which groups it has
 *     DIRECTORY/boot-RANDOM/found/KEY         either, of an earlier boot, not verified yet
 *
 * What must be over before a removal is acknowledged is synchronous here.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { concat, toHex, viewOf } from '../../bytes.ts'
import { meansNoFile } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { faultOf } from '../disk/faults.ts'
import { fileState, type FileState } from '../paths/file-state.ts'
import { mountUse, type MountUse } from './mount.ts'
import { OpenFile } from './open-file.ts'

export interface CacheFolderOptions {
  /** Absolute path. Made if it is missing, with its parents. */
  readonly directory: string
  readonly random: (bytes: number) => Uint8Array
  /** The group that may read the files, beside their owner. */
  readonly groupId?: number | undefined
}

/** The files of one boot. Methods throw the errors of `node:fs`. */
export interface CacheFolder {
  /** Absolute; changes with `moveAway`. */
  readonly path: string
  /** Of its file system. Nothing is free where the folder cannot be reached. */
  readonly use: () => MountUse
  /** Where the file of a whole value is. */
  valuePath(name: string): string
  createPart(name: string): OpenFile
  openPart(name: string): OpenFile
  openValue(name: string): OpenFile
  createPairs(name: string): OpenFile
  openPairs(name: string): OpenFile
  openFound(name: string): OpenFile
  /** Notes the length of an unfinished value, and its groups as `Bitfield.toBytes` gives them. */
  writeHeld(name: string, size: number, groups: Uint8Array): void
  /** The part is whole: gives it its mode and its name. */
  finish(name: string, part: OpenFile): FileState
  /** What was found has been verified: a whole value, or the part of one. */
  finishFound(name: string, isWhole: boolean): FileState | undefined
  /** The file of a whole value; undefined if it is missing. */
  stateOf(name: string): FileState | undefined
  /** Unlinks the files of a value, if there are any. */
  unlink(name: string): void
  /** Gives the folder another random name, so that no path leads into it any more. */
  moveAway(): void
  /** The same at the end of a boot: the next one finds the folder. */
  leave(): void
  /** Deletes the folder. */
  delete(): Promise<void>
}

/** Folders of earlier boots, which have new names: no path of then leads into them. */
export interface OpenedFolder {
  readonly folder: CacheFolder
  readonly earlier: readonly string[]
}

/** The folders in that of a boot. */
export const PARTS = 'parts'
export const FOUND = 'found'
export const VALUES = 'values'

/** What the names of files beside a part end with. */
export const PAIRS_END = '.pairs'
export const HELD_END = '.held'

/** The length of the value comes first in a file of held groups, u64 little-endian. */
export const HELD_HEADER_BYTES = 8

const RANDOM_BYTES = 16

const BOOT_FOLDER = /^(boot|left)-[0-9a-f]{32}$/

/** Errors: `unwritable`; `not-permitted` if another user owns the folder. */
export function openCacheFolder(options: CacheFolderOptions): OpenedFolder {
  const { directory, random, groupId } = options
  try {
    makeOwnFolder(directory)
    const folder = new BootFolder(options)
    checkOwner(directory, folder)
    setMode(directory, groupId)
    const earlier = readdirSync(directory)
      .filter((name) => BOOT_FOLDER.test(name) && name !== basename(folder.path))
      .map((name) => {
        const left = join(directory, randomName('left', random))
        renameSync(join(directory, name), left)
        return left
      })
    return { folder, earlier }
  } catch (error) {
    throw faultOf(error, `use ${directory} for files of the cache`)
  }
}

function makeOwnFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (!lstatSync(path).isDirectory()) {
    throw new DstoreError('unwritable', `${path} is not a folder`)
  }
}

function setMode(path: string, groupId: number | undefined): void {
  if (groupId !== undefined) chownSync(path, statSync(path).uid, groupId)
  chmodSync(path, groupId === undefined ? 0o700 : 0o750)
}

/** On shared memory another user may have made the folder before, and could read all of it. */
function checkOwner(directory: string, own: CacheFolder): void {
  if (statSync(directory).uid === statSync(own.path).uid) return
  rmSync(own.path, { recursive: true, force: true })
  throw new DstoreError('not-permitted', `${directory} belongs to another user`, {
    hint: 'name a folder of your own with --cache-dir',
  })
}

const randomName = (kind: 'boot' | 'left', random: CacheFolderOptions['random']): string =>
  `${kind}-${toHex(random(RANDOM_BYTES))}`

class BootFolder implements CacheFolder {
  readonly #options: CacheFolderOptions
  /** Of the file system when the folder was opened. */
  readonly #opened: MountUse
  #path: string

  constructor(options: CacheFolderOptions) {
    this.#options = options
    const { directory, random } = options
    this.#path = join(directory, randomName('boot', random))
    this.#make()
    this.#opened = mountUse(directory)
  }

  get path(): string {
    return this.#path
  }

  readonly use = (): MountUse => {
    const { directory } = this.#options
    try {
      return mountUse(directory)
    } catch (error) {
      if (!meansNoFile(error)) return { ...this.#opened, freeBytes: 0 }
    }
    try {
      // Another process deleted it.
      this.#make()
      return mountUse(directory)
    } catch {
      return { ...this.#opened, freeBytes: 0 }
    }
  }

  valuePath(name: string): string {
    return this.#in(VALUES, name)
  }

  createPart(name: string): OpenFile {
    const open = (): OpenFile => new OpenFile(this.#in(PARTS, name), 'wx+')
    try {
      return open()
    } catch (error) {
      if (!meansNoFile(error)) throw error
      // Another process deleted the folder.
      this.#make()
      return open()
    }
  }

  openPart(name: string): OpenFile {
    return new OpenFile(this.#in(PARTS, name), 'r+')
  }

  openValue(name: string): OpenFile {
    return new OpenFile(this.valuePath(name), 'r')
  }

  createPairs(name: string): OpenFile {
    return new OpenFile(this.#in(PARTS, name + PAIRS_END), 'wx+')
  }

  openPairs(name: string): OpenFile {
    return new OpenFile(this.#in(PARTS, name + PAIRS_END), 'r+')
  }

  openFound(name: string): OpenFile {
    return new OpenFile(this.#in(FOUND, name), 'r')
  }

  writeHeld(name: string, size: number, groups: Uint8Array): void {
    const header = new Uint8Array(HELD_HEADER_BYTES)
    viewOf(header).setBigUint64(0, BigInt(size), true)
    const path = this.#in(PARTS, name + HELD_END)
    writeFileSync(path, concat([header, groups]), { mode: 0o600 })
  }

  finish(name: string, part: OpenFile): FileState {
    part.seal(this.#mode, this.#options.groupId)
    return this.#named(name, this.#in(PARTS, name))
  }

  finishFound(name: string, isWhole: boolean): FileState | undefined {
    const { groupId } = this.#options
    const path = this.#in(FOUND, name)
    if (!isWhole) {
      chmodSync(path, 0o600)
      renameSync(path, this.#in(PARTS, name))
      return undefined
    }
    if (groupId !== undefined) chownSync(path, statSync(path).uid, groupId)
    chmodSync(path, this.#mode)
    return this.#named(name, path)
  }

  get #mode(): number {
    return this.#options.groupId === undefined ? 0o400 : 0o440
  }

  #named(name: string, from: string): FileState {
    renameSync(from, this.valuePath(name))
    rmSync(this.#in(PARTS, name + HELD_END), { force: true })
    const state = this.stateOf(name)
    if (state === undefined) throw new DstoreError('changed', 'a file of the cache was deleted')
    return state
  }

  stateOf(name: string): FileState | undefined {
    try {
      const found = lstatSync(this.valuePath(name), { bigint: true })
      return found.isFile() ? fileState(found) : undefined
    } catch (error) {
      if (meansNoFile(error)) return undefined
      throw error
    }
  }

  unlink(name: string): void {
    // The name that other processes know goes first.
    const beside = ['', PAIRS_END, HELD_END].map((end) => this.#in(PARTS, name + end))
    const paths = [this.valuePath(name), this.#in(FOUND, name), ...beside]
    for (const path of paths) rmSync(path, { force: true })
  }

  moveAway(): void {
    this.#rename('boot')
  }

  leave(): void {
    this.#rename('left')
  }

  async delete(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true })
  }

  #make(): void {
    const { groupId } = this.#options
    for (const path of [this.#path, ...[VALUES, PARTS, FOUND].map((name) => this.#in(name))]) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
    }
    for (const path of [this.#path, this.#in(VALUES)]) setMode(path, groupId)
  }

  #rename(kind: 'boot' | 'left'): void {
    const { directory, random } = this.#options
    const path = join(directory, randomName(kind, random))
    try {
      renameSync(this.#path, path)
    } catch (error) {
      // Another process deleted it. `createPart` makes the new one.
      if (!meansNoFile(error)) throw error
    }
    // Not before: a removal must find the files where they are.
    this.#path = path
  }

  #in(...names: string[]): string {
    return join(this.#path, ...names)
  }
}
