/** The answering side of a transfer channel: gives slices of what is held, takes uploads (specs/003-transfer.md). */
import { DstoreError, asDstoreError } from '../errors.ts'
import { lengthOf, planPieces } from '../hash/proof/piece-plan.ts'
import { sliceBytes, type ByteRange } from '../hash/tree/tree.ts'
import { CROWDED_PATIENCE_MS, FAREWELL_MS, FETCH_RANGES, HOLDERS, PIECE_BYTES } from '../limits.ts'
import type { SharedBudget } from './shared-budget.ts'
import type { Message } from './message.ts'
import { unexpected, type TransferChannel } from './transfer-channel.ts'
import { readPiece, type ValueBytes } from './piece-reader.ts'
import { receiveUpload, type UploadHost } from './receive-upload.ts'

/** A value that is being served. */
export interface ServedValue extends ValueBytes {
  /** Aborted, with a `DstoreError` as reason, when the value may no longer be served. */
  readonly signal: AbortSignal
  /** Can the slice for this range be made of what is held? */
  covers(range: ByteRange): boolean
  /** The runs of whole groups that are held, ascending; all of the value is one run. */
  held(): Iterable<ByteRange>
  /** It is not read any more. `lingers`: but by its channel, which was dropped here and may send some of it yet. */
  release(lingers: boolean): void
}

/** Who is about, as Global knows it. */
export interface CompanyHost {
  /** This peer holds a value, or is about to, and serves it at this address; the addresses of the others that do. */
  join(peer: string, digest: Uint8Array, address: string | undefined): readonly string[]
}

/** What a node gives to its peers, and takes from them. */
export interface TransferHost {
  /** A value that is held, wholly or in part. */
  open(digest: Uint8Array): Promise<ServedValue | undefined>
  /** Undefined on a node that takes no uploads. */
  readonly uploads?: UploadHost | undefined
  /** Undefined on a node that is not asked who holds what: on a Local. */
  readonly company?: CompanyHost | undefined
  /** Bytes in flight to all peers. */
  readonly allowance: SharedBudget
  /** A peer that takes nothing of what it asked for is dropped after so long, in milliseconds. */
  readonly patienceMs: number
  /** Told of the bytes that went to this peer or came from it. */
  onSent(peer: string, bytes: number): void
  onReceived(peer: string, bytes: number): void
}

/** Answer one peer until its channel ends. Rejects with what went wrong, having told the peer. */
export async function serveTransfer(transfer: TransferChannel, host: TransferHost): Promise<void> {
  try {
    for (;;) {
      const message = await transfer.next()
      if (message === undefined) break
      await answer(transfer, host, message)
    }
    await transfer.end()
  } catch (error) {
    const fault = asDstoreError(error)
    await tell(transfer, fault)
    transfer.channel.abort(fault)
    throw fault
  }
}

async function answer(
  transfer: TransferChannel,
  host: TransferHost,
  message: Message,
): Promise<void> {
  const { peer } = transfer.channel
  const { uploads, company } = host
  switch (message.type) {
    case 'fetch':
      await serveFetch(transfer, host, message)
      break
    case 'upload':
      if (uploads === undefined) throw new DstoreError('not-permitted', 'this node takes no values')
      await receiveUpload(transfer, uploads, message, (bytes) => host.onReceived(peer, bytes))
      break
    case 'join': {
      if (company === undefined) throw unexpected(message)
      const addresses = company.join(peer, message.digest, message.address).slice(0, HOLDERS)
      await transfer.send({ type: 'company', addresses })
      break
    }
    default:
      throw unexpected(message)
  }
}

async function serveFetch(
  transfer: TransferChannel,
  host: TransferHost,
  { digest, ranges }: Message & { type: 'fetch' },
): Promise<void> {
  const value = await host.open(digest)
  if (value === undefined) {
    await transfer.send({ type: 'failure', code: 'not-found', message: 'not held here' })
    return
  }
  try {
    const fault = cannotServe(value, ranges)
    if (fault !== undefined) {
      await transfer.send({ type: 'failure', code: fault.code, message: fault.message })
      return
    }
    await transfer.send({ type: 'found', size: value.size, held: firstRuns(value.held()) })
    for (const range of ranges) await serveRange(transfer, host, value, range)
  } finally {
    // What was read lies where the value lies until the channel has taken it.
    value.release(!(await isTaken(transfer, host)))
  }
}

/**
 * Wait until the channel has taken what was sent, or the peer is gone, so that it reaches nobody. False where it was dropped
 * here: what lies in the buffers of a connection with other channels goes out all the same.
 */
async function isTaken(transfer: TransferChannel, { patienceMs }: TransferHost): Promise<boolean> {
  const { channel } = transfer
  const stalled = setTimeout(() => channel.abort(notTaken()), patienceMs)
  try {
    await transfer.flush()
    return true
  } catch (error) {
    return asDstoreError(error).code === 'unreachable'
  } finally {
    clearTimeout(stalled)
  }
}

/** One piece at a time: what is read waits in memory until the peer has taken what was sent before. */
async function serveRange(
  transfer: TransferChannel,
  host: TransferHost,
  value: ServedValue,
  range: ByteRange,
): Promise<void> {
  const { channel } = transfer
  const { peer } = channel
  // What is read, and what is encoded of it.
  const share = Math.min(2 * PIECE_BYTES, 2 * sliceBytes(value.size, range))
  let isGiving = false
  const drop = (): void => channel.abort(notTaken())
  const stalled = setInterval(() => {
    if (isGiving) drop()
  }, host.patienceMs)
  const crowded = setInterval(() => {
    if (isGiving && host.allowance.isStarving) drop()
  }, CROWDED_PATIENCE_MS)
  try {
    for (const piece of planPieces(value.size, range)) {
      const giveBack = await host.allowance.take(peer, share, channel.signal)
      isGiving = true
      stalled.refresh()
      crowded.refresh()
      try {
        const parts = await readPiece(value, piece, value.signal)
        value.signal.throwIfAborted()
        const length = lengthOf(piece)
        await transfer.sendPiece(parts, length)
        host.onSent(peer, length)
      } finally {
        isGiving = false
        giveBack()
      }
    }
  } finally {
    clearInterval(stalled)
    clearInterval(crowded)
  }
}

const notTaken = (): DstoreError =>
  new DstoreError('timeout', 'a peer did not take what it had asked for')

function cannotServe(value: ServedValue, ranges: readonly ByteRange[]): DstoreError | undefined {
  const { size } = value
  for (const range of ranges) {
    const inside = range.end <= size && (range.start < range.end || size === 0)
    if (!inside) return new DstoreError('range', `a range beyond a value of ${size} bytes`)
    if (!value.covers(range)) return new DstoreError('not-found', 'this part is not held here')
  }
  return undefined
}

function firstRuns(runs: Iterable<ByteRange>): ByteRange[] {
  const first: ByteRange[] = []
  for (const run of runs) {
    if (first.length === FETCH_RANGES) break
    first.push(run)
  }
  return first
}

/** Say why, and leave the peer a moment to read it and hang up: an abort may overtake what was sent before. */
async function tell(transfer: TransferChannel, fault: DstoreError): Promise<void> {
  const { channel } = transfer
  if (channel.signal.aborted) return
  const timer = setTimeout(() => channel.abort(fault), FAREWELL_MS)
  try {
    await transfer.send({ type: 'failure', code: fault.code, message: fault.message })
    await transfer.end()
    await new Promise((resolve) => channel.signal.addEventListener('abort', resolve))
  } catch {
    // It is gone, or reads nothing: then it will not be told.
  } finally {
    clearTimeout(timer)
  }
}
