/** Values that broke off on their way in, and wait to be gone on with: bounded in space and in time. */
import { GROUP_BYTES, UNFINISHED_BYTES, UNFINISHED_MS } from '../../limits.ts'
import { nothingUnfinished } from '../arguments.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'

interface Waiting {
  readonly bytes: number
  /** When it was last written to, in milliseconds since 1970. */
  readonly writtenAtMs: number
}

/** Ids are in hex. */
export class PartialUploads {
  readonly #files: Files
  readonly #layout: Layout
  /** Milliseconds since 1970. */
  readonly #now: () => number
  readonly #waiting = new Map<string, Waiting>()
  /** Being written. */
  readonly #taken = new Set<string>()

  constructor(files: Files, layout: Layout, now: () => number) {
    this.#files = files
    this.#layout = layout
    this.#now = now
  }

  get bytes(): number {
    return [...this.#waiting.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** A file of this id is there. Is it to be kept? */
  async found(id: string): Promise<boolean> {
    const path = this.#layout.unfinishedFile(id)
    const bytes = wholeGroups((await this.#files.size(path)) ?? 0)
    const writtenAtMs = (await this.#files.writtenAt(path)) ?? 0
    if (bytes === 0 || this.#isOver(writtenAtMs)) return false
    this.#waiting.set(id, { bytes, writtenAtMs })
    return true
  }

  /** How many bytes can be gone on from. */
  find(id: string): number {
    const waiting = this.#waiting.get(id)
    return waiting === undefined || this.#isOver(waiting.writtenAtMs) ? 0 : waiting.bytes
  }

  /**
   * Begin to write it. `from` bytes are kept: `busy` where they are not there; 0 begins anew, and is false where
   * somebody else writes it.
   */
  async take(id: string, from: number): Promise<boolean> {
    if (from > this.find(id) || (from > 0 && this.#taken.has(id))) throw nothingUnfinished()
    if (this.#taken.has(id)) return false
    this.#taken.add(id)
    this.#waiting.delete(id)
    try {
      if (from === 0) await this.#files.remove(this.#layout.unfinishedFile(id))
    } catch (error) {
      this.#taken.delete(id)
      throw error
    }
    return true
  }

  /** It is not written any more, and its file is gone. */
  gone(id: string): void {
    this.#taken.delete(id)
  }

  /** It is not written any more, and its file has so many bytes. */
  async suspended(id: string, bytes: number): Promise<void> {
    this.#taken.delete(id)
    this.#waiting.set(id, { bytes: wholeGroups(bytes), writtenAtMs: this.#now() })
    await this.trim()
  }

  /** Let go of what has waited too long, and of the oldest beyond the bound. */
  async trim(maxBytes: number = UNFINISHED_BYTES): Promise<void> {
    const oldestFirst = [...this.#waiting].toSorted(([, a], [, b]) => a.writtenAtMs - b.writtenAtMs)
    let left = this.bytes
    for (const [id, { bytes, writtenAtMs }] of oldestFirst) {
      if (left <= maxBytes && bytes > 0 && !this.#isOver(writtenAtMs)) continue
      left -= bytes
      this.#waiting.delete(id)
      // What the disk refuses to delete is deleted when the store opens after its time.
      await this.#files.remove(this.#layout.unfinishedFile(id)).catch(() => undefined)
    }
  }

  #isOver(writtenAtMs: number): boolean {
    return this.#now() - writtenAtMs > UNFINISHED_MS
  }
}

const wholeGroups = (bytes: number): number => bytes - (bytes % GROUP_BYTES)
