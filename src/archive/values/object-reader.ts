/** Reads ranges of objects in aligned blocks, the next one ahead. */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { ARCHIVE_READS, ARCHIVE_READ_BYTES, PIECE_BYTES } from '../../limits.ts'
import { Slots } from '../../store/slots.ts'
import { bucketFault } from './faults.ts'

const HINT = 'check that the bucket answers: the value is not on this disk'

export class ObjectReader {
  readonly #objects: ObjectStore
  readonly #slots = new Slots(ARCHIVE_READS)

  constructor(objects: ObjectStore) {
    this.#objects = objects
  }

  async *pieces(
    key: string,
    { start, end }: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    // Ends the request for the next block when the reader leaves.
    const left = new AbortController()
    const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
    const block = (from: number): Promise<Uint8Array> => {
      const to = Math.min(end, from - (from % ARCHIVE_READ_BYTES) + ARCHIVE_READ_BYTES)
      const bytes = this.#block(key, { start: from, end: to }, either)
      // A failure is thrown when its block is wanted.
      bytes.catch(() => undefined)
      return bytes
    }
    signal?.throwIfAborted()
    try {
      let ahead = start < end ? block(start) : undefined
      for (let at = start; ahead !== undefined;) {
        const bytes: Uint8Array = await ahead
        at += bytes.byteLength
        ahead = at < end ? block(at) : undefined
        for (const piece of piecesOf(bytes)) {
          yield piece
          signal?.throwIfAborted()
        }
      }
    } finally {
      left.abort()
    }
  }

  async #block(key: string, range: ByteRange, signal: AbortSignal): Promise<Uint8Array> {
    const { place } = this.#objects
    let bytes: Uint8Array | undefined
    try {
      bytes = await this.#slots.run(() => {
        signal.throwIfAborted()
        return this.#objects.get(key, { range, signal })
      })
    } catch (error) {
      signal.throwIfAborted()
      throw bucketFault(error, 'read a value', place, HINT)
    }
    const lacking = bytes === undefined ? 'is missing' : 'is too short'
    if (bytes?.byteLength === range.end - range.start) return bytes
    throw new DstoreError('integrity', `the object ${key} of a value ${lacking} in ${place}`)
  }
}

/** Pieces whose memory is their own: readers pass it to threads. */
function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  const isOwn = bytes.byteLength === bytes.buffer.byteLength
  if (bytes.byteLength <= PIECE_BYTES) {
    yield isOwn ? bytes : bytes.slice()
    return
  }
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.slice(at, at + PIECE_BYTES)
}
