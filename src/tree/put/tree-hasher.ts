/** Hashes the files of a tree folder by folder, and makes the directory values of them. */
import { encodeDirectory } from '../../directory/encoder.ts'
import { totalsOf } from '../../directory/directory.ts'
import type { Entry, FileEntry } from '../../directory/directory.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { HASH_WINDOW_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'
import { changedFile } from '../../store/file/file-faults.ts'
import { hashSource } from '../../store/file/file-hasher.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { atOnce } from './at-once.ts'
import type { DirectoryValues } from './directory-values.ts'
import { labelIn, pathIn } from './walk/folder.ts'
import type { Folder, FoundFile, FoundFolder } from './walk/folder.ts'
import { HashedTree } from './hashed-tree.ts'
import type { HashedDirectory } from './hashed-tree.ts'
import { readSmall } from './read-small.ts'
import { Settled } from './cache/settled.ts'
import type { StatCache } from './cache/stat-cache.ts'
import type { Remembered } from './cache/stat-record.ts'
import type { TreeCounter } from './tree-progress.ts'
import { Turns } from '../turns.ts'
import { statsIn } from './walk/stamp.ts'
import type { Stamped } from './walk/stamp.ts'
import { tooWide } from './walk/walk.ts'
import type { Walk } from './walk/walk.ts'

/** Larger files of one folder that are read at once. */
const FILES_AT_ONCE = 4

interface TreeHasherParts {
  readonly walk: Walk
  readonly values: DirectoryValues
  readonly cache: StatCache | undefined
  readonly counter: TreeCounter
  readonly signal: AbortSignal | undefined
}

/** For one tree. */
export class TreeHasher {
  readonly #parts: TreeHasherParts
  readonly #turns: Turns
  readonly #settled = new Settled()
  #directories = 0
  #readFiles = 0

  constructor(parts: TreeHasherParts) {
    this.#parts = parts
    this.#turns = new Turns(parts.signal)
  }

  async hash(root: Folder): Promise<HashedTree> {
    const { cache, values } = this.#parts
    let isWhole = false
    try {
      const hashed = await this.#directory(root)
      isWhole = true
      const distrust = (): void => cache?.forget()
      const counts = { directories: this.#directories, readFiles: this.#readFiles }
      return new HashedTree({ root: hashed, ...counts, values, distrust })
    } finally {
      cache?.keep(!isWhole)
    }
  }

  async #directory(folder: Folder): Promise<HashedDirectory> {
    const { walk } = this.#parts
    const entries = new Map<string, Entry>()
    const folders: FoundFolder[] = []
    const files: FoundFile[] = []
    for (const one of await walk.list(folder)) {
      if (one.type === 'link') entries.set(one.name, one)
      else if (one.type === 'file') files.push(one)
      else folders.push(one)
    }
    await this.#files(folder, files, entries)
    files.length = 0
    const children: HashedDirectory[] = []
    for (const one of folders) {
      const child = await this.#directory(walk.enter(folder, one))
      const { key, size, files: count } = child
      entries.set(one.name, { type: 'directory', digest: key.digest, size, files: count })
      children.push(child)
    }
    return this.#made(folder, entries, children)
  }

