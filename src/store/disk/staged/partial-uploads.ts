/** Interrupted uploads kept for resumption: limited in bytes and age. Ids are in hex. */
import { toHex } from '../../../bytes.ts'
import { GROUP_BYTES, UNFINISHED_BYTES, UNFINISHED_MS } from '../../../limits.ts'
import { notResumable } from '../../arguments.ts'
import type { Resumption } from '../../store.ts'
import type { Files } from '../files.ts'
import type { Layout } from '../layout.ts'

/** The partial upload that a staging writes, and the bytes of it that it keeps. */
export interface ClaimedUpload {
  /** In hex. */
  readonly id: string
  readonly from: number
}

interface KeptUpload {
  readonly bytes: number
  /** Last written, in milliseconds since 1970. */
  readonly writtenAtMs: number
  /** When this process kept it, on the elapsed clock; -Infinity if an earlier one did. */
  readonly keptAtMs: number
}

export interface PartialUploadClocks {
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Milliseconds that never run ahead of real time. */
  readonly elapsed: () => number
}

export class PartialUploads {
  readonly #files: Files
  readonly #layout: Layout
  readonly #clocks: PartialUploadClocks
  readonly #partials = new Map<string, KeptUpload>()
  /** Ids that a staging writes now. */
  readonly #writing = new Set<string>()

  constructor(files: Files, layout: Layout, clocks: PartialUploadClocks) {
    this.#files = files
    this.#layout = layout
    this.#clocks = clocks
  }

  get bytes(): number {
    return [...this.#partials.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Registers a file that an earlier run left. False if it has no whole group. */
  async restore(id: string): Promise<boolean> {
    const path = this.#layout.partialFile(id)
    const bytes = wholeGroups((await this.#files.size(path)) ?? 0)
    const writtenAtMs = (await this.#files.writtenAt(path)) ?? 0
    if (bytes === 0) return false
    this.#partials.set(id, { bytes, writtenAtMs, keptAtMs: -Infinity })
    return true
  }

  /** Bytes that a resumption can keep; 0 if there are none. */
  bytesOf(id: string): number {
    return this.#partials.get(id)?.bytes ?? 0
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

  /**
   * The partial upload to write. Undefined if another staging writes it: this one is not resumable.
   */
  async claimFor({ id, from }: Resumption): Promise<ClaimedUpload | undefined> {
    const hex = toHex(id)
    return (await this.claim(hex, from)) ? { id: hex, from } : undefined
  }

  /** Ends a claim whose file is gone. */
  release(id: string): void {
    this.#writing.delete(id)
  }

  /** Ends a claim and keeps its file, which has this many bytes. */
  async keep(id: string, bytes: number): Promise<void> {
    this.#writing.delete(id)
    const { wall, elapsed } = this.#clocks
    const kept = { writtenAtMs: wall(), keptAtMs: elapsed() }
    this.#partials.set(id, { bytes: wholeGroups(bytes), ...kept })
    await this.trim()
  }

  /** Deletes the oldest partial uploads beyond the limit. */
  trim(maxBytes: number = UNFINISHED_BYTES): Promise<void> {
    return this.#delete((left) => left > maxBytes)
  }

  /**
   * Deletes partial uploads that are too old at this wall time. What this process kept must be as
   * old by the elapsed clock, too: the wall clock may have been set meanwhile (R004-65).
   */
  expire(wallMs: number): Promise<void> {
    const elapsedMs = this.#clocks.elapsed()
    return this.#delete((_, { writtenAtMs, keptAtMs }) => {
      return wallMs - writtenAtMs > UNFINISHED_MS && elapsedMs - keptAtMs > UNFINISHED_MS
    })
  }

  /** Deletes what is `due`, oldest first. `left`: the bytes of all that is kept by then. */
  async #delete(due: (left: number, kept: KeptUpload) => boolean): Promise<void> {
    const oldestFirst = [...this.#partials].toSorted(
      ([, a], [, b]) => a.writtenAtMs - b.writtenAtMs,
    )
    let left = this.bytes
    for (const [id, kept] of oldestFirst) {
      if (kept.bytes > 0 && !due(left, kept)) continue
      left -= kept.bytes
      this.#partials.delete(id)
      // If the disk refuses, the next process finds the file, and deletes it in its turn.
      await this.#files.remove(this.#layout.partialFile(id)).catch(() => undefined)
    }
  }
}

const wholeGroups = (bytes: number): number => bytes - (bytes % GROUP_BYTES)
