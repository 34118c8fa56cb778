/**
 * Brings a folder to the state of a stored tree: writes what differs, and removes what is not in
 * the tree where that is asked for (specs/008-directories.md, "Rules: updating a folder"). Each
 * file appears whole or not at all, so that a call that was cut short can be repeated.
 */
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { Entry, FileEntry } from '../../directory/directory.ts'
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'
import { totalsOfListing, type Listing } from '../read/listing.ts'
import { Listings } from '../read/listings.ts'
import type { ValueReader } from '../read/value-reader.ts'
import { walkTree } from '../read/walk.ts'
import { hasBytes, isExecutable, lookAt, modeFor } from './compare.ts'
import { syncFolder, syncParent } from './durable.ts'
import { callsOf, checkTree, isFile } from './extract-tree.ts'
import { Folder } from './folder.ts'
import { Links } from './links.ts'
import { probeNames } from './name-faults.ts'
import type { Extracted, ExtractOptions } from './options.ts'
import { Counter } from './progress.ts'
import { isStagingName, Staging } from './staging.ts'
import { Workers } from '../workers.ts'
import { writeValue } from './write-value.ts'

const fsync = promisify(fs.fsync)

export interface UpdateOptions extends ExtractOptions {
  /**
   * Remove what is not in the tree, also to make room for a directory where there is a file, and
   * the reverse.
   */
  readonly delete?: boolean
}

/** What an update did. */
export interface Updated extends Extracted {
  /** Entries that were removed; a folder counts as one. */
  readonly removed: number
}

/**
 * Brings `target`, a folder or nothing, to the state of the directory `root`; `files` and `bytes`
 * are those that were written. Errors: those of `extractTree`; `usage` for a file where a directory
 * belongs, and the reverse, before anything is written.
 */
export async function updateTree(
  reader: ValueReader,
  root: Key,
  target: string,
  options: UpdateOptions = {},
): Promise<Updated> {
  const listings = new Listings(reader, callsOf(options))
  const top = await listings.get(root)
  const isNew = makeTop(target)
  const tree = Folder.open(target)
  let staging: Staging | undefined
  try {
    staging = await Staging.create(tree, options.lockFile)
    await checkTree(listings, root, target, probeNames(staging.folder.at))
    if (options.delete !== true) await checkKinds(listings, root, top, tree)
    const updated = await new Update(reader, listings, options, staging).run(root, top, tree)
    if (isNew) await syncParent(target)
    return updated
  } finally {
    await staging?.close()
    tree.release()
  }
}

/** Returns true if the folder was not there. */
function makeTop(target: string): boolean {
  try {
    fs.mkdirSync(target)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      if (fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() === false) {
        throw isFile(target)
      }
      return false
    }
    throw unwritableFile(`write to ${target}`, error)
  }
}

/** Throws if there is a directory where something else belongs, or the reverse. */
async function checkKinds(
  listings: Listings,
  root: Key,
  top: Listing,
  tree: Folder,
): Promise<void> {
  checkKindsIn(top, tree)
  const open = [tree.hold()]
  const enters = (name: string): boolean => lookAt(open.at(-1)!.pathOf(name)).type === 'directory'
  try {
    for await (const step of walkTree(listings, root, enters)) {
      if (step.type === 'leave') open.pop()!.release()
      if (step.type !== 'enter') continue
      open.push(open.at(-1)!.enter(step.name))
      checkKindsIn(step.listing, open.at(-1)!)
    }
  } finally {
    for (const folder of open) folder.release()
  }
}

function checkKindsIn({ entries }: Listing, folder: Folder): void {
  const wanted = new Map(entries)
  for (const found of entriesOf(folder)) {
    const entry = wanted.get(found.name)
    if (entry === undefined || isPlace(found, entry)) continue
    const [is, belongs] = found.isDirectory()
      ? ['a directory', entry.type === 'link' ? 'a symbolic link' : 'a file']
      : [found.isSymbolicLink() ? 'a symbolic link' : 'a file', 'a directory']
    const message = `${folder.path}/${found.name} is ${is}, and the tree has ${belongs} there`
    throw new DstoreError('usage', message, { hint: '`delete: true` replaces it' })
  }
}

