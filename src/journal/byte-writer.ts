/** Writes numbers and bytes one after another: big-endian, of fixed widths. */
import { unzeroed } from '../bytes.ts'

export class ByteWriter {
  readonly bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  /** For exactly this many bytes: new ones, or these. */
  constructor(length: number, bytes: Uint8Array = unzeroed(length)) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, length)
  }

  /** Begins again, over the same bytes. */
  restart(): this {
    this.#at = 0
    return this
  }

  get at(): number {
    return this.#at
  }

  u8(value: number): void {
    this.bytes[this.#at++] = value
  }

  u16(value: number): void {
    this.#view.setUint16(this.#at, value)
    this.#at += 2
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value)
    this.#at += 4
  }

  /** From 0 to 2^53 - 1; anything else is a `RangeError`. */
  u64(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} must be a count`)
    this.#view.setUint32(this.#at, Math.floor(value / 2 ** 32))
    this.#view.setUint32(this.#at + 4, value % 2 ** 32)
    this.#at += 8
  }

  /** From -(2^53 - 1) to 2^53 - 1, in two's complement; anything else is a `RangeError`. */
  i64(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} must be a whole number`)
    this.#view.setBigInt64(this.#at, BigInt(value))
    this.#at += 8
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
  }
}
