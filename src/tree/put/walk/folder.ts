/** A folder on disk while it is walked, and what is found in it. */
import type { BigIntStats } from 'node:fs'
import { lstatSync, opendirSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import { decodeUtf8 } from '../../../utf8.ts'
import { changedFile, unreadableFile } from '../../../store/file/file-faults.ts'

/** A folder that is being walked. */
export interface Folder {
  /** Undefined for the root. */
  readonly parent: Folder | undefined
  /** Its name in `parent`; empty for the root. */
  readonly name: string
  /** Where it is read. */
  readonly path: string
  /** What messages call it. */
  readonly label: string
  /** Its path below the root, its parts joined by slashes; empty for the root. */
  readonly relative: string
  /** 1 for the root. */
  readonly depth: number
  readonly device: bigint
  readonly inode: bigint
  /**
   * The root, or the folder that the last link on the way here was followed to: links that do not
   * leave it are kept as text.
   */
  readonly base: Folder
}

/** A regular file in a folder. */
export interface FoundFile {
  readonly type: 'file'
  readonly name: string
  readonly size: number
  readonly executable: boolean
  readonly stamp: Buffer
}

export interface FoundFolder {
  readonly type: 'folder'
  readonly name: string
  readonly device: bigint
  readonly inode: bigint
  /** Was a link followed to it? */
  readonly isFollowed: boolean
}

/** A symbolic link that is kept as text. */
export interface FoundLink {
  readonly type: 'link'
  readonly name: string
  readonly target: string
}

export type Found = FoundFile | FoundFolder | FoundLink

export const rootFolder = (path: string, label: string, stats: BigIntStats): Folder => {
  const root = { parent: undefined, name: '', path, label, relative: '', depth: 1 }
  const folder = {
    ...root,
    device: stats.dev,
    inode: stats.ino,
    base: undefined as never as Folder,
  }
  folder.base = folder
  return folder
}

export function subfolder(parent: Folder, found: FoundFolder): Folder {
  const { name, device, inode, isFollowed } = found
  const folder = {
    parent,
    name,
    path: join(parent.path, name),
    label: labelIn(parent, name),
    relative: relativeIn(parent, name),
    depth: parent.depth + 1,
    device,
    inode,
    base: parent.base,
  }
  if (isFollowed) folder.base = folder
  return folder
}

/** The label of something that lies too deep for a line. */
export const shortened = (label: string): string =>
  label.length > 300 ? `${label.slice(0, 150)}...${label.slice(-100)}` : label

/** What messages call an entry of a folder. */
export const labelIn = ({ label }: Folder, name: string): string =>
  label.endsWith('/') ? label + name : `${label}/${name}`

/** Where an entry of a folder is read. */
export const pathIn = ({ path }: Folder, name: string): string => join(path, name)

/** The path of an entry below the root. */
export const relativeIn = ({ relative }: Folder, name: string): string =>
  relative === '' ? name : `${relative}/${name}`

/** What a directory of the file system says of an entry without a look at it. */
export interface Named {
  readonly name: string
  /** The name with bytes as `\xNN`, if it is not UTF-8. */
  readonly notUtf8?: string
  readonly isFolder: boolean
  readonly isFile: boolean
}

/** Entries that one system call may give. */
const ENTRIES_AT_ONCE = 1024

/** The entries of a folder in the order of the file system. Errors: `unreadable`, `changed`. */
export function* namesIn(folder: Folder): Generator<Named, void, undefined> {
  let isLossy = false
  for (const entry of entriesOf(folder)) {
    if (entry.name.includes('\ufffd')) isLossy = true
    else yield entry
  }
  // The character may stand for bytes that are not UTF-8, or for itself.
  if (isLossy) yield* replacedNamesIn(folder)
}

function* entriesOf({ path, label }: Folder): Generator<Named, void, undefined> {
  let opened
  try {
    opened = opendirSync(path, { bufferSize: ENTRIES_AT_ONCE })
    for (;;) {
      const entry = opened.readSync()
      if (entry === null) return
      const { name } = entry
      yield { name, isFolder: entry.isDirectory(), isFile: entry.isFile() }
    }
  } catch (error) {
    throw error instanceof DstoreError ? error : unreadableFile(shortened(label), error)
  } finally {
    opened?.closeSync()
  }
}

/** Those entries whose names have U+FFFD when they are decoded. */
function* replacedNamesIn({ path, label }: Folder): Generator<Named, void, undefined> {
  let entries
  try {
    entries = readdirSync(path, { withFileTypes: true, encoding: 'buffer' })
  } catch (error) {
    throw unreadableFile(label, error)
  }
  for (const entry of entries) {
    const bytes = entry.name as unknown as Buffer
    const name = bytes.toString('utf8')
    if (!name.includes('\ufffd')) continue
    const shown = decodeUtf8(bytes) === undefined ? { notUtf8: escaped(bytes) } : {}
    yield { name, ...shown, isFolder: entry.isDirectory(), isFile: entry.isFile() }
  }
}

/** The bytes of a name that is not UTF-8, as a person can read and a shell can write them. */
const escaped = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
  ).join('')

/** The facts of an entry, of a link itself. Errors: `changed` if it is gone, `unreadable`. */
export function statsOf(folder: Folder, name: string): BigIntStats {
  const stats = attempt(labelIn(folder, name), () =>
    lstatSync(join(folder.path, name), { bigint: true, throwIfNoEntry: false }),
  )
  if (stats === undefined) throw changedFile(labelIn(folder, name), 'was removed')
  return stats
}

/** The text of a link. Errors: `usage` if it is not UTF-8; `changed`, `unreadable`. */
export function targetOf(folder: Folder, name: string): string {
  const label = labelIn(folder, name)
  const bytes = attempt(label, () => readlinkSync(join(folder.path, name), { encoding: 'buffer' }))
  const target = decodeUtf8(bytes)
  if (target !== undefined) return target
  throw new DstoreError('usage', `${label} is a link to a path that is not UTF-8`, {
    hint: LEAVE_OUT,
  })
}

/** Hints name the options of the library; the command line puts its flags in their place. */
export const LEAVE_OUT = 'leave it out with `ignore`'

function attempt<T>(label: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw unreadableFile(shortened(label), error)
  }
}