/** Can the entry take the place of what is there, without a folder's coming or going? */
const isPlace = (found: Pick<fs.Dirent, 'isDirectory'>, { type }: Entry): boolean =>
  found.isDirectory() === (type === 'directory')

const entriesOf = (folder: Folder): fs.Dirent[] =>
  reading(folder, () => fs.readdirSync(folder.at, { withFileTypes: true }))

const bytewiseEntriesOf = (folder: Folder): fs.Dirent<Buffer>[] =>
  reading(folder, () => fs.readdirSync(folder.at, { withFileTypes: true, encoding: 'buffer' }))

function reading<T>({ path }: Folder, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw unwritableFile(`read the directory ${path}`, error)
  }
}

interface Replacement {
  readonly folder: Folder
  readonly name: string
  /** For messages. */
  readonly path: string
  readonly entry: FileEntry
  /** Of the file that is there. */
  readonly old: fs.Stats | undefined
  readonly onBytes: (doneBytes: number) => void
}

class Update {
  readonly #reader: ValueReader
  readonly #listings: Listings
  readonly #options: UpdateOptions
  readonly #staging: Staging
  readonly #workers = new Workers()
  readonly #links = new Links()
  #files = 0
  #bytes = 0
  #removed = 0

  constructor(reader: ValueReader, listings: Listings, options: UpdateOptions, staging: Staging) {
    this.#reader = reader
    this.#listings = listings
    this.#options = options
    this.#staging = staging
  }

