/** Reads pieces of a stored value, and its verified bytes (specs/003-transfer.md, "Pieces"). */
import { concat } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { PieceDecoder } from '../hash/proof/piece-decoder.ts'
import { planPieces, type Piece } from '../hash/proof/piece-plan.ts'
import { bytesOf, encodeHeader, groupsOf, type ByteRange } from '../hash/tree/tree.ts'
import { GROUP_BYTES } from '../limits.ts'

/** A value and its outboard, read by range. */
export interface ValueBytes {
  readonly size: number
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>
  outboard(range: ByteRange): Promise<Uint8Array>
}

/**
 * Reads a piece without copying it: its proof, then its groups (specs/003-transfer.md, "Pieces").
 */
export async function readPiece(
  value: ValueBytes,
  piece: Piece,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  // In parallel: on a disk each takes several calls.
  const [proof, bytes] = await Promise.all([
    readProof(value, piece),
    readData(value, piece.data, signal),
  ])
  return [...proof, ...bytes]
}

/** The bytes before the groups of a piece: in the first the header, then the pairs. */
export async function readProof(
  value: ValueBytes,
  { isFirst, outboard }: Piece,
): Promise<Uint8Array[]> {
  const proof = isFirst ? [encodeHeader(value.size)] : []
  for (const range of outboard) proof.push(await value.outboard(range))
  return proof
}

async function readData(
  value: ValueBytes,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<Uint8Array[]> {
  const data: Uint8Array[] = []
  if (range.end > range.start) {
    for await (const part of value.read(range, signal)) data.push(part)
  }
  return data
}

/**
 * The bytes of a range, each verified before it is yielded: for values from storage that may decay.
 * Errors: `integrity`.
 */
export async function* verifiedBytes(
  value: ValueBytes,
  digest: Uint8Array,
  range: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new PieceDecoder({ digest, size: value.size })
  const wanted = bytesOf(groupsOf(range, value.size), value.size, GROUP_BYTES)
  // One read for the whole range, because the store reads ahead.
  const groups = new GroupReader(value.read(wanted, signal))
  try {
    for (const piece of planPieces(value.size, range)) {
      let { start } = piece.data
      const [proof, runs] = await Promise.all([
        readProof(value, piece),
        groups.take(piece.data.end - start),
      ])
      decoder.proof(piece, concat(proof))
      for (const run of runs) {
        decoder.groups(run)
        const bytes = within({ start, bytes: run }, range)
        if (bytes !== undefined) yield bytes
        start += run.byteLength
      }
    }
  } finally {
    await groups.end()
  }
}

/** Splits a stream into runs of whole groups. */
class GroupReader {
  readonly #source: AsyncIterator<Uint8Array>
  /** Read, but not yet taken. */
  #rest: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next `count` bytes, in one run at least; copies only groups that the stream splits. */
  async take(count: number): Promise<Uint8Array[]> {
    const runs: Uint8Array[] = []
    let left = count
    do {
      const run = await this.#run(left)
      runs.push(run)
      left -= run.byteLength
    } while (left > 0)
    return runs
  }

  /**
   * As many whole groups of the next `count` bytes as lie together; the last group may be short.
   */
  async #run(count: number): Promise<Uint8Array> {
    if (this.#rest.byteLength === 0 && count > 0) await this.#next()
    const held = this.#rest.byteLength
    if (held >= count) return this.#cut(count)
    if (held >= GROUP_BYTES) return this.#cut(held - (held % GROUP_BYTES))
    const parts: Uint8Array[] = []
    for (let left = Math.min(count, GROUP_BYTES); left > 0; left -= parts.at(-1)!.byteLength) {
      if (this.#rest.byteLength === 0) await this.#next()
      parts.push(this.#cut(left))
    }
    return concat(parts)
  }

  #cut(count: number): Uint8Array {
    const bytes = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(bytes.byteLength)
    return bytes
  }

  async #next(): Promise<void> {
    const next = await this.#source.next()
    if (next.done === true) throw new DstoreError('integrity', 'a value is shorter than it was')
    this.#rest = next.value
  }

  /** Ends the underlying read. */
  async end(): Promise<void> {
    await this.#source.return?.()
  }
}

/** The bytes of a verified run that lie in the requested range: slices hold whole groups. */
export function within(
  run: { readonly start: number; readonly bytes: Uint8Array },
  { start, end }: ByteRange,
): Uint8Array | undefined {
  const from = Math.max(0, start - run.start)
  const to = Math.min(run.bytes.byteLength, end - run.start)
  return to > from ? run.bytes.subarray(from, to) : undefined
}
