/** Answers requests on a transfer channel: fetches, uploads, joins (specs/003-transfer.md). */
import { DstoreError, asDstoreError } from '../errors.ts'
import { lengthOf, planPieces } from '../hash/proof/piece-plan.ts'
import { sliceBytes, type ByteRange } from '../hash/tree/tree.ts'
import {
  CROWDED_PATIENCE_MS,
  FAREWELL_MS,
  FETCH_RANGES,
  HOLDERS,
  MIB,
  PIECE_BYTES,
} from '../limits.ts'
import type { SharedBudget } from './shared-budget.ts'
import type { Channel } from '../wire/channel.ts'
import type { Message } from './message.ts'
import { unexpected, type TransferChannel } from './transfer-channel.ts'
import { readPiece, type ValueBytes } from './piece-reader.ts'
import { receiveUpload, type UploadHost } from './receive-upload.ts'

/** A value that is being served. */
export interface ServedValue extends ValueBytes {
  /** Aborted, with a `DstoreError` as reason, once the value may no longer be served. */
  readonly signal: AbortSignal
  /** Is everything held that the slice for this range needs? */
  covers(range: ByteRange): boolean
  /** The runs of whole groups that are held, ascending; a complete value is one run. */
  held(): Iterable<ByteRange>
  /** Serving is over. `stillReferenced`: a dropped channel may still send some of its bytes. */
  release(stillReferenced: boolean): void
}

/** The node behind a transfer channel. */
export interface TransferHost {
  /** Opens a value that is held, whole or in part. */
  open(digest: Uint8Array): Promise<ServedValue | undefined>
  /** Undefined on a node that refuses uploads. */
  readonly uploads?: UploadHost | undefined
  /**
   * Records the address at which a peer serves a value, and returns those of the other holders.
   * Undefined on a Local, which keeps no such list.
   */
  readonly join?:
    | ((peer: string, digest: Uint8Array, address: string | undefined) => readonly string[])
    | undefined
  /** The bytes in flight to all peers. */
  readonly allowance: SharedBudget
  /** Milliseconds after which a peer is dropped that takes nothing of what it asked for. */
  readonly patienceMs: number
  /** Lists a request for a large part of a value while it is served; `cancel` ends it. */
  readonly list?:
    | ((
        peer: string,
        value: { readonly digest: Uint8Array; readonly size: number },
        cancel: (reason: DstoreError) => void,
      ) => ListedRequest)
    | undefined
  /** Counts the bytes sent to each peer, and received from it. */
  readonly traffic: Record<'sent' | 'received', (peer: string, bytes: number) => void>
}

export interface ListedRequest {
  moved(peer: string, bytes: number): void
  end(): void
}

/** Smaller requests end too soon to be seen. */
const LISTED_BYTES = MIB

/** Answers one peer until its channel ends. Rejects with the failure, which the peer was sent. */
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
    await sayWhy(transfer, fault)
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
  const { uploads, join, traffic } = host
  switch (message.type) {
    case 'fetch':
      await serveFetch(transfer, host, message)
      break
    case 'upload':
      if (uploads === undefined) throw new DstoreError('not-permitted', 'this node takes no values')
      await receiveUpload(transfer, uploads, message, (bytes) => traffic.received(peer, bytes))
      break
    case 'join': {
      if (join === undefined) throw unexpected(message)
      const addresses = join(peer, message.digest, message.address).slice(0, HOLDERS)
      await transfer.send({ type: 'holders', addresses })
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
    await serveListed(transfer, host, { value, digest, ranges })
  } finally {
    // The channel reads sent bytes from the value's memory until it has taken them.
    value.release(!(await isTaken(transfer, host)))
  }
}

