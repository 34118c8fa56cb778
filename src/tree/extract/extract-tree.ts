/**
 * Writes a stored tree to a new folder: all of it or nothing (specs/008-directories.md, "Rules:
 * extraction").
 */
import * as fs from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { FileEntry } from '../../directory/directory.ts'
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { unwritableFile } from '../../store/file/file-faults.ts'
import { totalsOfListing, type Listing } from '../read/listing.ts'
import { Listings } from '../read/listings.ts'
import type { ValueReader } from '../read/value-reader.ts'
import { walkTree } from '../read/walk.ts'
import { syncFolder, syncTree } from './durable.ts'
import { Folder } from './folder.ts'
import { Links } from './links.ts'
import { checkNames, probeNames, type NameRules } from './name-faults.ts'
import type { Extracted, ExtractOptions } from './options.ts'
import { Counter } from './progress.ts'
import { Staging } from './staging.ts'
import { Workers } from '../workers.ts'
import { writeValue } from './write-value.ts'

const TREE = 'tree'

/**
 * Writes the directory `root` to `target`, at which there is nothing or an empty folder. When this
 * resolves it is whole and durable; otherwise nothing is there. Errors: those of `Node.get`,
 * `unwritable`, `no-space`, `integrity`, `cancelled`.
 */
export async function extractTree(
  reader: ValueReader,
  root: Key,
  target: string,
  options: ExtractOptions = {},
): Promise<Extracted> {
  const path = resolve(target)
  checkTarget(path, target)
  const listings = new Listings(reader, callsOf(options))
  const top = await listings.get(root)
  const parent = Folder.open(dirname(path))
  let staging: Staging | undefined
  try {
    staging = await Staging.create(parent, options.lockFile)
    const rules = probeNames(staging.folder.at)
    await checkTree(listings, root, target, rules)
    staging.folder.make(TREE)
    const tree = staging.folder.enter(TREE)
    try {
      const written = await new Extraction(reader, listings, options, target).write(root, top, tree)
      keepMode(parent.pathOf(basename(path)), tree, target)
      await syncTree(tree, totalsOfListing(top).files, options.syncAll)
      throwIfCancelled(options.signal)
      putInPlace(staging.folder.pathOf(TREE), parent.pathOf(basename(path)), target)
      await syncFolder(parent)
      return written
    } finally {
      tree.release()
    }
  } finally {
    await staging?.close()
    parent.release()
  }
}

/** Throws if two names of any directory of the tree meet on this file system. */
export async function checkTree(
  listings: Listings,
  root: Key,
  target: string,
  rules: NameRules,
): Promise<void> {
  if (!rules.foldsCase && !rules.normalises) return
  const check = ({ entries }: Listing, path: string): void =>
    checkNames(
      entries.map(([name]) => name),
      path,
      rules,
    )
  check(await listings.get(root), target)
  const path = [target]
  for await (const step of walkTree(listings, root)) {
    if (step.type === 'leave') path.pop()
    if (step.type !== 'enter') continue
    path.push(step.name)
    check(step.listing, path.join('/'))
  }
}

export const callsOf = ({
  signal,
  timeoutMs,
}: ExtractOptions): Pick<ExtractOptions, 'signal' | 'timeoutMs'> => ({
  ...(signal && { signal }),
  ...(timeoutMs && { timeoutMs }),
})

class Extraction {
  readonly #reader: ValueReader
  readonly #listings: Listings
  readonly #options: ExtractOptions
  /** What messages call the top. */
  readonly #target: string
  readonly #workers = new Workers()
  readonly #links = new Links()

  constructor(reader: ValueReader, listings: Listings, options: ExtractOptions, target: string) {
    this.#reader = reader
    this.#listings = listings
    this.#options = options
    this.#target = target
  }

