/** The groups of a value that are held and verified, one bit each (specs/002, R002-16). */
import { GROUP_BYTES } from '../../limits.ts'
import { bytesOf, checkTree, groupCount, groupsOf } from './tree.ts'
import type { ByteRange, GroupRange } from './tree.ts'

export class Bitfield {
  readonly size: number
  readonly groupBytes: number
  /** Number of groups of the value. */
  readonly groups: number
  /** Group i is bit i mod 8, from the lowest, of byte i / 8. Bits after the last group are 0. */
  readonly #bits: Uint8Array
  #count = 0

  /** No group of `size` bytes is held. Needs one bit per group: 8 MiB for 1 TiB. */
  constructor(size: number, groupBytes: number = GROUP_BYTES) {
    checkTree(size, groupBytes)
    this.size = size
    this.groupBytes = groupBytes
    this.groups = groupCount(size, groupBytes)
    this.#bits = new Uint8Array(Math.ceil(this.groups / 8))
  }

  /** The inverse of `toBytes`; undefined if the bytes are not a bitfield for this size. */
  static fromBytes(
    bytes: Uint8Array,
    size: number,
    groupBytes: number = GROUP_BYTES,
  ): Bitfield | undefined {
    checkTree(size, groupBytes)
    const groups = groupCount(size, groupBytes)
    if (bytes.byteLength !== Math.ceil(groups / 8)) return undefined
    if (groups % 8 !== 0 && bytes.at(-1)! >> (groups % 8) !== 0) return undefined
    const field = new Bitfield(size, groupBytes)
    field.#bits.set(bytes)
    for (const byte of bytes) field.#count += POPULATION[byte]!
    return field
  }

  toBytes(): Uint8Array {
    return this.#bits.slice()
  }

  /** Number of groups held. */
  get count(): number {
    return this.#count
  }

  /** Is the whole value held? */
  get complete(): boolean {
    return this.#count === this.groups
  }

  has(group: number): boolean {
    this.#check(group)
    return this.#bit(group)
  }

  set(group: number): void {
    this.#check(group)
    if (this.#bit(group)) return
    this.#bits[Math.floor(group / 8)]! |= 1 << (group & 7)
    this.#count++
  }

  /** Marks all groups within these bytes; the value's end completes the last group. */
  setRange(range: ByteRange): void {
    const end = range.end >= this.size ? this.groups : Math.floor(range.end / this.groupBytes)
    for (let group = Math.ceil(range.start / this.groupBytes); group < end; group++) this.set(group)
  }

  /** Are all groups of the slice for this range held? Then the pairs above them are, too. */
  covers(range: ByteRange): boolean {
    const { first, end } = groupsOf(range, this.size, this.groupBytes)
    return this.#next(first, end, false) === end
  }

  /** The missing runs, in whole groups, of the slice for this range; in order. */
  *missing(range: ByteRange = { start: 0, end: this.size }): Generator<ByteRange, void, undefined> {
    yield* this.#runs(groupsOf(range, this.size, this.groupBytes), false)
  }

  /** The held runs, in whole groups, of the slice for this range; in order. */
  *held(range: ByteRange = { start: 0, end: this.size }): Generator<ByteRange, void, undefined> {
    yield* this.#runs(groupsOf(range, this.size, this.groupBytes), true)
  }

  *#runs(within: GroupRange, held: boolean): Generator<ByteRange, void, undefined> {
    for (let at = within.first; at < within.end;) {
      const first = this.#next(at, within.end, held)
      at = this.#next(first, within.end, !held)
      if (at > first) yield bytesOf({ first, end: at }, this.size, this.groupBytes)
    }
  }

  /** The first group from `from` on that is held, or not held; `end` if there is none before it. */
  #next(from: number, end: number, held: boolean): number {
    const skipped = held ? 0x00 : 0xff
    let group = from
    while (group < end) {
      if ((group & 7) === 0 && this.#bits[Math.floor(group / 8)] === skipped) group += 8
      else if (this.#bit(group) === held) return group
      else group++
    }
    return end
  }

  #bit(group: number): boolean {
    return ((this.#bits[Math.floor(group / 8)]! >> (group & 7)) & 1) === 1
  }

  #check(group: number): void {
    if (!Number.isInteger(group) || group < 0 || group >= this.groups) {
      throw new RangeError('group must be an index below the number of groups')
    }
  }
}

/** Number of bits set in each byte. */
const POPULATION: Uint8Array = new Uint8Array(256)
for (let byte = 1; byte < 256; byte++) POPULATION[byte] = (byte & 1) + POPULATION[byte >> 1]!
