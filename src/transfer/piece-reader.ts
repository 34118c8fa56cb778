/** Reads pieces of a stored value, and its verified bytes (specs/003-transfer.md, "Pieces"). */
import { concat } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { PieceDecoder } from '../hash/proof/piece-decoder.ts'
import { planPieces, type Piece } from '../hash/proof/piece-plan.ts'
import {
  bytesOf,
  encodeHeader,
  groupsOf,
  outboardBytes,
  type ByteRange,
} from '../hash/tree/tree.ts'
import { GROUP_BYTES, KIB, PIECE_BYTES, PROOF_THREAD_BYTES } from '../limits.ts'
import type { GroupChecker } from '../hash/proof/group-check.ts'

/** The outboard of 64 MiB of a value. */
const OUTBOARD_RUN_BYTES = 256 * KIB

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

/** For a large range: the same value, whose outboard is read in larger runs than pieces need. */
export function outboardInRuns(value: ValueBytes, { start: from, end: to }: ByteRange): ValueBytes {
  if (to - from < 8 * PIECE_BYTES) return value
  const total = outboardBytes(value.size)
  let start = 0
  let run: Uint8Array = new Uint8Array(0)
  const outboard = async (range: ByteRange): Promise<Uint8Array> => {
    if (range.start < start || range.end > start + run.byteLength) {
      start = range.start
      const end = Math.min(total, Math.max(range.end, start + OUTBOARD_RUN_BYTES))
      run = await value.outboard({ start, end })
    }
    return run.subarray(range.start - start, range.end - start)
  }
  return { size: value.size, read: (range, signal) => value.read(range, signal), outboard }
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

/** A run of whole groups, and where it begins in the value. */
interface Run {
  readonly start: number
  readonly bytes: Uint8Array
}

/**
 * The bytes of a range, each verified before it is yielded: for values from storage that may decay.
 * A `checker` verifies a piece elsewhere while the next is read; it takes over the memory of what
 * `value` reads. Errors: `integrity`.
 */
export async function* verifiedBytes(
  value: ValueBytes,
  digest: Uint8Array,
  range: ByteRange,
  signal?: AbortSignal,
  checker?: GroupChecker,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new PieceDecoder({ digest, size: value.size })
  const wanted = bytesOf(groupsOf(range, value.size), value.size, GROUP_BYTES)
  // Few reads for the whole range, because the store reads ahead.
  const groups = new GroupReader(inPieces(value, wanted, signal))
  const proofs = outboardInRuns(value, range)
  let ahead: Promise<readonly Run[]> | undefined
  try {
    for (const piece of planPieces(value.size, range)) {
      const { start, end } = piece.data
      const [proof, runs] = await Promise.all([readProof(proofs, piece), groups.take(end - start)])
      decoder.proof(piece, concat(proof))
      const before = ahead
      ahead = verify(decoder, start, runs, checker)
      // Its failure is thrown when its turn comes.
      ahead.catch(() => undefined)
      if (before !== undefined) yield* cut(await before, range)
      if (checker !== undefined) continue
      yield* cut(await ahead, range)
      ahead = undefined
    }
    if (ahead !== undefined) yield* cut(await ahead, range)
  } finally {
    await groups.end()
  }
}

/** The same bytes, in two reads where the first piece is not whole: the others then are. */
async function* inPieces(
  value: ValueBytes,
  { start, end }: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const middle = Math.min(end, Math.ceil(start / PIECE_BYTES) * PIECE_BYTES)
  if (start < middle) yield* value.read({ start, end: middle }, signal)
  if (middle < end) yield* value.read({ start: middle, end }, signal)
}

/** Verifies the groups of a piece, which begin at `start`; large ones by the checker. */
async function verify(
  decoder: PieceDecoder,
  start: number,
  parts: readonly Uint8Array[],
  checker: GroupChecker | undefined,
): Promise<readonly Run[]> {
  const [first] = parts
  const ownsMemory = parts.length === 1 && first!.byteLength === first!.buffer.byteLength
  if (checker !== undefined && ownsMemory && first!.byteLength >= PROOF_THREAD_BYTES) {
    const bytes = await checker.check(first!, 0, first!.byteLength, decoder.expected)
    return [{ start, bytes }]
  }
  let at = start
  return parts.map((bytes) => {
    decoder.groups(bytes)
    const run = { start: at, bytes }
    at += bytes.byteLength
    return run
  })
}

function* cut(runs: readonly Run[], range: ByteRange): Generator<Uint8Array> {
  for (const run of runs) {
    const bytes = within(run, range)
    if (bytes !== undefined) yield bytes
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
