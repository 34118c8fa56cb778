/** Reads of files of the cache, and what it means where they fail. */
import { unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import { readFault } from '../../store/disk/value-reader.ts'

/** A cached file as it is read back: a `CachedFile`. */
export interface FileBytes {
  readonly key: Key
  readonly size: number
  readonly held: Bitfield
  readonly isWhole: boolean
  /** Reads until the array is full; returns how many bytes, fewer at the end of the file. */
  readData(into: Uint8Array, position: number): Promise<number>
  /** The same of its outboard. */
  readPairs(into: Uint8Array, position: number): Promise<number>
}

/** What could be read of `length` bytes; memory of its own. */
export async function filled(
  length: number,
  read: (into: Uint8Array) => Promise<number>,
): Promise<Uint8Array> {
  try {
    const bytes = unzeroed(length)
    const count = await read(bytes)
    return count === length ? bytes : bytes.subarray(0, count)
  } catch (error) {
    throw readFault(error)
  }
}

export const shorter = (): DstoreError =>
  new DstoreError('integrity', 'a file of the cache is shorter than it was')
