/** A set of digests that gives each of them a number, in little memory. */
import { DIGEST_BYTES } from '../limits.ts'

/** Digests in a page of memory. */
const PAGE = 4096

/**
 * 32 bytes for each digest, and at most 16 for the table: a million take about 48 MiB, where a set
 * of strings would take three times as much.
 */
export class DigestTable {
  readonly #pages: Uint8Array[] = []
  /** Numbers plus one; 0 where the slot is free. At least half of the slots are. */
  #slots = new Int32Array(64)
  #size = 0
  /** Odd, and unknown to who chooses the values: so that they cannot all meet in one slot. */
  readonly #factors: readonly [number, number] = [odd(), odd()]

  get size(): number {
    return this.#size
  }

  has(digest: Uint8Array): boolean {
    return this.find(digest) >= 0
  }

  /** Its number, counted from 0 in the order in which digests were added; -1 if it was not. */
  find(digest: Uint8Array): number {
    return this.#slots[this.#slotOf(digest)]! - 1
  }

  /** Adds it if it is not there. Returns its number. */
  add(digest: Uint8Array): number {
    const slot = this.#slotOf(digest)
    const found = this.#slots[slot]! - 1
    if (found >= 0) return found
    const number = this.#size++
    if (number % PAGE === 0) this.#pages.push(new Uint8Array(PAGE * DIGEST_BYTES))
    this.#view(number).set(digest)
    this.#slots[slot] = number + 1
    if (this.#size * 2 > this.#slots.length) this.#grow()
    return number
  }

  /** The digest with this number. */
  at(number: number): Uint8Array {
    return this.#view(number).slice()
  }

  #view(number: number): Uint8Array {
    const at = (number % PAGE) * DIGEST_BYTES
    return this.#pages[Math.floor(number / PAGE)]!.subarray(at, at + DIGEST_BYTES)
  }

  /** Where it is, or the free slot for it. */
  #slotOf(digest: Uint8Array): number {
    const mask = this.#slots.length - 1
    let slot = this.#hash(digest) & mask
    for (;;) {
      const number = this.#slots[slot]! - 1
      if (number < 0 || Buffer.compare(this.#view(number), digest) === 0) return slot
      slot = (slot + 1) & mask
    }
  }

  #hash(digest: Uint8Array): number {
    const [first, second] = this.#factors
    const mixed = Math.imul(wordAt(digest, 0), first) ^ Math.imul(wordAt(digest, 4), second)
    return mixed ^ (mixed >>> 15)
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let number = 0; number < this.#size; number++) {
      this.#slots[this.#slotOf(this.#view(number))] = number + 1
    }
  }
}

const odd = (): number => Math.floor(Math.random() * 2 ** 32) | 1

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
