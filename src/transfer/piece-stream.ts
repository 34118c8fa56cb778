/**
 * The pieces of a slice, taken off a channel: landed where they are kept, and proved there (specs/003-transfer.md,
 * "Pieces").
 */
import { unzeroed } from '../bytes.ts'
import type { ExpectedGroups } from '../hash/proof/group-check.ts'
import { PieceDecoder } from '../hash/proof/piece-decoder.ts'
import { lengthOf, planPieces, type Piece } from '../hash/proof/piece-plan.ts'
import { HEADER_BYTES, type ByteRange } from '../hash/tree/tree.ts'
import {
  GROUP_BYTES,
  HASH_WINDOW_BYTES,
  PIECES_AHEAD,
  PIECE_BYTES,
  PROOF_THREAD_BYTES,
} from '../limits.ts'
import { unexpected, type TransferChannel } from './transfer-channel.ts'

/** A run of whole groups that are proved, and what proves them. */
export interface ProvedRun {
  readonly start: number
  /** Where they landed. */
  readonly bytes: Uint8Array
  /** Did all that landed together come at once? Then nothing more will be written there. */
  readonly isWhole: boolean
  /** The pairs that were proved with them: where they belong in the outboard, and they themselves. */
  readonly pairs: readonly ProvedPairs[]
}

export interface ProvedPairs {
  readonly outboardOffset: number
  readonly bytes: Uint8Array
}

export interface LandingOptions {
  /** Told of every raw byte that arrives, before it is verified. */
  readonly onReceived?: (bytes: number) => void
  /**
   * Memory for these bytes of the value, which lie within one span of `PIECE_BYTES`: they land there, and are proved
   * there. It may be written to until all of them are proved, or the channel was aborted and is closed. By default all
   * land in the same memory, one after the other: each run is good until the next is asked for.
   */
  readonly land?: (data: ByteRange) => Uint8Array
  /** Who proves what landed at once, while more lands: where `land` gives other memory for each. */
  readonly checker?: GroupChecker
}

/** Proves groups somewhere else. */
export interface GroupChecker {
  /**
   * Are these groups what they must be? Their memory is given away, all of its buffer, and comes back with the answer;
   * `at` says where in it they are. Rejects with `integrity`.
   */
  check(memory: Uint8Array, at: number, length: number, groups: ExpectedGroups): Promise<Uint8Array>
}

export interface SlicedValue {
  readonly digest: Uint8Array
  readonly size: number
}

/**
 * What the slices for these ranges prove, in order, as they come: a run as soon as nothing more comes for a moment, else
 * by pieces. Errors: `integrity` where they are not the value's, `protocol` where they are cut otherwise, what the peer
 * says in between, and the channel's own.
 */
export function receivePieces(
  transfer: TransferChannel,
  value: SlicedValue,
  ranges: readonly ByteRange[],
  options: LandingOptions = {},
): AsyncGenerator<ProvedRun, void, undefined> {
  const runs = comingRuns(transfer, value, ranges, { land: landInOnePlace(), ...options })
  return inOrder(runs, options.checker === undefined ? 1 : PIECES_AHEAD)
}

/** A run that has come, and is about to be proved. */
interface ComingRun {
  readonly proved: Promise<ProvedRun>
}

type LandingPlace = LandingOptions & Required<Pick<LandingOptions, 'land'>>

async function* comingRuns(
  transfer: TransferChannel,
  value: SlicedValue,
  ranges: readonly ByteRange[],
  landing: LandingPlace,
): AsyncGenerator<ComingRun, void, undefined> {
  for (const range of ranges) {
    const decoder = new PieceDecoder(value)
    for (const piece of planPieces(value.size, range)) {
      const message = await transfer.expect('piece')
      if (message.length !== lengthOf(piece)) throw unexpected(message)
      const pairs = await takeProof(transfer, landing, decoder, piece)
      yield* takeGroups(transfer, landing, decoder, piece.data, pairs)
    }
  }
}

