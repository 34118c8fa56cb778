/** The asking side of a transfer (specs/003-transfer.md, "Fetch"). */
import { DstoreError } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { FETCH_RANGES } from '../limits.ts'
import type { TransferChannel } from './transfer-channel.ts'
import { receivePieces, type LandingOptions, type ProvedRun } from './piece-stream.ts'

export interface FetchRequest extends LandingOptions {
  readonly digest: Uint8Array
  /** As the index says: a holder that says another is refused. */
  readonly size: number
  /** Ascending, not overlapping, cut to the value. None asks only what is held. */
  readonly ranges: readonly ByteRange[]
  /** Told what the peer says that it holds, before the first byte. */
  readonly onHeld?: (held: readonly ByteRange[]) => void
}

/**
 * What the peer proves of the value: see `receivePieces`. When it ends, the channel is ready for the next request; where it
 * throws or is left early, the channel is of no more use. Errors: those that the peer names (`not-found`, `removed`),
 * `integrity` where it lies, `protocol`, and the channel's own.
 */
export async function* fetchPieces(
  transfer: TransferChannel,
  { digest, size, ranges, onHeld, ...options }: FetchRequest,
): AsyncGenerator<ProvedRun, void, undefined> {
  if (ranges.length > FETCH_RANGES) {
    throw new RangeError(`ranges must be at most ${FETCH_RANGES}`)
  }
  await transfer.send({ type: 'fetch', digest, ranges })
  const found = await transfer.expect('found')
  if (found.size !== size) {
    const message = `a holder says ${found.size} bytes for a value of ${size}`
    throw new DstoreError('integrity', message)
  }
  onHeld?.(found.held)
  yield* receivePieces(transfer, { digest, size }, ranges, options)
}
