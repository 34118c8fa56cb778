/** Reads of value files, which a removal or the end of the store can end at any moment. */
import { unzeroed } from '../../bytes.ts'
import { pause } from '../../deadline.ts'
import { meansNoFile, systemFault } from '../../errno.ts'
import { DstoreError, systemError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { PIECE_BYTES } from '../../limits.ts'
import { checkRange } from '../arguments.ts'
import type { LentFile, Location } from '../store.ts'
import type { Files, ReadableFile } from './files.ts'
import type { Layout } from './layout.ts'
import type { Database, StoredValue } from './records/database.ts'

/** How long a release waits for a borrower, which may hang in a file system of its own. */
const LENT_MS = 5_000

/** The reads in progress, by the location of their value. */
export class ValueReaders {
  readonly #files: Files
  readonly #layout: Layout
  readonly #readers = new Map<Location, Set<Pick<ValueReader, 'end'>>>()

  constructor(files: Files, layout: Layout) {
    this.#files = files
    this.#layout = layout
  }

  /** A range of the file of a value. */
  read(
    { location, file, range }: { location: Location; file: Location; range: ByteRange },
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    return this.#read(location, this.#layout.valueFile(file), range, signal)
  }

  /** A range of the outboard of a value in a file, unless the records have it. */
  readOutboard(
    location: Location,
    { size, file, place }: StoredValue,
    { start, end }: ByteRange,
  ): AsyncGenerator<Uint8Array> {
    if (place === 'file') {
      return this.#read(location, this.#layout.outboardFile(file), { start, end })
    }
    return this.read({ location, file, range: { start: size + start, end: size + end } })
  }

  async *#read(
    location: Location,
    path: string,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const reader = new ValueReader(this.#files, path)
    const forget = this.register(location, reader)
    try {
      yield* reader.pieces(range, signal)
    } finally {
      forget()
    }
  }

  /** Lends the file of a value; `end` waits until it is given back. */
  lend(location: Location, file: Location): LentFile {
    const aborter = new AbortController()
    let giveBack = (): void => undefined
    const back = new Promise<void>((resolve) => (giveBack = resolve))
    const end = async (fault: DstoreError): Promise<void> => {
      aborter.abort(fault)
      const over = new AbortController()
      await Promise.race([back, pause(LENT_MS, over.signal)])
      over.abort()
    }
    void back.then(this.register(location, { end }))
    return { path: this.#layout.valueFile(file), signal: aborter.signal, giveBack }
  }

  /** Something else reads the value, until the result is called. */
  register(location: Location, reader: Pick<ValueReader, 'end'>): () => void {
    const readers = this.#readers.get(location) ?? new Set()
    this.#readers.set(location, readers.add(reader))
    return () => {
      readers.delete(reader)
      if (readers.size === 0) this.#readers.delete(location)
    }
  }

  /** Ends the reads of a value with this fault. Its files are closed when this resolves. */
  async end(location: Location, fault: DstoreError): Promise<void> {
    const readers = [...(this.#readers.get(location) ?? [])]
    await Promise.all(readers.map((reader) => reader.end(fault)))
  }

  async endAll(fault: DstoreError): Promise<void> {
    await Promise.all([...this.#readers.keys()].map((location) => this.end(location, fault)))
  }
}

/** The bytes of a range of a stored value, from the database or its file. */
export async function* bytesOf(
  readers: ValueReaders,
  location: Location,
  { size, outboardBytes, file, small }: StoredValue,
  given: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { start, end } = checkRange(given, size)
  if (small === undefined) {
    yield* readers.read({ location, file, range: { start, end } }, signal)
  } else if (start < end) {
    yield small.subarray(outboardBytes + start, outboardBytes + end)
  }
}

/** A range of the outboard of a stored value; the whole of it without a range. */
export async function outboardOf(
  readers: ValueReaders,
  database: Pick<Database, 'outboard'>,
  location: Location,
  value: StoredValue,
  range?: ByteRange,
): Promise<Uint8Array> {
  const { outboardBytes, small, place } = value
  const { start, end } = checkRange(range, outboardBytes)
  if (small !== undefined) return small.subarray(start, end)
  if (start === end) return new Uint8Array(0)
  if (place === 'records') {
    const kept = value.outboard ?? database.outboard(location)
    if (kept?.byteLength === outboardBytes) return kept.subarray(start, end)
    throw new DstoreError('integrity', 'the records lack the outboard of a value')
  }
  const whole = new Uint8Array(end - start)
  let filled = 0
  for await (const piece of readers.readOutboard(location, value, { start, end })) {
    whole.set(piece, filled)
    filled += piece.byteLength
  }
  return whole
}

export class ValueReader {
  readonly #files: Files
  readonly #path: string
  /** Why `end` was called. */
  #ended: DstoreError | undefined
  #file: Promise<ReadableFile> | undefined
  /** The read in progress, which must settle before the file is closed. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
  }

  /** The bytes of a range, read one piece ahead. */
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

  /** Ends the read with this fault. The file is closed when this resolves. */
  async end(fault: DstoreError): Promise<void> {
    this.#ended ??= fault
    await this.#close()
  }

  /** Starts a read; a failure is thrown only when its piece is awaited. */
  #ahead(start: number, end: number): Promise<Uint8Array> {
    const piece = this.#read(start, end)
    piece.catch(() => undefined)
    return piece
  }

  #read(start: number, end: number): Promise<Uint8Array> {
    // Need not be zeroed: it is filled completely or never yielded.
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

/** Bytes that the disk lost are damage, which a repair can heal; a refused access is not. */
export function readFault(error: unknown): Error {
  if (error instanceof DstoreError) return error
  if (meansNoFile(error)) return new DstoreError('integrity', 'the file of a value is missing')
  const isDamage = error instanceof Error && 'code' in error && error.code === 'EIO'
  const system = systemFault(error)
  if (system?.code === 'busy') return systemError(system, 'cannot read a value', error)
  const message = error instanceof Error ? error.message : String(error)
  return new DstoreError(isDamage ? 'integrity' : 'unreadable', `cannot read a value: ${message}`, {
    cause: error,
  })
}
