/** The pieces of a range of a value: of its file, of a fetch under way, of its object. */
import type { ByteRange } from '../../../hash/tree/tree.ts'
import { PIECE_BYTES } from '../../../limits.ts'
import type { Location } from '../../store.ts'
import type { ArchivedValues } from '../archive.ts'
import type { StoredValue } from '../records/file-row.ts'
import type { ValueReaders } from '../value-reader.ts'
import type { Fetches } from './fetches.ts'
import type { FileFetch } from './file-fetch.ts'
import type { LocalFiles } from './local-files.ts'

export interface PiecesParts {
  readonly readers: ValueReaders
  readonly values: Pick<ArchivedValues, 'read'>
  readonly local: LocalFiles
  readonly fetches: Pick<Fetches, 'settled'>
}

/** Every read ends with a fault when the value is released, damaged, or the store closed. */
export class Pieces {
  readonly #parts: PiecesParts

  constructor(parts: PiecesParts) {
    this.#parts = parts
  }

  async *local(
    location: Location,
    { file }: StoredValue,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const release = this.#parts.local.pin(file)
    try {
      yield* this.#parts.readers.read({ location, file, range }, signal)
    } finally {
      release()
    }
  }

  /** From the fetch for as far as it comes, or else from the object. May end early. */
  async *distant(
    location: Location,
    { file }: StoredValue,
    { start, end }: ByteRange,
    fetch: FileFetch | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    if (fetch === undefined) {
      yield* this.ofObject(location, file, { start, end }, signal)
      return
    }
    const { either, forget } = this.#endable(location, signal)
    const release = fetch.want()
    let isOver = false
    try {
      for (let at = start; at < end;) {
        const next = Math.min(end, at + PIECE_BYTES)
        const piece = await fetch.read({ start: at, end: next }, either)
        if (piece === undefined) {
          isOver = true
          break
        }
        either.throwIfAborted()
        at = next
        yield piece
      }
    } finally {
      forget()
      release()
    }
    // It is whole, so that the file is read from here on; or it failed, and nothing is there.
    if (isOver || fetch.isWritten) await this.#parts.fetches.settled(file)
  }

  async *ofObject(
    location: Location,
    file: Location,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { either, forget } = this.#endable(location, signal)
    try {
      yield* this.#parts.values.read(file, range, either)
    } finally {
      forget()
    }
  }

  #endable(
    location: Location,
    signal: AbortSignal | undefined,
  ): { readonly either: AbortSignal; readonly forget: () => void } {
    const ended = new AbortController()
    const either = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
    const end = async (fault: Error): Promise<void> => ended.abort(fault)
    return { either, forget: this.#parts.readers.register(location, { end }) }
  }
}

/** The bytes of a range in one piece of memory. */
export async function gathered(
  { start, end }: ByteRange,
  pieces: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const whole = new Uint8Array(end - start)
  let filled = 0
  for await (const piece of pieces) {
    whole.set(piece, filled)
    filled += piece.byteLength
  }
  return whole
}