  #made(
    folder: Folder,
    entries: ReadonlyMap<string, Entry>,
    children: readonly HashedDirectory[],
  ): HashedDirectory {
    const totals = totalsOf(entries)
    if (!Number.isSafeInteger(totals.size)) {
      throw new DstoreError('too-large', `${folder.label} has too many bytes`)
    }
    const bytes = encoded(folder, entries)
    this.#directories++
    return {
      ...totals,
      relative: folder.relative,
      key: new Key(hash(bytes).digest, 'directory'),
      bytes: bytes.byteLength,
      height: children.reduce((most, { height }) => Math.max(most, height + 1), 0),
      children,
      kept: this.#parts.values.keep(bytes),
    }
  }

  /** Adds the entries of files, from the cache or by reading them. */
  async #files(
    folder: Folder,
    files: readonly FoundFile[],
    entries: Map<string, Entry>,
  ): Promise<void> {
    const { cache } = this.#parts
    const known = cache?.recall(folder.relative)
    const remembered = new Map<string, Remembered>()
    try {
      const unknown = this.#recall(files, known, entries, remembered)
      await this.#read(folder, unknown, entries, remembered)
    } finally {
      // Also where it is cut short: a repeat begins there.
      if (remembered.size > 0) cache?.remember({ relative: folder.relative, files: remembered })
    }
  }

  /** Adds the entries of files that are as they were; returns the others. */
  #recall(
    files: readonly FoundFile[],
    known: ReadonlyMap<string, Remembered> | undefined,
    entries: Map<string, Entry>,
    remembered: Map<string, Remembered>,
  ): readonly FoundFile[] {
    if (known === undefined) return files
    const unknown: FoundFile[] = []
    for (const file of files) {
      const one = known.get(file.name)
      if (one === undefined || !file.stamp.equals(one.stamp)) {
        unknown.push(file)
        continue
      }
      const digest = Uint8Array.from(one.digest)
      const entry = entryOf({ digest, size: file.size }, file)
      entries.set(file.name, entry)
      remembered.set(file.name, one)
      this.#parts.counter.add(1, entry.size)
    }
    return unknown
  }

  async #read(
    folder: Folder,
    files: readonly FoundFile[],
    entries: Map<string, Entry>,
    remembered: Map<string, Remembered>,
  ): Promise<void> {
    const { counter } = this.#parts
    const add = (file: FoundFile, entry: FileEntry, readAt: number): void => {
      entries.set(file.name, entry)
      this.#readFiles++
      const path = pathIn(folder, file.name)
      if (!this.#settled.has(statsIn(file.stamp), readAt, path)) return
      remembered.set(file.name, { stamp: file.stamp, digest: entry.digest })
    }
    const large: FoundFile[] = []
    for (const file of files) {
      if (this.#turns.isDue) await this.#turns.pause()
      const readAt = Date.now()
      const entry = this.#small(folder, file)
      if (entry === undefined) large.push(file)
      else {
        add(file, entry, readAt)
        counter.add(1, entry.size)
      }
    }
    await atOnce(FILES_AT_ONCE, large, async (file) => {
      const readAt = Date.now()
      add(file, await this.#large(folder, file), readAt)
    })
  }

  /** Undefined for a larger one. */
  #small(folder: Folder, file: FoundFile): FileEntry | undefined {
    if (file.size > INLINE_VALUE_BYTES) return undefined
    const { name, stamp } = file
    const bytes = readSmall(pathIn(folder, name), labelIn(folder, name), statsIn(stamp))
    return bytes && entryOf(hash(bytes), file)
  }

  async #large(folder: Folder, file: FoundFile): Promise<FileEntry> {
    const { name, stamp } = file
    const { signal, counter } = this.#parts
    const label = labelIn(folder, name)
    const source = await openMeant(pathIn(folder, name), label, statsIn(stamp))
    try {
      let before = 0
      const onProgress = (doneBytes: number): void => {
        counter.add(0, doneBytes - before)
        before = doneBytes
      }
      const groupBytes = HASH_WINDOW_BYTES
      const hashed = await hashSource(source, { ...(signal && { signal }), onProgress, groupBytes })
      counter.add(1, hashed.size - before)
      return entryOf(hashed, file)
    } catch (error) {
      throw named(error, label, source.path)
    } finally {
      await source.close()
    }
  }
}

function entryOf(
  hashed: { digest: Uint8Array; size: number },
  { executable }: FoundFile,
): FileEntry {
  const { digest, size } = hashed
  return { type: 'file', digest, size, executable }
}

/** Opens a file that was found; `changed` if it is another one now. */
async function openMeant(path: string, label: string, { dev, ino }: Stamped): Promise<FileSource> {
  let source: FileSource
  try {
    source = await FileSource.open(path)
  } catch (error) {
    throw named(error, label, path)
  }
  if (source.identity.device === dev && source.identity.inode === ino) return source
  await source.close()
  throw changedFile(label, 'was replaced')
}

/** The same fault, with what messages call the file in place of its path. */
function named(error: unknown, label: string, path: string): DstoreError {
  const { code, message, hint, cause } = asDstoreError(error)
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    return changedFile(label, 'was removed')
  }
  return new DstoreError(
    code,
    message.replace(path, () => label),
    { cause, ...(hint && { hint }) },
  )
}

function encoded(folder: Folder, entries: ReadonlyMap<string, Entry>): Uint8Array {
  try {
    return encodeDirectory(entries)
  } catch (error) {
    if (asDstoreError(error).code === 'too-large') throw tooWide(folder)
    throw error
  }
}