/** Takes up to `count` runs while the first of them is being proved. */
async function* inOrder(
  runs: AsyncGenerator<ComingRun, void, undefined>,
  count: number,
): AsyncGenerator<ProvedRun, void, undefined> {
  const coming: Promise<IteratorResult<ComingRun, void>>[] = []
  try {
    for (;;) {
      while (coming.length < count) {
        const next = runs.next()
        // Whoever waits for it is told; where nobody does any more, it was for nothing.
        next.then(
          ({ value }) => value?.proved.catch(() => undefined),
          () => undefined,
        )
        coming.push(next)
      }
      const { done, value } = await coming.shift()!
      if (done === true) return
      yield await value.proved
    }
  } finally {
    void runs.return().catch(() => undefined)
  }
}

const NOTHING = new Uint8Array(0)

/** The pairs of a piece, proved; they are the taker's own. */
async function takeProof(
  transfer: TransferChannel,
  { onReceived }: LandingPlace,
  decoder: PieceDecoder,
  piece: Piece,
): Promise<ProvedPairs[]> {
  const { isFirst, proofBytes, outboard } = piece
  // Where all parents have come before, there is none left.
  const proof = proofBytes === 0 ? NOTHING : new Uint8Array(await transfer.bytes(proofBytes))
  onReceived?.(proofBytes)
  decoder.proof(piece, proof)
  let at = isFirst ? HEADER_BYTES : 0
  return outboard.map(({ start, end }) => {
    const bytes = proof.subarray(at, (at += end - start))
    return { outboardOffset: start, bytes }
  })
}

/** The groups of a piece, as they come; those that are proved here are hashed while they are in the processor's cache. */
async function* takeGroups(
  transfer: TransferChannel,
  { onReceived, land, checker }: LandingPlace,
  decoder: PieceDecoder,
  { start, end }: ByteRange,
  pairs: readonly ProvedPairs[],
): AsyncGenerator<ComingRun, void, undefined> {
  const memory = land({ start, end })
  const length = end - start
  const isWorth = checker !== undefined && length >= PROOF_THREAD_BYTES
  let filled = 0
  let proved = 0
  let given = 0
  do {
    const most = isWorth && proved === 0 ? length : proved + HASH_WINDOW_BYTES
    const room = memory.subarray(filled, Math.min(length, most))
    const count = length === 0 ? 0 : await transfer.fill(room)
    onReceived?.(count)
    filled += count
    if (isWorth && proved === 0 && filled === length) {
      yield { proved: checkElsewhere(checker, memory, start, decoder.expected, pairs) }
      return
    }
    const whole = filled === length ? length : filled - (filled % GROUP_BYTES)
    if (whole > proved || length === 0) decoder.groups(memory.subarray(proved, whole))
    proved = whole
    const isPaused = count < room.byteLength
    if (proved < length && (!isPaused || proved === given)) continue
    const bytes = memory.subarray(given, proved)
    const isWhole = given === 0 && proved === length
    const run = { start: start + given, bytes, isWhole, pairs: given === 0 ? pairs : [] }
    yield { proved: Promise.resolve(run) }
    given = proved
  } while (proved < length)
}

async function checkElsewhere(
  checker: GroupChecker,
  memory: Uint8Array,
  start: number,
  groups: ExpectedGroups,
  pairs: readonly ProvedPairs[],
): Promise<ProvedRun> {
  const { byteOffset, byteLength } = memory
  const whole = await checker.check(memory, byteOffset, byteLength, groups)
  const bytes = whole.subarray(byteOffset, byteOffset + byteLength)
  return { start, bytes, isWhole: true, pairs }
}

function landInOnePlace(): (data: ByteRange) => Uint8Array {
  let memory: Uint8Array | undefined
  return ({ start, end }) => {
    if (memory === undefined || memory.byteLength < end - start) {
      memory = unzeroed(Math.min(PIECE_BYTES, end - start))
    }
    return memory.subarray(0, end - start)
  }
}
