/** Small operations on bytes that every layer needs and no platform class gives. */

/** Below this, to zero costs less than to ask for memory that is not. */
const UNZEROED_BYTES = 4096

const EMPTY = new Uint8Array(0)

/**
 * An array that holds whatever was in its memory before, for those who write all that they show: to zero a megabyte
 * costs as much as to copy it. Not a Buffer, whose `slice` copies nothing.
 */
export function unzeroed(length: number): Uint8Array {
  if (length < UNZEROED_BYTES) return new Uint8Array(length)
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}

/** How many bytes these are together. */
export function bytesIn(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** All parts in one array; the part itself, uncopied, where there is only one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return EMPTY
  if (parts.length === 1) return parts[0]!
  const whole = unzeroed(bytesIn(parts))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}

/** All pieces of a stream in one array: for streams that are known to be small. */
export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concat(parts)
}

/** A stream of one piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}

/** The same memory, for numbers. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Are both the same bytes? Not constant-time: never for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lower-case hex, two digits a byte: one flat string, where digits put together would be a chain of strings. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** The bytes of an even number of hex digits in any case; undefined for any other string. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return undefined
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
