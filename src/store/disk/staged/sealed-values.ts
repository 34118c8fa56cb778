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

/** What is on its way to the journal that adopts a value. */
interface Claim {
  /** Changes; of several, the first that is applied and whose conditions hold adopts it. */
  count: number
  /** May no other change claim it? */
  isLast: boolean
  /** What waits for the outcome. */
  readonly waiting: (() => void)[]
  /** Only the next opening knows it. */
  isLost: boolean
}

/**
 * A value is claimed while a change that adopts it is on its way to the journal: it can't be
 * discarded before the outcome is known.
 */
export class SealedValues {
  readonly #parts: SealedParts
  readonly #values = new Map<Location, StoredValue>()
  readonly #claims = new Map<Location, Claim>()

  constructor(parts: SealedParts) {
    this.#parts = parts
  }

  add(location: Location, value: StoredValue): void {
    this.#values.set(location, value)
  }

  get(location: Location): StoredValue | undefined {
    return this.#values.get(location)
  }

  /** Undefined if it is not sealed and waiting. `alone`: no other change may claim it. */
  claim(location: Location, alone: boolean = false): StoredValue | undefined {
    const value = this.#values.get(location)
    if (value === undefined) return undefined
    const claim = this.#claims.get(location)
    if (claim === undefined) {
      this.#claims.set(location, { count: 1, isLast: alone, waiting: [], isLost: false })
      return value
    }
    if (alone || claim.isLast) return undefined
    claim.count++
    return value
  }

  /** A change on its way releases it, once it is adopted: no later one can adopt it again. */
  release(location: Location): void {
    const claim = this.#claims.get(location)
    if (claim !== undefined) claim.isLast = true
  }

  /** It was not adopted by that change. */
  unclaim(location: Location): void {
    const claim = this.#claims.get(location)
    if (claim === undefined || --claim.count > 0) return
    this.#claims.delete(location)
    for (const resolve of claim.waiting) resolve()
  }

  /** It was adopted. Returns its size. */
  adopted(location: Location): number {
    const size = this.#values.get(location)?.size ?? 0
    this.#values.delete(location)
    this.unclaim(location)
    return size
  }

  /** It can be read as before, and is neither adopted nor discarded any more. */
  leave(location: Location): void {
    const claim = this.#claims.get(location)
    if (claim === undefined) return
    claim.isLost = true
    claim.isLast = true
    for (const resolve of claim.waiting.splice(0)) resolve()
  }

  /**
   * Discards a value, unless a transaction adopts it: one on its way decides first. Returns the
   * bytes that are free again; undefined if it was adopted.
   */
  async discard(location: Location): Promise<number | undefined> {
    for (let claim; (claim = this.#claims.get(location)) !== undefined;) {
      const { isLost, waiting } = claim
      if (isLost) return undefined
      await new Promise<void>((resolve) => void waiting.push(resolve))
    }
    const value = this.#values.get(location)
    this.#values.delete(location)
    if (value === undefined) return undefined
    await this.#parts.readers.end(location, new DstoreError('removed', 'the value was discarded'))
    await this.#parts.remove(value)
    return value.size
  }

  async discardAll(): Promise<void> {
    await Promise.all([...this.#values.keys()].map((location) => this.discard(location)))
  }
}
