/**
 * Receives the pieces of a slice into the memory where they stay, and verifies them there
 * (specs/003-transfer.md, "Pieces").
 */
import { unzeroed } from '../bytes.ts'
import type { ExpectedGroups, GroupChecker } from '../hash/proof/group-check.ts'
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
import type { Identity } from './upload.ts'

/** A run of verified whole groups, and the pairs that verify them. */
export interface VerifiedRun {
  readonly start: number
  /** A view of the memory that they were received into. */
  readonly bytes: Uint8Array
  /** Is this everything that was to be received into that memory? Then nothing writes to it now. */
  readonly isWhole: boolean
  /** The pairs that arrived with them. */
  readonly pairs: readonly VerifiedPairs[]
}

export interface VerifiedPairs {
  /** Their place in the value's outboard. */
  readonly outboardOffset: number
  readonly bytes: Uint8Array
}

export interface ReceiveOptions {
  /** Counts every raw byte that arrives, before it is verified. */
  readonly onReceived?: (bytes: number) => void
  /**
   * Returns memory for these bytes of the value, which lie within one span of `PIECE_BYTES`. They
   * are received and verified in it; it may be written to until all of them are verified, or the
   * channel was aborted and is closed. By default all pieces share one buffer, so a run is valid
   * until the next is requested.
   */
  readonly memoryFor?: (data: ByteRange) => Uint8Array
  /** Verifies large pieces elsewhere while more arrive. Needs memory of its own for each piece. */
  readonly checker?: GroupChecker
}

/**
 * Receives the slices for these ranges, and yields their verified runs in order: a run per piece,
 * or what has arrived of a piece once the sender pauses. Errors: `integrity` for bytes that are not
 * the value's, `protocol` for other pieces than planned, the failure that the peer sends, and the
 * channel's own.
 */
export function receivePieces(
  transfer: TransferChannel,
  value: Identity,
  ranges: readonly ByteRange[],
  options: ReceiveOptions = {},
): AsyncGenerator<VerifiedRun, void, undefined> {
  const runs = receivedRuns(transfer, value, ranges, { memoryFor: sharedBuffer(), ...options })
  return inOrder(runs, options.checker === undefined ? 1 : PIECES_AHEAD)
}

/** A run that has arrived, and is being verified. */
interface ReceivedRun {
  readonly verified: Promise<VerifiedRun>
}

type Receiving = ReceiveOptions & Required<Pick<ReceiveOptions, 'memoryFor'>>

async function* receivedRuns(
  transfer: TransferChannel,
  value: Identity,
  ranges: readonly ByteRange[],
  receiving: Receiving,
): AsyncGenerator<ReceivedRun, void, undefined> {
  for (const range of ranges) {
    const decoder = new PieceDecoder(value)
    for (const piece of planPieces(value.size, range)) {
      const message = await transfer.expect('piece')
      if (message.length !== lengthOf(piece)) throw unexpected(message)
      const pairs = await receiveProof(transfer, receiving, decoder, piece)
      yield* receiveGroups(transfer, receiving, decoder, piece.data, pairs)
    }
  }
}

/** Receives up to `count` runs while the first of them is verified. */
async function* inOrder(
  runs: AsyncGenerator<ReceivedRun, void, undefined>,
  count: number,
): AsyncGenerator<VerifiedRun, void, undefined> {
  const received: Promise<IteratorResult<ReceivedRun, void>>[] = []
  try {
    for (;;) {
      while (received.length < count) {
        const next = runs.next()
        // A failure is reported in its turn; until then, or if the caller leaves, it is handled.
        next.then(
          ({ value }) => value?.verified.catch(() => undefined),
          () => undefined,
        )
        received.push(next)
      }
      const { done, value } = await received.shift()!
      if (done === true) return
      yield await value.verified
    }
  } finally {
    void runs.return().catch(() => undefined)
  }
}

const NOTHING = new Uint8Array(0)

/** Receives and verifies the pairs of a piece, into memory of their own. */
async function receiveProof(
  transfer: TransferChannel,
  { onReceived }: Receiving,
  decoder: PieceDecoder,
  piece: Piece,
): Promise<VerifiedPairs[]> {
  const { isFirst, proofBytes, outboard } = piece
  // A piece whose parents all came with earlier pieces has no proof.
  const proof = proofBytes === 0 ? NOTHING : new Uint8Array(await transfer.bytes(proofBytes))
  onReceived?.(proofBytes)
  decoder.proof(piece, proof)
  let at = isFirst ? HEADER_BYTES : 0
  return outboard.map(({ start, end }) => {
    const bytes = proof.subarray(at, (at += end - start))
    return { outboardOffset: start, bytes }
  })
}

/**
 * Receives the groups of a piece. Without a checker each is hashed while it is in the CPU's cache.
 */
async function* receiveGroups(
  transfer: TransferChannel,
  { onReceived, memoryFor, checker }: Receiving,
  decoder: PieceDecoder,
  { start, end }: ByteRange,
  pairs: readonly VerifiedPairs[],
): AsyncGenerator<ReceivedRun, void, undefined> {
  const memory = memoryFor({ start, end })
  const length = end - start
  const isWorth = checker !== undefined && length >= PROOF_THREAD_BYTES
  let filled = 0
  let verified = 0
  let given = 0
  do {
    const most = isWorth && verified === 0 ? length : verified + HASH_WINDOW_BYTES
    const room = memory.subarray(filled, Math.min(length, most))
    const count = length === 0 ? 0 : await transfer.fill(room)
    onReceived?.(count)
    filled += count
    if (isWorth && verified === 0 && filled === length) {
      yield { verified: checkElsewhere(checker, memory, start, decoder.expected, pairs) }
      return
    }
    const whole = filled === length ? length : filled - (filled % GROUP_BYTES)
    if (whole > verified || length === 0) decoder.groups(memory.subarray(verified, whole))
    verified = whole
    const isPaused = count < room.byteLength
    if (verified < length && (!isPaused || verified === given)) continue
    const bytes = memory.subarray(given, verified)
    const isWhole = given === 0 && verified === length
    const run = { start: start + given, bytes, isWhole, pairs: given === 0 ? pairs : [] }
    yield { verified: Promise.resolve(run) }
    given = verified
  } while (verified < length)
}

async function checkElsewhere(
  checker: GroupChecker,
  memory: Uint8Array,
  start: number,
  groups: ExpectedGroups,
  pairs: readonly VerifiedPairs[],
): Promise<VerifiedRun> {
  const { byteOffset, byteLength } = memory
  const whole = await checker.check(memory, byteOffset, byteLength, groups)
  const bytes = whole.subarray(byteOffset, byteOffset + byteLength)
  return { start, bytes, isWhole: true, pairs }
}

function sharedBuffer(): (data: ByteRange) => Uint8Array {
  let memory: Uint8Array | undefined
  return ({ start, end }) => {
    if (memory === undefined || memory.byteLength < end - start) {
      memory = unzeroed(Math.min(PIECE_BYTES, end - start))
    }
    return memory.subarray(0, end - start)
  }
}
