/** Fetches ranges of a value from one peer (specs/003-transfer.md, "Rules: fetch"). */
import { DstoreError } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { FETCH_RANGES } from '../limits.ts'
import type { TransferChannel } from './transfer-channel.ts'
import { receivePieces, type ReceiveOptions, type VerifiedRun } from './piece-stream.ts'

export interface FetchRequest extends ReceiveOptions {
  readonly digest: Uint8Array
  /** The size according to the index; an answer with another size is `integrity`. */
  readonly size: number
  /** Ascending, not overlapping, within the value. None only asks which runs are held. */
  readonly ranges: readonly ByteRange[]
  /** Called with the runs that the peer lists, before the first byte arrives. */
  readonly onHeld?: (held: readonly ByteRange[]) => void
}

/**
 * Yields verified runs: see `receivePieces`. If it ends, the channel is ready for the next request;
 * if it throws or is left early, the channel cannot be used again. Errors: those that the peer
 * sends (`not-found`, `removed`), `integrity`, `protocol`, and the channel's own.
 */
export async function* fetchPieces(
  transfer: TransferChannel,
  { digest, size, ranges, onHeld, ...options }: FetchRequest,
): AsyncGenerator<VerifiedRun, void, undefined> {
  if (ranges.length > FETCH_RANGES) {
    throw new RangeError(`ranges must be at most ${FETCH_RANGES}`)
  }
  // A peer that lacks any of it refuses, and the channel is dropped.
  transfer.ask(ranges.reduce((sum, { start, end }) => sum + end - start, 0))
  await transfer.send({ type: 'fetch', digest, ranges })
  const found = await transfer.expect('found')
  if (found.size !== size) {
    const message = `a holder says ${found.size} bytes for a value of ${size}`
    throw new DstoreError('integrity', message)
  }
  onHeld?.(found.held)
  yield* receivePieces(transfer, { digest, size }, ranges, options)
  transfer.ask(0)
}
