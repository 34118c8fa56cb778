/** Values that are sealed, and that no transaction has adopted yet. */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { ValueReaders } from '../value-reader.ts'

export interface SealedParts {
  readonly readers: ValueReaders
  /** Deletes the files of a value. */
  readonly remove: (value: StoredValue) => Promise<void>
}

/**
 * A value is claimed while a change that adopts it is on its way to the journal: nothing else can
 * adopt it or discard it before the outcome is known.
 */
export class SealedValues {
  readonly #parts: SealedParts
  readonly #values = new Map<Location, StoredValue>()
  /** Claimed values, each with what waits for its outcome. */
  readonly #claims = new Map<Location, (() => void)[]>()

  constructor(parts: SealedParts) {
    this.#parts = parts
  }

  add(location: Location, value: StoredValue): void {
    this.#values.set(location, value)
  }

  get(location: Location): StoredValue | undefined {
    return this.#values.get(location)
  }

  /** Undefined if it is not sealed and waiting. */
  claim(location: Location): StoredValue | undefined {
    const value = this.#values.get(location)
    if (value === undefined || this.#claims.has(location)) return undefined
    this.#claims.set(location, [])
    return value
  }

  /** It was not adopted, and can be claimed again. */
  unclaim(location: Location): void {
    const waiting = this.#claims.get(location) ?? []
    this.#claims.delete(location)
    for (const resolve of waiting) resolve()
  }

  /** It was adopted. Returns its size. */
  adopted(location: Location): number {
    const size = this.#values.get(location)?.size ?? 0
    this.#values.delete(location)
    this.unclaim(location)
    return size
  }

  /**
   * Only the next opening knows if it was adopted. It can be read as before, and is neither adopted
   * nor discarded any more.
   */
  leave(location: Location): void {
    for (const resolve of this.#claims.get(location) ?? []) resolve()
    this.#claims.set(location, [])
    this.#left.add(location)
  }

  readonly #left = new Set<Location>()

  /**
   * Discards a value, unless a transaction adopts it: one on its way decides first. Returns the
   * bytes that are free again; undefined if it was adopted.
   */
  async discard(location: Location): Promise<number | undefined> {
    for (let claim; (claim = this.#claims.get(location)) !== undefined;) {
      if (this.#left.has(location)) return undefined
      const waiting = claim
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    const value = this.#values.get(location)
    this.#values.delete(location)
    if (value === undefined) return undefined
    await this.#parts.readers.end(
      location,
      new DstoreError('removed', 'the value was discarded'),
    )
    await this.#parts.remove(value)
    return value.size
  }

  async discardAll(): Promise<void> {
    await Promise.all([...this.#values.keys()].map((location) => this.discard(location)))
  }
}
