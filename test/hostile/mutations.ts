/** Bytes that were sound once, and are not any more, in the order of a seed. */
import { seeded } from '../wire/seeded.ts'

/**
 * Numbers that programs get wrong, as varints: the longest, negative ones, and what is too long for
 * one.
 */
const NUMBERS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x00],
]
const EDGES = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xfe, 0xff]

export class Mutator {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** Up to four things wrong with it; `other` is what pieces are borrowed from. */
  mutate(sound: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes = [...sound]
    for (let times = 1 + this.below(4); times > 0; times--) {
      const at = this.below(bytes.length + 1)
      switch (this.below(8)) {
        case 0:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << this.below(8))
          break
        case 1:
          bytes[at] = this.pick(EDGES)
          break
        case 2:
          bytes.splice(at, 0, ...this.#noise(1 + this.below(8)))
          break
        case 3:
          bytes.splice(at, 1 + this.below(8))
          break
        case 4:
          bytes = bytes.slice(0, at)
          break
        case 5:
          bytes.splice(at, 0, ...bytes.slice(at, at + this.below(40)))
          break
        case 6:
          bytes.splice(at, this.below(3), ...this.pick(NUMBERS))
          break
        case 7:
          bytes.splice(at, this.below(20), ...other.slice(this.below(other.length)))
          break
      }
    }
    return Uint8Array.from(bytes)
  }

  #noise(length: number): number[] {
    return Array.from({ length }, () => this.below(256))
  }
}
