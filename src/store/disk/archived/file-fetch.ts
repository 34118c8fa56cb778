/** Fetches a file from the archive; whoever wants it meanwhile reads what is here already. */
import { unzeroed } from '../../../bytes.ts'
import { untilAborted } from '../../../deadline.ts'
import { DstoreError } from '../../../errors.ts'
import type { ByteRange } from '../../../hash/tree/tree.ts'
import type { Slots } from '../../slots.ts'
import type { Location } from '../../store.ts'
import type { ArchivedValues } from '../archive.ts'
import { type Files, type ReadableFile, SEALED_MODE, type WritableFile } from '../files.ts'

export interface FetchOptions {
  readonly files: Files
  readonly values: Pick<ArchivedValues, 'read'>
  readonly file: Location
  /** Of the object. */
  readonly range: ByteRange
  /** Its name until it is whole. */
  readonly part: string
  readonly path: string
  /** Waits until there is room for it, and no file of the name. */
  readonly prepare: () => Promise<void>
  /** Its turn among other fetches. */
  readonly slots: Slots
}

export class FileFetch {
  readonly #options: FetchOptions
  readonly #aborter = new AbortController()
  #written = 0
  #wanted = 0
  #isOver = false
  #onMove: (() => void)[] = []
  #reader: Promise<ReadableFile> | undefined
  readonly #reads = new Set<Promise<unknown>>()
  /** Rejects if it could not be fetched: then nothing of it is left. */
  readonly done: Promise<void>

  constructor(options: FetchOptions) {
    this.#options = options
    this.done = options.slots.run(() => this.#run())
    this.done.catch(() => undefined)
  }

  /** Somebody waits for it. When all have called the result, it is given up. */
  want(): () => void {
    this.#wanted++
    let isWanted = true
    return () => {
      if (!isWanted) return
      isWanted = false
      if (--this.#wanted === 0 && !this.isWritten) this.#aborter.abort(GIVEN_UP)
    }
  }

  /** Gives it up. Resolves when nothing of it is left but what was complete before. */
  async stop(fault: DstoreError): Promise<void> {
    this.#aborter.abort(fault)
    await this.done.catch(() => undefined)
  }

  /** Only its name is missing. */
  get isWritten(): boolean {
    const { start, end } = this.#options.range
    return this.#written === end - start
  }

  /** Is this much of it here, so that `read` need not wait? */
  hasWritten(bytes: number): boolean {
    return !this.#isOver && this.#written >= bytes
  }

  /**
   * Waits for these bytes, and reads them into memory of their own. Undefined once it is over, in
   * whatever way: then nobody may read the unfinished file any more.
   */
  async read({ start, end }: ByteRange, signal: AbortSignal): Promise<Uint8Array | undefined> {
    while (!this.#isOver && this.#written < end) {
      await untilAborted(new Promise<void>((resolve) => void this.#onMove.push(resolve)), signal)
    }
    if (this.#isOver) return undefined
    const reading = this.#read(unzeroed(end - start), start)
    const settled = reading.catch(() => undefined).finally(() => this.#reads.delete(settled))
    this.#reads.add(settled)
    return reading
  }

  async #read(into: Uint8Array, position: number): Promise<Uint8Array> {
    const file = await (this.#reader ??= this.#options.files.open(this.#options.part))
    for (let filled = 0; filled < into.byteLength;) {
      const count = await file.read(into.subarray(filled), position + filled)
      if (count === 0) throw new DstoreError('integrity', 'a file is shorter than what was written')
      filled += count
    }
    return into
  }

  async #run(): Promise<void> {
    const { files, part, path, prepare } = this.#options
    try {
      this.#aborter.signal.throwIfAborted()
      await prepare()
      // Left by a fetch that could not delete it.
      await files.remove(part)
      const file = await files.create(part)
      try {
        await this.#take(file)
        await file.setMode(SEALED_MODE)
      } finally {
        await file.close()
      }
      await this.#over()
      this.#aborter.signal.throwIfAborted()
      await files.rename(part, path)
    } catch (error) {
      await this.#over()
      await files.remove(part).catch(() => undefined)
      throw error
    }
  }

  async #take(file: WritableFile): Promise<void> {
    const { values, range } = this.#options
    const { signal } = this.#aborter
    for await (const piece of values.read(this.#options.file, range, signal)) {
      for (let rest = piece; rest.byteLength > 0;) {
        signal.throwIfAborted()
        const count = await file.write(rest)
        rest = rest.subarray(count)
        this.#written += count
        this.#moved()
      }
    }
    // An object never gives more, or less: whoever reads it checks that.
    if (this.#written !== range.end - range.start) {
      throw new DstoreError('integrity', 'the archive gave fewer bytes than it was asked for')
    }
  }

  /** Nobody reads the unfinished file any more. */
  async #over(): Promise<void> {
    this.#isOver = true
    this.#moved()
    await Promise.all(this.#reads)
    const reader = await this.#reader?.catch(() => undefined)
    this.#reader = undefined
    await reader?.close().catch(() => undefined)
  }

  #moved(): void {
    const waiting = this.#onMove
    this.#onMove = []
    for (const resolve of waiting) resolve()
  }
}

const GIVEN_UP = new DstoreError('cancelled', 'nobody waits for the value any more')
