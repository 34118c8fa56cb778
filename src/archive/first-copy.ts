/**
 * Uploads the values that a store had before it got an archive: in the background, again from where
 * it was after an end (specs/011-archive.md, "Rules: objects of values").
 */
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import { pause } from '../deadline.ts'
import { ARCHIVE_COPIES } from '../limits.ts'
import type { Log } from '../log.ts'
import type { ArchiveSource, ArchivedValues } from '../store/disk/archive.ts'
import type { StoredValue } from '../store/disk/records/file-row.ts'
import type { Location } from '../store/store.ts'
import { AscendingList } from './values/ascending-list.ts'
import { VALUE_PREFIX, objectKey } from './values/object-key.ts'

export interface FirstCopyOptions {
  readonly objects: ObjectStore
  readonly values: Pick<ArchivedValues, 'has' | 'upload' | 'remove'>
  readonly source: Pick<ArchiveSource, 'files' | 'open' | 'isNamed'>
  readonly log: Log
  /** Ends it. */
  readonly signal: AbortSignal
  readonly onProgress?: (progress: FirstCopyProgress) => void
  /** Resolves after this time, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Values in files. */
export interface FirstCopyProgress {
  readonly done: number
  readonly total: number
}

export interface FirstCopied {
  readonly values: number
  /** Of them: uploaded now, because they were not there. */
  readonly uploaded: number
  /** Could not be read: they are damaged on this disk, too, until they are put again. */
  readonly unreadable: readonly Location[]
}

interface Stored {
  readonly location: Location
  readonly value: StoredValue
}

/** Rows looked at in one turn of the event loop. */
const PAGE_ROWS = 256

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000

/**
 * Resolves when every value that the store had at the call has its object, unless it was released
 * meanwhile. Repeats without end while the bucket is away. Error: the reason of the signal.
 */
export async function firstCopy(options: FirstCopyOptions): Promise<FirstCopied> {
  const copy = new FirstCopy(options)
  return copy.run()
}

class FirstCopy {
  readonly #options: FirstCopyOptions
  readonly #list: AscendingList
  readonly #running = new Set<Promise<void>>()
  #done = 0
  #total = 0
  #uploaded = 0
  readonly #unreadable: Location[] = []
  #fault: { readonly reason: unknown } | undefined

  constructor(options: FirstCopyOptions) {
    this.#options = options
    this.#list = new AscendingList(options.objects, VALUE_PREFIX, options.signal)
  }

  async run(): Promise<FirstCopied> {
    for await (const _ of this.#stored()) this.#total++
    for await (const stored of this.#stored()) {
      while (this.#running.size >= ARCHIVE_COPIES) await Promise.race(this.#running)
      if (this.#fault !== undefined) break
      const running = this.#value(stored).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
    await Promise.all(this.#running)
    if (this.#fault !== undefined) throw this.#fault.reason
    return { values: this.#done, uploaded: this.#uploaded, unreadable: this.#unreadable }
  }

  /** Values that may lack their object. */
  async *#stored(): AsyncGenerator<Stored> {
    const { source, values, signal } = this.#options
    let after: Location | undefined
    for (;;) {
      const page: Stored[] = []
      for (const one of source.files(after)) if (page.push(one) === PAGE_ROWS) break
      for (const stored of page) if (!values.has(stored.value.file)) yield stored
      if (page.length < PAGE_ROWS) return
      after = page.at(-1)!.location
      // Timers and sockets come first.
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
    }
  }

  /** Sees to the object of one value. Never rejects. */
  async #value({ location, value }: Stored): Promise<void> {
    const { source, values, log } = this.#options
    try {
      if (!(await this.#patiently(() => this.#isThere(location, value)))) {
        await this.#patiently(() => this.#upload(location, value))
        // Its release found nothing to delete.
        if (!source.isNamed(value.file)) values.remove(value.file)
      }
    } catch (error) {
      if (!(error instanceof Unreadable)) {
        this.#fault ??= { reason: error }
        return
      }
      const { message } = asDstoreError(error.cause)
      log.error('a value could not be copied to the archive', { location, message })
      this.#unreadable.push(location)
    }
    this.#done++
    this.#options.onProgress?.({ done: this.#done, total: Math.max(this.#done, this.#total) })
  }

  async #isThere(location: Location, { file, size, outboardBytes }: StoredValue): Promise<boolean> {
    const { objects, signal } = this.#options
    const key = objectKey(file)
    // Files that replaced damaged ones are few, and not in the order of the list.
    const found = await (file === location ? this.#list.size(key) : objects.size(key, signal))
    if (found === undefined || found === size + outboardBytes) return found !== undefined
    await objects.remove([key], signal)
    return false
  }

  async #upload(location: Location, { file, size, outboardBytes }: StoredValue): Promise<void> {
    const { source, values, signal } = this.#options
    const opened = await source.open(location).catch((error: unknown) => {
      throw new Unreadable(error)
    })
    // Released meanwhile, or known to be damaged.
    if (opened === undefined) return
    let fault: unknown
    const read = async (into: Uint8Array, position: number): Promise<void> => {
      try {
        await opened.read(into, position)
      } catch (error) {
        fault = error
        throw error
      }
    }
    const total = size + outboardBytes
    const sources = { read, close: () => opened.close() }
    const upload = values.upload(file, async () => sources, total)
    const abort = (): void => void upload.abort()
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      await upload.complete(total, new Uint8Array(0))
      this.#uploaded++
    } catch (error) {
      await upload.abort()
      signal.throwIfAborted()
      if (fault === undefined) throw error
      if (source.isNamed(file)) throw new Unreadable(fault)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Tries again for as long as the bucket is away. */
  async #patiently<T>(act: () => Promise<T>): Promise<T> {
    const { signal, sleep = pause } = this.#options
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs)) {
      try {
        return await act()
      } catch (error) {
        signal.throwIfAborted()
        const isAway = error instanceof DstoreError && error.code === 'unreachable'
        if (!isAway) throw error
      }
      await sleep(waitMs, signal)
      signal.throwIfAborted()
    }
  }
}

/** The value, not the bucket, is at fault. */
class Unreadable extends Error {
  constructor(cause: unknown) {
    super('a value cannot be read', { cause })
  }
}