/** Serves the ranges. An admin may cancel a large request. */
async function serveListed(
  transfer: TransferChannel,
  host: TransferHost,
  { value, digest, ranges }: Fetched,
): Promise<void> {
  const { channel } = transfer
  const { peer } = channel
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  if (host.list === undefined || bytes < LISTED_BYTES) {
    for (const range of ranges) await serveRange(transfer, host, value, range)
    return
  }
  const canceller = new AbortController()
  let farewell: NodeJS.Timeout | undefined
  const request = host.list(peer, { digest, size: value.size }, (reason) => {
    canceller.abort(reason)
    // A peer that takes nothing would keep a piece on its way.
    farewell ??= setTimeout(() => channel.abort(reason), FAREWELL_MS)
  })
  const signal = AbortSignal.any([value.signal, canceller.signal])
  const traffic = {
    ...host.traffic,
    sent: (to: string, count: number): void => {
      host.traffic.sent(to, count)
      request.moved(to, count)
    },
  }
  try {
    for (const range of ranges) {
      await serveRange(transfer, { ...host, traffic }, { ...value, signal }, range)
    }
  } finally {
    clearTimeout(farewell)
    request.end()
  }
}

interface Fetched {
  readonly value: ServedValue
  readonly digest: Uint8Array
  readonly ranges: readonly ByteRange[]
}

/**
 * Waits until the channel has taken what was sent, or the peer is gone and will not receive it.
 * False if the channel was dropped here: a shared connection still sends the bytes in its buffers.
 */
async function isTaken(transfer: TransferChannel, { patienceMs }: TransferHost): Promise<boolean> {
  try {
    await whileTaking(transfer.channel, patienceMs, () => transfer.flush())
    return true
  } catch (error) {
    return asDstoreError(error).code === 'unreachable'
  }
}

/** Sends one piece at a time: the next is read once the peer has taken enough of this one. */
async function serveRange(
  transfer: TransferChannel,
  host: TransferHost,
  value: ServedValue,
  range: ByteRange,
): Promise<void> {
  const { channel } = transfer
  const { peer } = channel
  const { allowance, patienceMs, traffic } = host
  // The bytes that are read, and their encoded copy.
  const share = Math.min(2 * PIECE_BYTES, 2 * sliceBytes(value.size, range))
  const isCrowded = (): boolean => allowance.isStarving
  for (const piece of planPieces(value.size, range)) {
    const giveBack = await allowance.take(peer, share, channel.signal)
    const send = async (): Promise<void> => {
      const parts = await readPiece(value, piece, value.signal)
      value.signal.throwIfAborted()
      const length = lengthOf(piece)
      await transfer.sendPiece(parts, length)
      traffic.sent(peer, length)
    }
    try {
      await whileTaking(channel, patienceMs, send, isCrowded)
    } finally {
      giveBack()
    }
  }
}

/** Drops the peer if `send` takes too long, or a shorter time while it is crowded. */
async function whileTaking(
  channel: Channel,
  patienceMs: number,
  send: () => Promise<void>,
  isCrowded: () => boolean = () => false,
): Promise<void> {
  const drop = (): void =>
    channel.abort(new DstoreError('timeout', 'a peer did not take what it had asked for'))
  const stalled = setTimeout(drop, patienceMs)
  const crowded = setInterval(() => {
    if (isCrowded()) drop()
  }, CROWDED_PATIENCE_MS)
  try {
    await send()
  } finally {
    clearTimeout(stalled)
    clearInterval(crowded)
  }
}

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

/**
 * Sends the failure, and waits a moment for the peer to read it and close: an abort may overtake
 * what was sent before it.
 */
async function sayWhy(transfer: TransferChannel, fault: DstoreError): Promise<void> {
  const { channel } = transfer
  if (channel.signal.aborted) return
  const timer = setTimeout(() => channel.abort(fault), FAREWELL_MS)
  try {
    await transfer.send({ type: 'failure', code: fault.code, message: fault.message })
    await transfer.end()
    await new Promise((resolve) => channel.signal.addEventListener('abort', resolve))
  } catch {
    // The peer is gone, or reads nothing.
  } finally {
    clearTimeout(timer)
  }
}
