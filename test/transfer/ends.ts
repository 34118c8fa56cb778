/**
 * The two ends of a transfer in one process: an honest node, and a peer that says whatever a test
 * wants.
 */
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import { concat } from '../../src/bytes.ts'
import { hash, type Hashed } from '../../src/hash/hasher.ts'
import { Bitfield } from '../../src/hash/tree/bitfield.ts'
import { planPieces } from '../../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../../src/hash/tree/tree.ts'
import type { ByteRange } from '../../src/hash/tree/tree.ts'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'
import { fetchPieces, type FetchRequest } from '../../src/transfer/fetch.ts'
import { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../../src/transfer/serve.ts'
import type { UploadHost } from '../../src/transfer/receive-upload.ts'
import type { Identity, SentStream, UploadResult } from '../../src/transfer/upload.ts'
import { channelPair, type ChannelPairOptions } from '../wire/memory-pair.ts'

export interface Sample extends Hashed {
  readonly bytes: Uint8Array
}

export function sample(bytes: Uint8Array): Sample {
  return { ...hash(bytes), bytes }
}

/**
 * A node with one value, wholly or in part, that counts what it is asked and keeps what is
 * uploaded.
 */
export class TestHost implements TransferHost {
  readonly allowance: SharedBudget
  patienceMs = 60_000
  /** The one value that it has. */
  readonly value: Sample
  readonly field: Bitfield
  /** Abort it to end every read, as a removal does. */
  readonly dropped: AbortController = new AbortController()
  /** Called before each read of the value. */
  onRead: (range: ByteRange) => void | Promise<void> = () => undefined
  join: TransferHost['join']
  opened = 0
  released = 0
  /** How often its channel might have gone on reading then. */
  stillReferenced = 0
  sentBytes = 0
  receivedBytes = 0
  readonly traffic: TransferHost['traffic'] = {
    sent: (_, bytes) => void (this.sentBytes += bytes),
    received: (_, bytes) => void (this.receivedBytes += bytes),
  }
  readonly stored: Sample[] = []
  /** Bytes after which an upload finds the store full. */
  roomBytes: number = Infinity
  uploads: UploadHost | undefined = {
    check: () => undefined,
    takeKnown: async (value, bytes, outboard) => {
      const taken = await this.#collect(bytes)
      this.stored.push({ ...value, bytes: taken, outboard: outboard().slice() })
      return { incarnation: 7, existed: false }
    },
    openStream: async () => ({
      receivedBytes: 0,
      take: (bytes, claim) => this.#takeStream(bytes, claim),
    }),
  }

  constructor(
    value: Sample,
    held?: ByteRange,
    allowance: SharedBudget = new SharedBudget(1 << 26, 1 << 23),
  ) {
    this.value = value
    this.allowance = allowance
    this.field = new Bitfield(value.size)
    this.field.setRange(held ?? { start: 0, end: value.size })
  }

  async open(digest: Uint8Array): Promise<ServedValue | undefined> {
    if (!Buffer.from(digest).equals(this.value.digest)) return undefined
    this.opened++
    const { bytes, outboard, size } = this.value
    const onRead = (range: ByteRange) => this.onRead(range)
    return {
      size,
      signal: this.dropped.signal,
      covers: (range) => this.field.covers(range),
      held: () => this.field.held(),
      release: (stillReferenced) => {
        this.released++
        if (stillReferenced) this.stillReferenced++
      },
      outboard: async ({ start, end }) => outboard.subarray(start, end),
      async *read(range) {
        await onRead(range)
        yield bytes.subarray(range.start, range.end)
      },
    }
  }

  async #takeStream(
    bytes: AsyncIterable<Uint8Array>,
    claim: () => Identity,
  ): Promise<UploadResult> {
    const taken = sample(await this.#collect(bytes))
    const claimed = claim()
    if (claimed.size !== taken.size || !Buffer.from(claimed.digest).equals(taken.digest)) {
      throw new DstoreError('integrity', 'the bytes that came are not those that were sent')
    }
    this.stored.push(taken)
    return { incarnation: 8, existed: false }
  }

  async #collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let total = 0
    for await (const part of bytes) {
      total += part.byteLength
      if (total > this.roomBytes) throw new DstoreError('no-space', 'no room for the value')
      parts.push(new Uint8Array(part))
    }
    return concat(parts)
  }
}

/** A stream to upload. */
export const streamed = (bytes: AsyncIterable<Uint8Array>, identity: Identity): SentStream => ({
  size: undefined,
  bytes: () => bytes,
  identity: () => identity,
})

export interface Served {
  readonly client: TransferChannel
  /** How serving ended: undefined for well. */
  readonly end: Promise<DstoreError | undefined>
}

/** An honest node at the other end. */
export function served(host: TransferHost, options: ChannelPairOptions = {}): Served {
  const [a, b] = channelPair({ peers: ['asker', 'giver'], ...options })
  const end = serveTransfer(new TransferChannel(b), host).then(
    () => undefined,
    (error: unknown) => error as DstoreError,
  )
  return { client: new TransferChannel(a), end }
}

/** A peer at the other end that does as `script` says; its channel stays open after it. */
export function scripted(script: (peer: TransferChannel) => Promise<void>): TransferChannel {
  const [a, b] = channelPair()
  script(new TransferChannel(b)).catch(() => undefined)
  return new TransferChannel(a)
}

/** The pieces of the slice for a range, as an honest node encodes them. */
export function encodePieces(
  { bytes, outboard }: Pick<Sample, 'bytes' | 'outboard'>,
  range: ByteRange,
): Uint8Array[] {
  return [...planPieces(bytes.byteLength, range)].map((piece) =>
    concat([
      ...(piece.isFirst ? [encodeHeader(bytes.byteLength)] : []),
      ...piece.outboard.map(({ start, end }) => outboard.subarray(start, end)),
      bytes.subarray(piece.data.start, piece.data.end),
    ]),
  )
}

/** Send them, each as a piece. */
export async function sendPieces(
  peer: TransferChannel,
  pieces: readonly Uint8Array[],
): Promise<void> {
  for (const piece of pieces) await peer.sendPiece([piece], piece.byteLength)
}

/** What of a value's bytes a fetch proved, put together from the first of them on. */
export async function fetched(
  transfer: TransferChannel,
  request: FetchRequest,
): Promise<{ readonly start: number | undefined; readonly bytes: Uint8Array }> {
  const parts: Uint8Array[] = []
  let start: number | undefined
  for await (const proved of fetchPieces(transfer, request)) {
    start ??= proved.start
    // The next run is received into the same memory.
    parts.push(new Uint8Array(proved.bytes))
  }
  return { start, bytes: concat(parts) }
}

/** It fails with this code, and gives the error. */
export async function fails(
  t: { readonly is: (actual: unknown, expected: unknown) => unknown },
  work: Promise<unknown>,
  code: ErrorCode,
): Promise<DstoreError | undefined> {
  const error: unknown = await work.then(
    () => 'it did not fail',
    (reason: unknown) => reason,
  )
  t.is(error instanceof DstoreError ? error.code : error, code)
  return error instanceof DstoreError ? error : undefined
}
