/** Finds values that are read range by range, and better fetched whole. */
import type { ByteRange } from '../../../hash/tree/tree.ts'
import type { Location } from '../../store.ts'

/** A value is fetched whole once ranges of a quarter of its bytes were read from its object. */
const SHARE = 4

/** Values that are remembered; those not read for longest are forgotten. */
const REMEMBERED = 1_000

export class RangeReads {
  /** Bytes read of each value. */
  readonly #bytes = new Map<Location, number>()

  /** A range is read from an object; is the value to be fetched whole now? */
  took(file: Location, { start, end }: ByteRange, size: number): boolean {
    const bytes = (this.#bytes.get(file) ?? 0) + end - start
    this.#bytes.delete(file)
    if (bytes * SHARE >= size) return true
    this.#bytes.set(file, bytes)
    if (this.#bytes.size > REMEMBERED) this.forget(this.#bytes.keys().next().value!)
    return false
  }

  forget(file: Location): void {
    this.#bytes.delete(file)
  }
}
