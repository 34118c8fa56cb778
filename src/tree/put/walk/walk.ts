/**
 * Reads folders of a tree on disk, one at a time, and refuses what a directory can't hold
 * (R008-40 to R008-47).
 */
import { statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { entryBytes } from '../../../directory/encoder.ts'
import type { Entry } from '../../../directory/directory.ts'
import { compareNames, faultOfName, faultOfTarget } from '../../../directory/names.ts'
import { DstoreError } from '../../../errors.ts'
import {
  DIGEST_BYTES,
  DIRECTORY_BYTES,
  DIRECTORY_DEPTH,
  DIRECTORY_ENTRIES,
  VALUE_BYTES,
} from '../../../limits.ts'
import { changedFile, unreadableFile } from '../../../store/file/file-faults.ts'
import { LEAVE_OUT, labelIn, namesIn, relativeIn, rootFolder, statsOf } from './folder.ts'
import { shortened, subfolder, targetOf } from './folder.ts'
import type { Folder, Found, FoundFolder, Named } from './folder.ts'
import type { IgnoreRules } from './ignore-rules.ts'
import { leavesTree } from './links.ts'
import { stampOf } from './stamp.ts'
import { Turns } from '../../turns.ts'

export interface WalkOptions {
  /** Store what links that leave the tree point to, in place of refusing them. */
  readonly follow?: boolean
  /** What to leave out. */
  readonly ignore?: IgnoreRules | undefined
  readonly signal?: AbortSignal | undefined
  /** The largest directory value: tests need a smaller one. */
  readonly directoryBytes?: number
}

const NO_DIGEST = new Uint8Array(DIGEST_BYTES)
const LEAST_FILE = { type: 'file', digest: NO_DIGEST, size: 0, executable: false } as const

/** The fewest bytes of an entry without its name: of a file or folder, and of any. */
const FILE_ENTRY_BYTES = entryBytes('', LEAST_FILE)
const ENTRY_BYTES = entryBytes('', { type: 'link', target: '/' })

const TAR = 'spread its entries over several folders, or store a tar file of it as one value'

export class Walk {
  readonly #follow: boolean
  readonly #ignore: IgnoreRules | undefined
  readonly #directoryBytes: number
  readonly #turns: Turns

  constructor(options: WalkOptions) {
    const { follow = false, ignore, signal, directoryBytes = DIRECTORY_BYTES } = options
    this.#follow = follow
    this.#ignore = ignore
    this.#directoryBytes = directoryBytes
    this.#turns = new Turns(signal)
  }

  /** The root: a folder, or a link to one. Errors: `unreadable`; `usage` for anything else. */
  root(path: string, label: string): Folder {
    let stats: BigIntStats
    try {
      stats = statSync(path, { bigint: true })
    } catch (error) {
      throw unreadableFile(label, error)
    }
    if (!stats.isDirectory()) throw new DstoreError('usage', `${label} is not a directory`)
    return rootFolder(path, label, stats)
  }

  /** What is in a folder, in bytewise order of names. */
  async list(folder: Folder): Promise<Found[]> {
    checkSame(folder)
    const names = await this.#names(folder)
    const found: Found[] = []
    let bytes = 0
    for (const name of names) {
      if (this.#turns.isDue) await this.#turns.pause()
      const one = this.#find(folder, name)
      bytes += entryBytes(name, provisional(one))
      if (bytes > this.#directoryBytes) throw tooWide(folder)
      found.push(one)
    }
    return found
  }

  /** A folder that `list` found. Errors: `too-large` below the depth limit; `usage` for a loop. */
  enter(parent: Folder, found: FoundFolder): Folder {
    const folder = subfolder(parent, found)
    if (folder.depth > DIRECTORY_DEPTH) {
      throw new DstoreError(
        'too-large',
        `more than ${DIRECTORY_DEPTH} levels: ${shortened(folder.label)}`,
      )
    }
    // Only a followed link can lead back.
    if (folder.base.parent === undefined) return folder
    for (let one: Folder | undefined = parent; one !== undefined; one = one.parent) {
      if (one.device === folder.device && one.inode === folder.inode) throw loop(folder.label)
    }
    return folder
  }

  /** Its entries before it is known what they are: a million of them must not fill the memory. */
  async #names(folder: Folder): Promise<string[]> {
    const names: string[] = []
    let leastBytes = 0
    for (const named of namesIn(folder)) {
      if (this.#turns.isDue) await this.#turns.pause()
      if (this.#ignore?.ignores(relativeIn(folder, named.name), named.isFolder) === true) continue
      checkNamed(folder, named)
      const isLarge = named.isFile || named.isFolder
      leastBytes += named.name.length + (isLarge ? FILE_ENTRY_BYTES : ENTRY_BYTES)
      const isFull = leastBytes > this.#directoryBytes || names.length === DIRECTORY_ENTRIES
      if (isFull) throw tooWide(folder)
      names.push(named.name)
    }
    return names.toSorted(compareNames)
  }

  #find(folder: Folder, name: string): Found {
    const stats = statsOf(folder, name)
    if (stats.isSymbolicLink()) return this.#findLinked(folder, name)
    return foundAs(folder, name, stats, false)
  }

  #findLinked(folder: Folder, name: string): Found {
    const target = targetOf(folder, name)
    const fault = faultOfTarget(target)
    if (fault !== undefined) {
      const label = labelIn(folder, name)
      throw new DstoreError('usage', `${label} is a link that a directory can't hold: ${fault}`)
    }
    if (!leavesTree(folder, target)) return { type: 'link', name, target }
    const label = labelIn(folder, name)
    if (!this.#follow) {
      throw new DstoreError('usage', `${label} is a link that leads out of the folder: ${target}`, {
        hint: `store what it points to with \`follow: true\`, or ${LEAVE_OUT}`,
      })
    }
    let stats: BigIntStats
    try {
      stats = statSync(join(folder.path, name), { bigint: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw loop(label)
      throw unreadableFile(`what ${label} links to, ${target}`, error)
    }
    return foundAs(folder, name, stats, true)
  }
}

/** An entry as long as that of what was found, or shorter. */
function provisional(found: Found): Entry {
  if (found.type === 'link') return found
  if (found.type === 'folder') return { type: 'directory', digest: NO_DIGEST, size: 0, files: 0 }
  const { size, executable } = found
  return { type: 'file', digest: NO_DIGEST, size, executable }
}

/** Is a file of this mode an executable one in a directory? */
const isExecutable = (mode: bigint): boolean => (mode & 0o100n) !== 0n

/** A folder whose directory value would be larger than the limit. */
export const tooWide = ({ label }: Folder): DstoreError =>
  new DstoreError(
    'too-large',
    `${label} has too many entries: a directory has at most ${DIRECTORY_ENTRIES} of them, ` +
      `in ${DIRECTORY_BYTES} bytes`,
    { hint: TAR },
  )

const loop = (label: string): DstoreError =>
  new DstoreError('usage', `${label} is a link to a folder that it is in, without end`, {
    hint: LEAVE_OUT,
  })

/** Throws `changed` if the path of a folder leads to another one since it was found. */
function checkSame({ path, label, device, inode }: Folder): void {
  let stats: BigIntStats | undefined
  try {
    stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    throw unreadableFile(shortened(label), error)
  }
  if (stats === undefined) throw changedFile(label, 'was removed')
  if (stats.dev !== device || stats.ino !== inode) throw changedFile(label, 'was replaced')
}

function checkNamed(folder: Folder, { name, notUtf8 }: Named): void {
  if (notUtf8 !== undefined) {
    throw new DstoreError('usage', `a name that is not UTF-8: ${labelIn(folder, notUtf8)}`, {
      hint: `rename it, or ${LEAVE_OUT}`,
    })
  }
  const fault = faultOfName(name)
  if (fault !== undefined) {
    const label = labelIn(folder, name)
    throw new DstoreError('usage', `${label} has a name that a directory can't hold: ${fault}`)
  }
}

function foundAs(folder: Folder, name: string, stats: BigIntStats, isFollowed: boolean): Found {
  if (stats.isFile()) {
    if (stats.size > VALUE_BYTES) {
      throw new DstoreError('too-large', `${labelIn(folder, name)} has too many bytes`)
    }
    const size = Number(stats.size)
    const executable = isExecutable(stats.mode)
    return { type: 'file', name, size, executable, stamp: stampOf(stats) }
  }
  if (stats.isDirectory()) {
    return { type: 'folder', name, device: stats.dev, inode: stats.ino, isFollowed }
  }
  const what = kindOfSpecial(stats)
  throw new DstoreError('usage', `${labelIn(folder, name)} is ${what}`, {
    hint: `a directory holds only files, folders and links; ${LEAVE_OUT}`,
  })
}

function kindOfSpecial(stats: BigIntStats): string {
  if (stats.isSocket()) return 'a socket'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isBlockDevice() || stats.isCharacterDevice() ? 'a device' : 'no file'
}
