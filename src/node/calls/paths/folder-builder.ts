/**
 * The folder of a directory: symbolic links to the files of its values, and copies of those that
 * are executable (specs/007, R007-354).
 */
import { setMaxListeners } from 'node:events'
import { concat } from '../../../bytes.ts'
import { decodeDirectory } from '../../../directory/reader.ts'
import { totalsOf, type Directory, type Entry } from '../../../directory/directory.ts'
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { Key } from '../../../hash/key.ts'
import { DIRECTORY_BYTES, DIRECTORY_DEPTH } from '../../../limits.ts'
import {
  EXECUTABLE_MODE,
  type PrivateFile,
  type PrivateFolder,
} from '../../../store/paths/private-folder.ts'
import type { CallOptions, Node } from '../../node.ts'
import type { HeldFile } from './path-files.ts'
import type { Made } from './shared.ts'

/** Files that are fetched at a time. */
const AT_ONCE = 8

export interface BuiltFolder extends Made, PrivateFile {
  /** Bytes of all its files. */
  readonly size: number
}

export interface FolderParts {
  readonly folder: PrivateFolder
  readonly get: Node['get']
  readonly open: (key: Key, options: CallOptions) => Promise<HeldFile>
  /** Writes a copy of a value to a path. */
  readonly copy: (key: Key, path: string, mode: number, options: CallOptions) => Promise<Made>
  readonly options: CallOptions
}

export class FolderBuilder {
  readonly #parts: FolderParts
  readonly #root: string
  /** Aborted once a value of it was removed. */
  readonly #removed = new AbortController()
  readonly #held: (() => void)[] = []
  readonly #stop: () => void
  #size = 0
  #doneBytes = 0

  constructor(parts: FolderParts) {
    this.#parts = parts
    this.#root = parts.folder.newPath()
    setMaxListeners(0, this.#removed.signal)
    let isStopped = false
    this.#stop = () => {
      if (isStopped) return
      isStopped = true
      this.#parts.folder.remove(this.#root)
      for (const release of this.#held) release()
    }
  }

  /** Errors: those of `get`, naming the path below the directory; `no-space`, `unwritable`. */
  async build(key: Key): Promise<BuiltFolder> {
    const removed = this.#removed.signal
    try {
      const directory = await this.#read(key)
      this.#size = totalsOf(directory).size
      this.#report(0)
      const made = await this.#parts.folder.makeFolder(this.#root)
      await this.#fill(directory, [])
      removed.throwIfAborted()
      removed.addEventListener('abort', this.#stop, { once: true })
      return { ...made, size: this.#size, removed, end: this.#stop }
    } catch (error) {
      this.#stop()
      // Where it lies may have been moved away with what it holds.
      removed.throwIfAborted()
      throw error
    }
  }

  async #fill(directory: Directory, names: readonly string[]): Promise<void> {
    if (names.length >= DIRECTORY_DEPTH) {
      throw new DstoreError('too-large', `the tree has more than ${DIRECTORY_DEPTH} levels`)
    }
    const entries = [...directory].values()
    let failed = false
    // Directories one after the other: only one level is in memory at a time.
    const below: (readonly [string, Key])[] = []
    const work = async (): Promise<void> => {
      for (const [name, entry] of entries) {
        if (failed) return
        this.#parts.options.signal?.throwIfAborted()
        this.#removed.signal.throwIfAborted()
        if (entry.type === 'directory') below.push([name, new Key(entry.digest, 'directory')])
        else await this.#add([...names, name], entry)
      }
    }
    const workers = Array.from({ length: AT_ONCE }, () =>
      work().catch((error: unknown) => {
        failed = true
        throw error
      }),
    )
    const outcomes = await Promise.allSettled(workers)
    for (const one of outcomes) if (one.status === 'rejected') throw one.reason
    for (const [name, key] of below) {
      const inside = [...names, name]
      await this.#parts.folder.makeFolder(this.#pathOf(inside))
      await this.#fill(await naming(inside, this.#read(key)), inside)
    }
  }

  async #add(
    names: readonly string[],
    entry: Exclude<Entry, { type: 'directory' }>,
  ): Promise<void> {
    const { folder, options } = this.#parts
    const path = this.#pathOf(names)
    if (entry.type === 'link') return folder.link(path, entry.target)
    const key = new Key(entry.digest)
    const calls = this.#calls()
    if (entry.executable) {
      const copy = await naming(names, this.#parts.copy(key, path, EXECUTABLE_MODE, calls))
      this.#hold(copy.removed, () => copy.end())
    } else {
      const file = await naming(names, this.#parts.open(key, calls))
      this.#hold(file.removed, () => file.release())
      await folder.link(path, file.path)
    }
    options.signal?.throwIfAborted()
    this.#report(entry.size)
  }

  /** The whole folder ends with the first of its values. */
  #hold(removed: AbortSignal, release: () => void): void {
    const end = (): void => this.#removed.abort(removed.reason)
    this.#held.push(() => {
      removed.removeEventListener('abort', end)
      release()
    })
    removed.addEventListener('abort', end, { once: true })
    removed.throwIfAborted()
  }

  #calls(): CallOptions {
    const { signal, timeoutMs } = this.#parts.options
    return { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
  }

  #report(bytes: number): void {
    this.#doneBytes += bytes
    const { onProgress } = this.#parts.options
    onProgress?.({ phase: 'fetch', doneBytes: this.#doneBytes, totalBytes: this.#size })
  }

  async #read(key: Key): Promise<Directory> {
    const { size, bytes } = await this.#parts.get(key, this.#calls())
    if (size > DIRECTORY_BYTES) {
      await bytes[Symbol.asyncIterator]().return?.()
      const most = `that has at most ${DIRECTORY_BYTES} bytes`
      throw new DstoreError('too-large', `${key.toString()} is no directory: ${most}`)
    }
    const parts: Uint8Array[] = []
    // A part is valid only until the next one is asked for.
    for await (const part of bytes) parts.push(Uint8Array.from(part))
    return decodeDirectory(concat(parts))
  }

  #pathOf(names: readonly string[]): string {
    return [this.#root, ...names].join('/')
  }
}

/** The same error, with the path below the directory. */
async function naming<T>(names: readonly string[], work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { code, message, hint } = asDstoreError(error)
    const options = { cause: error, ...(hint !== undefined && { hint }) }
    throw new DstoreError(code, `${names.join('/')}: ${message}`, options)
  }
}