  async run(root: Key, top: Listing, tree: Folder): Promise<Updated> {
    const counter = new Counter(totalsOfListing(top), this.#options.onProgress)
    const open = [tree.hold()]
    let folders: readonly string[] = []
    try {
      await this.#removeOthers(tree, top)
      for await (const step of walkTree(this.#listings, root)) {
        throwIfCancelled(this.#options.signal)
        const here = open.at(-1)!
        if (step.type === 'enter') {
          open.push(await this.#enter(here, step.name))
          folders = [...folders, step.name]
          await this.#removeOthers(open.at(-1)!, step.listing)
        } else if (step.type === 'leave') {
          await closeDurably(open.pop()!)
          folders = folders.slice(0, -1)
        } else if (step.entry.type === 'link') {
          this.#links.add(folders, step.name, step.entry.target)
        } else {
          const { name, entry } = step
          here.hold()
          await this.#workers.start(entry.size, async () => {
            try {
              const counted = counter.begin()
              await this.#file(here, name, entry, counted.wrote)
              counted.done(entry.size)
            } finally {
              await closeDurably(here)
            }
          })
        }
      }
      await this.#workers.end()
    } finally {
      await this.#workers.settled()
      for (const folder of open) await closeDurably(folder)
    }
    const make = (folder: Folder, name: string, target: string): void =>
      this.#link(folder, name, target)
    await this.#links.each(tree, this.#listings, root, make, syncIfChanged)
    return { files: this.#files, bytes: this.#bytes, removed: this.#removed }
  }

  /** Removes what has the place of an entry, or is not in the tree, where that is asked for. */
  async #removeOthers(folder: Folder, { entries }: Listing): Promise<void> {
    if (this.#options.delete !== true) return
    const wanted = new Map(entries)
    for (const found of bytewiseEntriesOf(folder)) {
      const name = found.name.toString()
      // Bytes that are not UTF-8 read as another name, which may be in the tree.
      const entry = Buffer.from(name).equals(found.name) ? wanted.get(name) : undefined
      if (isStagingName(name) || (entry !== undefined && isPlace(found, entry))) continue
      await writing(`${folder.path}/${name}`, () => this.#staging.remove(folder, found.name))
      folder.isChanged = true
      if (entry === undefined) this.#removed++
    }
  }

  async #enter(folder: Folder, name: string): Promise<Folder> {
    const path = `${folder.path}/${name}`
    const { type } = await writing(path, () => lookAt(folder.pathOf(name)))
    if (type === 'nothing') {
      await writing(path, () => folder.make(name))
      folder.isChanged = true
    }
    return folder.enter(name)
  }

  async #file(
    folder: Folder,
    name: string,
    entry: FileEntry,
    onBytes: (doneBytes: number) => void,
  ): Promise<void> {
    throwIfCancelled(this.#options.signal)
    const at = folder.pathOf(name)
    const path = `${folder.path}/${name}`
    const { type, stats } = await writing(path, () => lookAt(at))
    if (type === 'file' && (await hasBytes(at, stats!, entry, this.#options.signal))) {
      if (isExecutable(stats!) === entry.executable) return
      // Another link to the file is not this tree's.
      if (stats!.nlink === 1) return writing(path, () => setMode(at, stats!, entry.executable))
    }
    const old = type === 'file' ? stats : undefined
    await this.#replace({ folder, name, path, entry, old, onBytes })
    this.#files++
    this.#bytes += entry.size
  }

  async #replace({ folder, name, path, entry, old, onBytes }: Replacement): Promise<void> {
    const staged = this.#staging.folder.pathOf(this.#staging.newName())
    const mode = entry.executable ? 0o777 : 0o666
    const fd = await writing(path, () => fs.openSync(staged, 'wx+', mode))
    try {
      const file = { fd, at: staged, path }
      await writeValue(this.#reader, entry, file, { ...callsOf(this.#options), onBytes })
      await writing(path, async () => {
        if (old !== undefined) fs.fchmodSync(fd, modeFor(old.mode, entry.executable))
        await fsync(fd)
        this.#move(staged, folder, name)
      })
      folder.isChanged = true
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Moves a file of the staging folder to its place, which may be on another file system. */
  #move(staged: string, folder: Folder, name: string): void {
    const at = folder.pathOf(name)
    try {
      return fs.renameSync(staged, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    }
    const beside = folder.pathOf(this.#staging.name)
    fs.copyFileSync(staged, beside, fs.constants.COPYFILE_EXCL)
    try {
      const fd = fs.openSync(beside, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
      fs.fsyncSync(fd)
      fs.closeSync(fd)
      fs.renameSync(beside, at)
    } catch (error) {
      fs.unlinkSync(beside)
      throw error
    }
  }

  #link(folder: Folder, name: string, target: string): void {
    const at = folder.pathOf(name)
    const path = `${folder.path}/${name}`
    try {
      const { stats } = lookAt(at)
      const isLink = stats?.isSymbolicLink() === true
      if (isLink && fs.readlinkSync(at, 'buffer').equals(Buffer.from(target))) return
      const staged = this.#staging.folder.pathOf(this.#staging.newName())
      fs.symlinkSync(target, staged)
      fs.renameSync(staged, at)
      folder.isChanged = true
    } catch (error) {
      throw unwritableFile(`write to ${path}`, error)
    }
  }
}

/** Releases a folder; the last holder makes its changes durable first. */
async function closeDurably(folder: Folder): Promise<void> {
  try {
    if (folder.isLast) await syncIfChanged(folder)
  } finally {
    folder.release()
  }
}

async function syncIfChanged(folder: Folder): Promise<void> {
  if (folder.isChanged) await syncFolder(folder)
  folder.isChanged = false
}

/** Not through a link that takes the place of the file meanwhile. */
function setMode(at: string, { mode }: fs.Stats, executable: boolean): void {
  const fd = fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
  try {
    fs.fchmodSync(fd, modeFor(mode, executable))
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

async function writing<T>(path: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof DstoreError ? error : unwritableFile(`write to ${path}`, error)
  }
}
