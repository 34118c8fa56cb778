/** How an object is cut into parts: as S3 allows, and in equal parts where the size is known. */
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_PART_BYTES, MIB } from '../../limits.ts'

/** S3 takes 10,000 parts. Some are left for an outboard, and for a value longer than announced. */
const MOST_PARTS = 10_000
const PLANNED_PARTS = 9_900

/** Of a value of unknown size: parts of one size, before they are twice as large. */
const EQUAL_PARTS = 2_000

export class PartSizes {
  readonly #bytes: number
  /** Parts of the size that was announced. */
  readonly #planned: number

  /** Some servers take only parts of one size, so an announced size is cut into such. */
  constructor(size: number = 0) {
    const least = Math.ceil(size / PLANNED_PARTS / MIB) * MIB
    this.#bytes = Math.max(ARCHIVE_PART_BYTES, least)
    this.#planned = Math.ceil(size / this.#bytes)
  }

  /** Of part `number`, from 1. Error: `too-large`. */
  of(number: number): number {
    if (number > MOST_PARTS) {
      throw new DstoreError('too-large', 'the value has more parts than a bucket takes', {
        hint: 'put a file, or announce the size of the value',
      })
    }
    const beyond = Math.max(0, number - 1 - this.#planned)
    return this.#bytes * 2 ** Math.floor(beyond / EQUAL_PARTS)
  }
}
