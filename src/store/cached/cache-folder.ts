/**
 * The folder of a Local's cached files (specs/003-transfer.md, "Files of the cache").
 *
 *     DIRECTORY/boot-RANDOM/values/KEY        exactly the value, mode 0400
 *     DIRECTORY/boot-RANDOM/parts/KEY         an unfinished value, sparse
 *     DIRECTORY/boot-RANDOM/parts/KEY.pairs   the outboard, of a whole value too
 *     DIRECTORY/boot-RANDOM/parts/KEY.held    its length, and which groups it has
 *
 * What must be over before a removal is acknowledged is synchronous here.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { lstatSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { faultOf, isMissing } from '../disk/faults.ts'
import { mountUse, type MountUse } from './mount.ts'
import { OpenFile } from './open-file.ts'

/** What tells a file from every other, and from itself after a change. */
export interface FileState {
  readonly device: bigint
  readonly inode: bigint
  readonly size: bigint
  readonly modifiedNs: bigint
  readonly changedNs: bigint
}

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
  readonly use: () => MountUse
  /** Where the file of a whole value is. */
  valuePath(name: string): string
  createPart(name: string): OpenFile
  openPart(name: string): OpenFile
  openValue(name: string): OpenFile
  createPairs(name: string): OpenFile
  openPairs(name: string): OpenFile
  /** The part is whole: gives it its mode and its name. */
  finish(name: string, part: OpenFile): FileState
  /** The file of a whole value; undefined if it is missing. */
  stateOf(name: string): FileState | undefined
  /** Unlinks the files of a value, if there are any. */
  unlink(name: string): void
  /** Gives the folder another random name, so that no path leads into it any more. */
  moveAway(): void
  /** Deletes the folder. */
  delete(): Promise<void>
}

/** Folders of earlier boots, which have new names: no path of then leads into them. */
export interface OpenedFolder {
  readonly folder: CacheFolder
  readonly earlier: readonly string[]
}

const RANDOM_BYTES = 16

const BOOT_FOLDER = /^(boot|left)-[0-9a-f]{32}$/

/** Errors: `unwritable`; `not-permitted` if another user owns the folder. */
export function openCacheFolder(options: CacheFolderOptions): OpenedFolder {
  const { directory, random, groupId } = options
  try {
    makeOwnFolder(directory, groupId)
    const earlier = readdirSync(directory)
      .filter((name) => BOOT_FOLDER.test(name))
      .map((name) => {
        const left = join(directory, randomName('left', random))
        renameSync(join(directory, name), left)
        return left
      })
    const folder = new BootFolder(options)
    checkOwner(directory, folder.path)
    return { folder, earlier }
  } catch (error) {
    throw faultOf(error, `use ${directory} for files of the cache`)
  }
}

function makeOwnFolder(path: string, groupId: number | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (!lstatSync(path).isDirectory()) {
    throw new DstoreError('unwritable', `${path} is not a folder`)
  }
  setMode(path, groupId)
}

function setMode(path: string, groupId: number | undefined): void {
  if (groupId !== undefined) chownSync(path, statSync(path).uid, groupId)
  chmodSync(path, groupId === undefined ? 0o700 : 0o750)
}

/** On shared memory anybody may have made the folder before: its owner could read all of it. */
function checkOwner(directory: string, own: string): void {
  if (statSync(directory).uid === statSync(own).uid) return
  throw new DstoreError('not-permitted', `${directory} belongs to another user`, {
    hint: 'name a folder of your own with --cache-dir',
  })
}

const randomName = (kind: 'boot' | 'left', random: CacheFolderOptions['random']): string =>
  `${kind}-${toHex(random(RANDOM_BYTES))}`

class BootFolder implements CacheFolder {
  readonly #options: CacheFolderOptions
  #path: string

  constructor(options: CacheFolderOptions) {
    this.#options = options
    const { directory, random, groupId } = options
    this.#path = join(directory, randomName('boot', random))
    for (const path of [this.#path, this.#in('values'), this.#in('parts')]) {
      mkdirSync(path, { mode: 0o700 })
    }
    for (const path of [this.#path, this.#in('values')]) setMode(path, groupId)
  }

  get path(): string {
    return this.#path
  }

  readonly use = (): MountUse => mountUse(this.#options.directory)

  valuePath(name: string): string {
    return this.#in('values', name)
  }

  createPart(name: string): OpenFile {
    return new OpenFile(this.#in('parts', name), 'wx+')
  }

  openPart(name: string): OpenFile {
    return new OpenFile(this.#in('parts', name), 'r+')
  }

  openValue(name: string): OpenFile {
    return new OpenFile(this.valuePath(name), 'r')
  }

  createPairs(name: string): OpenFile {
    return new OpenFile(this.#in('parts', `${name}.pairs`), 'wx+')
  }

  openPairs(name: string): OpenFile {
    return new OpenFile(this.#in('parts', `${name}.pairs`), 'r+')
  }

  finish(name: string, part: OpenFile): FileState {
    const { groupId } = this.#options
    part.seal(groupId === undefined ? 0o400 : 0o440, groupId)
    renameSync(this.#in('parts', name), this.valuePath(name))
    rmSync(this.#in('parts', `${name}.held`), { force: true })
    const state = this.stateOf(name)
    if (state === undefined) throw new DstoreError('changed', 'a file of the cache was deleted')
    return state
  }

  stateOf(name: string): FileState | undefined {
    try {
      const found = lstatSync(this.valuePath(name), { bigint: true })
      if (!found.isFile()) return undefined
      const { dev, ino, size, mtimeNs, ctimeNs } = found
      return { device: dev, inode: ino, size, modifiedNs: mtimeNs, changedNs: ctimeNs }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  unlink(name: string): void {
    // The name that other processes know goes first.
    const paths = [
      this.valuePath(name),
      ...['', '.pairs', '.held'].map((end) => this.#in('parts', `${name}${end}`)),
    ]
    for (const path of paths) rmSync(path, { force: true })
  }

  moveAway(): void {
    const { directory, random } = this.#options
    const path = join(directory, randomName('boot', random))
    renameSync(this.#path, path)
    this.#path = path
  }

  async delete(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true })
  }

  #in(...names: string[]): string {
    return join(this.#path, ...names)
  }
}
