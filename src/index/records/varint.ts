/** Varints of records, read where they stand in the bytes of many. */

/** Where the varint ends that `varint` read last. */
export let varintEnd = 0

/** The number that begins at `at`; no integer if it is cut off, or has more than 8 bytes. */
export function varint(bytes: Uint8Array, at: number): number {
  let value = 0
  let factor = 1
  for (const most = at + 8; at < most; factor *= 128) {
    const byte = bytes[at++]!
    value += (byte & 127) * factor
    if (byte < 128) {
      varintEnd = at
      return value
    }
  }
  varintEnd = at
  return NaN
}
