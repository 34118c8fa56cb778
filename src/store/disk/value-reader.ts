/** One read of a large value, which can be ended from outside at any moment. */
import { unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { isMissing } from './faults.ts'
import type { Files, ReadableFile } from './files.ts'

export class ValueReader {
  readonly #files: Files
  readonly #path: string
  /** Why it ended, where it was ended from outside. */
  #ended: DstoreError | undefined
  #file: Promise<ReadableFile> | undefined
  /** The last read. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
  }

  /** The bytes of a range that the file should have, one piece ahead of the reader. */
  async *pieces({ start, end }: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (start === end) return
    let ahead: Promise<Uint8Array> | undefined
    try {
      for (let offset = start; offset < end; offset += PIECE_BYTES) {
        const after = offset + PIECE_BYTES
        const piece = await (ahead ?? this.#read(offset, Math.min(after, end)))
        ahead = after < end ? this.#ahead(after, Math.min(after + PIECE_BYTES, end)) : undefined
        signal?.throwIfAborted()
        if (this.#ended !== undefined) throw this.#ended
        yield piece
        signal?.throwIfAborted()
      }
    } finally {
      await this.#close()
    }
  }

  /** End it with this fault. Its file is closed when this resolves. */
  async end(fault: DstoreError): Promise<void> {
    this.#ended ??= fault
    await this.#close()
  }

  /** A read whose failure is met when its piece is asked for, not before. */
  #ahead(start: number, end: number): Promise<Uint8Array> {
    const piece = this.#read(start, end)
    piece.catch(() => undefined)
    return piece
  }

  #read(start: number, end: number): Promise<Uint8Array> {
    // Not zeroed: it is given out full, or not at all.
    const piece = this.#fill(unzeroed(end - start), start)
    this.#busy = piece.catch(() => undefined)
    return piece
  }

  async #fill(piece: Uint8Array, position: number): Promise<Uint8Array> {
    try {
      if (this.#ended !== undefined) throw this.#ended
      const file = await (this.#file ??= this.#files.open(this.#path))
      let filled = 0
      while (filled < piece.byteLength) {
        if (this.#ended !== undefined) throw this.#ended
        const count = await file.read(piece.subarray(filled), position + filled)
        if (count === 0) throw new DstoreError('integrity', 'a value is shorter than it was')
        filled += count
      }
      return piece
    } catch (error) {
      throw this.#ended ?? readFault(error)
    }
  }

  async #close(): Promise<void> {
    await this.#busy
    const file = this.#file
    this.#file = undefined
    await file?.then((opened) => opened.close()).catch(() => undefined)
  }
}

/** What the disk cannot give back is damage, and can be healed from elsewhere; what we may not open is not. */
function readFault(error: unknown): Error {
  if (error instanceof DstoreError) return error
  if (isMissing(error)) return new DstoreError('integrity', 'the file of a value is missing')
  const isDamage = error instanceof Error && 'code' in error && error.code === 'EIO'
  const message = error instanceof Error ? error.message : String(error)
  return new DstoreError(isDamage ? 'integrity' : 'unreadable', `cannot read a value: ${message}`, {
    cause: error,
  })
}
