/** Keys as they are written (001), read by hand. */

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The digest in a key: the last 32 of the 36 bytes that its base32 stands for. */
export function digestOf(key: string): Uint8Array {
  const bits = key
    .slice(1)
    .split('')
    .map((digit) => BASE32.indexOf(digit).toString(2).padStart(5, '0'))
    .join('')
  const bytes = bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))
  return Uint8Array.from(bytes.slice(4, 36))
}
