/** Random changes that fit a state, or almost: some are refused, some are mistakes. */
import type {
  Change,
  Condition,
  RecordKey,
  SealedValue,
  Table,
  Write,
} from '../../../../src/journal/entry.ts'
import { encodeCounter } from '../../../../src/store/counters.ts'
import type { PlainRecords } from './plain-records.ts'

/** A number from 0 to below `below`. */
export type Random = (below: number) => number

export const TABLES: readonly Table[] = ['keys', 'names', 'meta']

/** Neighbours in the order of bytes, and prefixes of each other. */
export const IDS: readonly Uint8Array[] = [
  [0],
  [0, 0],
  [97],
  [97, 0],
  [97, 98],
  [97, 98, 99],
  [97, 255],
  [98],
  [98, 97],
  [255],
  [255, 255],
].map((bytes) => Uint8Array.from(bytes))

const COUNTERS: readonly Uint8Array[] = [Uint8Array.from([122]), Uint8Array.from([122, 122])]

/** The location with this number. */
export const locationAt = (number: number): string =>
  `0000000f${number.toString(16).padStart(12, '0')}`

export class RandomChanges {
  readonly #state: PlainRecords
  readonly #random: Random
  #sealed = 0

  constructor(state: PlainRecords, random: Random) {
    this.#state = state
    this.#random = random
  }

  next(): Change {
    switch (this.#random(12)) {
      case 0:
        return { type: 'trim', upto: this.#random(this.#state.tally().lastSeq + 3) }
      case 1:
        return { type: 'damaged', location: this.#adopted() }
      case 2:
        return this.#replace()
      default:
        return this.#transaction()
    }
  }

  #transaction(): Change {
    const some = <T>(most: number, make: () => T): T[] =>
      Array.from({ length: this.#random(most + 1) }, make)
    const hasEntry = this.#random(5) > 0
    const isMany = this.#state.locations().length > 6
    const release = new Set(some(isMany ? 4 : 1, () => this.#adopted()))
    if (!isMany && this.#random(2) === 0) release.clear()
    if (this.#random(30) === 0) release.add(locationAt(999_999))
    return {
      type: 'transaction',
      conditions: some(2, () => this.#condition()),
      writes: some(3, () => this.#write(hasEntry ? TABLES : ['meta'])),
      increments: some(1, () => {
        const by = this.#random(20) === 0 ? -9 : this.#random(4) - 1
        return { key: { table: 'meta', id: this.#of(COUNTERS) }, by }
      }),
      entry: hasEntry ? this.#bytes(20) : undefined,
      adopt: hasEntry ? some(2, () => this.#seal(this.#random(40))) : [],
      release: hasEntry ? [...release] : [],
    }
  }

  #condition(): Condition {
    const key = this.#key()
    switch (this.#random(8)) {
      case 0:
        return { present: key }
      case 1:
        return { table: key.table, noneWithPrefix: key.id.subarray(0, this.#random(3)) }
      case 2:
        return { key, version: this.#random(3) }
      default:
        return { key, version: this.#state.version(key) }
    }
  }

  #write(tables: readonly Table[]): Write {
    if (this.#random(20) === 0) {
      // A counter written as a row: as one, or as none.
      const key: RecordKey = { table: 'meta', id: this.#of(COUNTERS) }
      const values = [encodeCounter(this.#random(5)), undefined, undefined, this.#bytes(3)]
      return { key, value: this.#of(values) }
    }
    const key = { table: this.#of(tables), id: this.#of(IDS) }
    return { key, value: this.#random(3) === 0 ? undefined : this.#bytes(30) }
  }

  #replace(): Change {
    const location = this.#adopted()
    const before = this.#state.value(location)
    const size = this.#random(6) === 0 ? this.#random(40) : (before?.size ?? 0)
    const by = this.#seal(size)
    const isMove = this.#random(2) === 0
    if (!isMove || before === undefined || by.place === 'small') {
      return { type: 'replace', location, by }
    }
    return { type: 'replace', location, by: { ...by, location: before.file } }
  }

  #seal(size: number): SealedValue {
    const location = locationAt(++this.#sealed)
    const outboardBytes = this.#random(4)
    const place = this.#of(['small', 'records', 'file'] as const)
    const length = { small: size + outboardBytes, records: outboardBytes, file: 0 }[place]
    return { location, size, outboardBytes, place, bytes: this.#filled(length) }
  }

  /** Most of the time. */
  #adopted(): string {
    const locations = this.#state.locations()
    return locations.length === 0 ? locationAt(999_999) : this.#of(locations)
  }

  #key(): RecordKey {
    return { table: this.#of(TABLES), id: this.#of(IDS) }
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#random(list.length)]!
  }

  #bytes(most: number): Uint8Array {
    return this.#filled(this.#random(most + 1))
  }

  #filled(length: number): Uint8Array {
    return new Uint8Array(length).fill(this.#random(256))
  }
}

/** The same numbers for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d_2b_79_f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
