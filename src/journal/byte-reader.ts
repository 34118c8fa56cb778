/** Reads numbers and bytes one after another, and nothing beyond the end. */
import { DstoreError } from '../errors.ts'

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at
  }

  fault(why: string): DstoreError {
    return new DstoreError('integrity', `not an entry of a journal: ${why}, at byte ${this.#at}`)
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** From 0 to 2^53 - 1; more is refused. */
  u64(what: string): number {
    const at = this.#take(8)
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw this.fault(`${what} of 2^53 or more`)
    return value
  }

  /** From -(2^53 - 1) to 2^53 - 1; anything else is refused. */
  i64(what: string): number {
    const value = Number(this.#view.getBigInt64(this.#take(8)))
    if (!Number.isSafeInteger(value)) throw this.fault(`${what} of 2^53 or more`)
    return value
  }

  /** A view of the memory. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** One of a few things, by its number from 1. */
  oneOf<T>(what: string, things: readonly T[]): T {
    const number = this.u8()
    const thing = things[number - 1]
    if (thing === undefined) throw this.fault(`${what} ${number}`)
    return thing
  }

  #take(length: number): number {
    if (length > this.left) throw this.fault('it ends too early')
    const at = this.#at
    this.#at += length
    return at
  }
}
