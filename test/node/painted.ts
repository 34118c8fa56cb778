/** Values that differ everywhere, for tests in which one might be taken for another. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Bytes of which no long run is the same in two colours, nor at two places that are whole segments
 * apart.
 */
export function painted(size: number, colour: number): Uint8Array {
  const brush = Uint8Array.from({ length: 997 }, (_, i) => (i * (colour + 1) + (i >> 5)) & 0xff)
  return new Uint8Array(Buffer.alloc(size, brush).buffer, 0, size)
}

/** Are these bytes those of the value from `start` on? */
export function isPartOf(value: Uint8Array, start: number, bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, value.subarray(start, start + bytes.byteLength)) === 0
}

/** The same in a file of this folder. */
export async function paintedFile(folder: string, size: number, colour: number): Promise<string> {
  const path = join(folder, `${colour}-${size}`)
  await writeFile(path, painted(size, colour))
  return path
}
