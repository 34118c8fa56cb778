/** Copies a whole value from memory into a file, and gives its memory back as it goes. */
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import type { CachedFile } from './cached-file.ts'

/** All of it must be in memory, and in use by the caller. */
export async function copyFromMemory(from: CachedValue, to: CachedFile): Promise<void> {
  const { size, outboard } = from
  let pairs = [{ outboardOffset: 0, bytes: outboard }]
  let start = 0
  do {
    const range: ByteRange = { start, end: Math.min(size, start + SEGMENT_BYTES) }
    const bytes = size === 0 ? new Uint8Array(0) : from.view(range)
    if (bytes === undefined) throw new TypeError('the value is not in memory')
    await to.write(start, bytes, pairs)
    pairs = []
    from.returnSegment(Math.floor(start / SEGMENT_BYTES))
    start = range.end
  } while (start < size)
}
