/** Hashes the files of a tree folder by folder, and makes the directory values of them. */
import { equal } from '../../bytes.ts'
import { encodeDirectory } from '../../directory/codec.ts'
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
import { labelIn, pathIn } from './folder.ts'
import type { Folder, FoundFile, FoundFolder } from './folder.ts'
import { HashedTree } from './hashed-tree.ts'
import type { HashedDirectory } from './hashed-tree.ts'
import { readSmall } from './read-small.ts'
import { Settled } from './settled.ts'
import type { StatCache } from './stat-cache.ts'
import { stampOf } from './stat-record.ts'
import type { Remembered } from './stat-record.ts'
import type { TreeCounter } from './tree-progress.ts'
import { Turns } from './turns.ts'
import { tooWide } from './walk.ts'
import type { Walk } from './walk.ts'

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
      return new HashedTree({ root: hashed, directories: this.#directories, values, distrust })
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
    const { cache, counter } = this.#parts
    const known = cache?.recall(folder.relative)
    const remembered = new Map<string, Remembered>()
    const large: FoundFile[] = []
    const add = (file: FoundFile, entry: FileEntry, isSettled: boolean): void => {
      entries.set(file.name, entry)
      if (cache === undefined || !isSettled) return
      remembered.set(file.name, { stamp: stampOf(file.stats), digest: entry.digest })
    }
    for (const file of files) {
      if (this.#turns.isDue) await this.#turns.pause()
      const same = known === undefined ? undefined : recalled(known.get(file.name), file)
      const isSmall = file.stats.size <= INLINE_VALUE_BYTES
      const readAt = Date.now()
      const entry = same ?? (isSmall ? this.#small(folder, file) : undefined)
      if (entry === undefined) large.push(file)
      else {
        add(file, entry, same !== undefined || this.#isSettled(folder, file, readAt))
        counter.add(1, entry.size)
      }
    }
    await atOnce(FILES_AT_ONCE, large, async (file) => {
      const readAt = Date.now()
      const entry = await this.#large(folder, file)
      add(file, entry, this.#isSettled(folder, file, readAt))
    })
    if (remembered.size > 0) cache?.remember({ relative: folder.relative, files: remembered })
  }

  #isSettled(folder: Folder, { name, stats }: FoundFile, readAt: number): boolean {
    return this.#settled.has(stats, readAt, pathIn(folder, name))
  }

  #small(folder: Folder, { name, stats }: FoundFile): FileEntry | undefined {
    const bytes = readSmall(pathIn(folder, name), labelIn(folder, name), stats)
    return bytes && entryOf(hash(bytes), stats)
  }

  async #large(folder: Folder, { name, stats }: FoundFile): Promise<FileEntry> {
    const { signal, counter } = this.#parts
    const label = labelIn(folder, name)
    const source = await openMeant(pathIn(folder, name), label, stats)
    try {
      let before = 0
      const onProgress = (doneBytes: number): void => {
        counter.add(0, doneBytes - before)
        before = doneBytes
      }
      const groupBytes = HASH_WINDOW_BYTES
      const hashed = await hashSource(source, { ...(signal && { signal }), onProgress, groupBytes })
      counter.add(1, hashed.size - before)
      return entryOf(hashed, stats)
    } catch (error) {
      throw named(error, label, source.path)
    } finally {
      await source.close()
    }
  }
}

function entryOf(
  hashed: { digest: Uint8Array; size: number },
  { mode }: FoundFile['stats'],
): FileEntry {
  const { digest, size } = hashed
  return { type: 'file', digest, size, executable: (mode & 0o100n) !== 0n }
}

/** The entry of a file whose stats are those that are remembered. */
function recalled(known: Remembered | undefined, { stats }: FoundFile): FileEntry | undefined {
  if (known === undefined || !equal(known.stamp, stampOf(stats))) return undefined
  return entryOf({ digest: Uint8Array.from(known.digest), size: Number(stats.size) }, stats)
}

/** Opens a file that was found; `changed` if it is another one now. */
async function openMeant(
  path: string,
  label: string,
  { dev, ino }: FoundFile['stats'],
): Promise<FileSource> {
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
