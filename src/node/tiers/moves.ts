/**
 * Moves values that were read more than once from memory to files, before memory evicts them
 * (specs/003-transfer.md, R003-164). Only for files with a budget of their own.
 */
import type { Key } from '../../hash/key.ts'
import { INLINE_VALUE_BYTES, MIB } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Cache } from '../cache/cache.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import type { FileTier } from '../files/file-tier.ts'

/** Values whose reads are counted, held or not; the oldest are forgotten. */
const COUNTED = 16_384

/** A value is moved once it was read this often. */
const READS = 2

/** Moves begin when this share of memory is used: most values move before room is needed. */
const BUSY_SHARE = 3 / 4

/** Evicted values that are being moved: they take memory beyond the budget. */
const LEAVING_BYTES = 32 * MIB

/** Entries that are looked at for each move. */
const LOOKED_AT = 256

export interface MovesOptions {
  readonly memory: Cache
  readonly files: FileTier
  readonly log: Log
}

export class Moves {
  readonly #options: MovesOptions
  /** By key, the latest last. */
  readonly #reads = new Map<string, number>()
  #leavingBytes = 0
  #isMoving = false

  constructor(options: MovesOptions) {
    this.#options = options
  }

  /** A value in memory is being read. */
  read({ key }: { readonly key: Key }): void {
    const text = key.toHex()
    const count = (this.#reads.get(text) ?? 0) + 1
    this.#reads.delete(text)
    this.#reads.set(text, Math.min(count, READS))
    if (this.#reads.size > COUNTED) this.#reads.delete(this.#reads.keys().next().value!)
    if (!this.#isMoving && this.#isBusy()) void this.#moveAll()
  }

  /** Memory evicts a value, and calls this before it gives its memory back. */
  evicted(value: CachedValue): void {
    if (!this.#isWorth(value) || this.#leavingBytes + value.size > LEAVING_BYTES) return
    const release = value.use()
    this.#leavingBytes += value.size
    const unlisted = { peek: () => value, evict: () => 0 }
    // Not in this turn, in which the value may turn out to be removed.
    void Promise.resolve()
      .then(() => (value.isDropped ? undefined : this.#move(value, unlisted)))
      .finally(() => {
        this.#leavingBytes -= value.size
        release()
      })
  }

  async #moveAll(): Promise<void> {
    this.#isMoving = true
    try {
      while (this.#isBusy()) {
        const next = this.#next()
        if (next === undefined || !(await this.#move(next, this.#options.memory))) return
      }
    } finally {
      this.#isMoving = false
    }
  }

  /** The least recently used value that is worth a file. */
  #next(): CachedValue | undefined {
    let looked = 0
    for (const value of this.#options.memory.values()) {
      if (!value.inUse && this.#isWorth(value)) return value
      if (++looked === LOOKED_AT) break
    }
    return undefined
  }

  /** Small values come with Global's answer about them: a file would save nothing. */
  #isWorth(value: CachedValue): boolean {
    const { key, size, held, isVoid, isDropped } = value
    if (size <= INLINE_VALUE_BYTES || !held.complete || isVoid || isDropped) return false
    if (this.#reads.get(key.toHex()) !== READS) return false
    return this.#options.files.peek(key) === undefined
  }

  async #move(value: CachedValue, memory: Parameters<FileTier['adopt']>[1]): Promise<boolean> {
    const { files, log } = this.#options
    try {
      return (await files.adopt(value, memory)) !== undefined
    } catch (error) {
      log.debug('a value was not moved to a file', { error: String(error) })
      return false
    }
  }

  #isBusy(): boolean {
    const { usedBytes, budgetBytes } = this.#options.memory
    return usedBytes > BUSY_SHARE * budgetBytes
  }
}
