/** Interrupted uploads kept for resumption: limited in bytes and age. Ids are in hex. */
import { GROUP_BYTES, UNFINISHED_BYTES, UNFINISHED_MS } from '../../limits.ts'
import { notResumable } from '../arguments.ts'
import type { Files } from './files.ts'
import type { Layout } from './layout.ts'

interface KeptUpload {
  readonly bytes: number
  /** Last written, in milliseconds since 1970. */
  readonly writtenAtMs: number
}

export class PartialUploads {
  readonly #files: Files
  readonly #layout: Layout
  /** Milliseconds since 1970. */
  readonly #now: () => number
  readonly #partials = new Map<string, KeptUpload>()
  /** Ids that a staging writes now. */
  readonly #writing = new Set<string>()

  constructor(files: Files, layout: Layout, now: () => number) {
    this.#files = files
    this.#layout = layout
    this.#now = now
  }

  get bytes(): number {
    return [...this.#partials.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Registers a file that an earlier run left. False if it has expired or has no whole group. */
  async restore(id: string): Promise<boolean> {
    const path = this.#layout.partialFile(id)
    const bytes = wholeGroups((await this.#files.size(path)) ?? 0)
    const writtenAtMs = (await this.#files.writtenAt(path)) ?? 0
    if (bytes === 0 || this.#isExpired(writtenAtMs)) return false
    this.#partials.set(id, { bytes, writtenAtMs })
    return true
  }

  /** Bytes that a resumption can keep; 0 if there are none. */
  bytesOf(id: string): number {
    const partial = this.#partials.get(id)
    return partial === undefined || this.#isExpired(partial.writtenAtMs) ? 0 : partial.bytes
  }

  /**
   * Reserves the id for a staging that keeps `from` bytes; throws `busy` if they are not available.
   * With 0 it deletes an older file; false if another staging writes the id.
   */
  async claim(id: string, from: number): Promise<boolean> {
    if (from > this.bytesOf(id)) throw notResumable()
    if (this.#writing.has(id)) return false
    this.#writing.add(id)
    this.#partials.delete(id)
    try {
      if (from === 0) await this.#files.remove(this.#layout.partialFile(id))
    } catch (error) {
      this.#writing.delete(id)
      throw error
    }
    return true
  }

  /** Ends a claim whose file is gone. */
  release(id: string): void {
    this.#writing.delete(id)
  }

  /** Ends a claim and keeps its file, which has this many bytes. */
  async keep(id: string, bytes: number): Promise<void> {
    this.#writing.delete(id)
    this.#partials.set(id, { bytes: wholeGroups(bytes), writtenAtMs: this.#now() })
    await this.trim()
  }

  /** Deletes expired partial uploads, and the oldest ones beyond the limit. */
  async trim(maxBytes: number = UNFINISHED_BYTES): Promise<void> {
    const oldestFirst = [...this.#partials].toSorted(
      ([, a], [, b]) => a.writtenAtMs - b.writtenAtMs,
    )
    let left = this.bytes
    for (const [id, { bytes, writtenAtMs }] of oldestFirst) {
      if (left <= maxBytes && bytes > 0 && !this.#isExpired(writtenAtMs)) continue
      left -= bytes
      this.#partials.delete(id)
      // If the disk refuses, an opening after the expiry deletes the file.
      await this.#files.remove(this.#layout.partialFile(id)).catch(() => undefined)
    }
  }

  #isExpired(writtenAtMs: number): boolean {
    return this.#now() - writtenAtMs > UNFINISHED_MS
  }
}

const wholeGroups = (bytes: number): number => bytes - (bytes % GROUP_BYTES)