  async write(root: Key, top: Listing, tree: Folder): Promise<Extracted> {
    const counter = new Counter(totalsOfListing(top), this.#options.onProgress)
    const open: Folder[] = [tree.hold()]
    let folders: readonly string[] = []
    try {
      for await (const step of walkTree(this.#listings, root)) {
        throwIfCancelled(this.#options.signal)
        const folder = open.at(-1)!
        if (step.type === 'enter') {
          making(this.#pathOf(folders, step.name), () => folder.make(step.name))
          open.push(folder.enter(step.name))
          folders = [...folders, step.name]
        } else if (step.type === 'leave') {
          open.pop()!.release()
          folders = folders.slice(0, -1)
        } else if (step.entry.type === 'link') {
          this.#links.add(folders, step.name, step.entry.target)
        } else {
          const { name, entry } = step
          const path = this.#pathOf(folders, name)
          folder.hold()
          await this.#workers.start(entry.size, async () => {
            try {
              const counted = counter.begin()
              await this.#file(folder, name, path, entry, counted.wrote)
              counted.done(entry.size)
            } finally {
              folder.release()
            }
          })
        }
      }
      await this.#workers.end()
    } finally {
      // Work in progress holds folders of its own.
      for (const folder of open) folder.release()
      await this.#workers.settled()
    }
    await this.#links.each(tree, this.#listings, root, (folder, name, link) => {
      making(`${folder.path}/${name}`, () => fs.symlinkSync(link, folder.pathOf(name)))
    })
    return counter.result
  }

  async #file(
    folder: Folder,
    name: string,
    path: string,
    entry: FileEntry,
    onBytes: (doneBytes: number) => void,
  ): Promise<void> {
    throwIfCancelled(this.#options.signal)
    const at = folder.pathOf(name)
    const mode = entry.executable ? 0o777 : 0o666
    const fd = making(path, () => fs.openSync(at, 'wx+', mode))
    try {
      await writeValue(
        this.#reader,
        entry,
        { fd, at, path },
        { ...callsOf(this.#options), onBytes },
      )
    } finally {
      fs.closeSync(fd)
    }
  }

  #pathOf(folders: readonly string[], name: string): string {
    return [this.#target, ...folders, name].join('/')
  }
}

/** Makes something new; where there is something, two names of the tree met. */
function making<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw unwritableFile(`write to ${path}`, error)
    }
    const message = `${path}: this file system takes its name for that of another entry`
    throw new DstoreError('unwritable', message, { cause: error })
  }
}

/** Throws unless there is nothing or an empty folder at the path. */
function checkTarget(path: string, target: string): void {
  const cannot = (why: string, hint?: string): DstoreError =>
    new DstoreError('unwritable', `cannot write to ${target}: ${why}`, hint ? { hint } : {})
  if (basename(path) === '') throw cannot('it is the root directory')
  const found = statOf(path, target)
  if (found === undefined) return
  if (found.isSymbolicLink()) throw cannot('it is a symbolic link')
  if (!found.isDirectory()) throw isFile(target)
  const update = 'to bring it to the state of the tree: `update: true`'
  let isEmpty: boolean
  try {
    isEmpty = fs.readdirSync(path).length === 0
  } catch (error) {
    throw unwritableFile(`write to ${target}`, error)
  }
  if (!isEmpty) throw cannot('it is not empty', update)
  // A rename would take the folder away from under those who work in it.
  if (isSame(found, fs.statSync('.', { throwIfNoEntry: false }))) {
    throw cannot('it is the working directory, which is not replaced', update)
  }
  if (found.dev !== fs.statSync(dirname(path)).dev) {
    throw cannot('a file system is mounted there, so it cannot be replaced', update)
  }
}

export const isFile = (target: string): DstoreError =>
  new DstoreError(
    'unwritable',
    `cannot write to ${target}: it is a file, and the value is a directory`,
  )

const isSame = (one: fs.Stats, other: fs.Stats | undefined): boolean =>
  one.dev === other?.dev && one.ino === other.ino

function statOf(path: string, target: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw unwritableFile(`write to ${target}`, error)
  }
}

/** What an empty folder permits, the tree in its place does. */
function keepMode(replaced: string, tree: Folder, target: string): void {
  const found = statOf(replaced, target)
  if (found?.isDirectory() !== true) return
  try {
    fs.chmodSync(tree.at, (found.mode & 0o7777) | 0o700)
  } catch (error) {
    throw unwritableFile(`write to ${target}`, error)
  }
}

function putInPlace(from: string, to: string, target: string): void {
  try {
    fs.renameSync(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') {
      throw unwritableFile(`write to ${target}`, error)
    }
    const message = `cannot write to ${target}: something was put there meanwhile`
    throw new DstoreError('unwritable', message, { cause: error })
  }
}
