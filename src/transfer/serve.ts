/** The answering side of a transfer channel: gives slices of what is held, takes uploads (specs/003-transfer.md). */
import { DstoreError, asDstoreError } from '../errors.ts'
import { SliceDecoder } from '../hash/slice-decoder.ts'
import { PAIR_BYTES, sliceBytes } from '../hash/tree.ts'
import type { ByteRange } from '../hash/tree.ts'
import type { Message } from './message.ts'
import { unexpected, type TransferChannel } from './pieces.ts'
import { sliceOf, type ValueBytes } from './slice-stream.ts'
import type { Identity, UploadResult } from './upload.ts'

/** A value that is being served. */
export interface ServedValue extends ValueBytes {
  /** Aborted, with a `DstoreError` as reason, when the value may no longer be served. */
  readonly signal: AbortSignal
  /** Can the slice for this range be made of what is held? */
  covers(range: ByteRange): boolean
  /** It is not read any more. */
  release(): void
}

/** What a node gives to its peers, and takes from them. */
export interface TransferHost {
  /** A value that is held, wholly or in part. */
  open(digest: Uint8Array): Promise<ServedValue | undefined>
  /** Undefined on a node that takes no uploads. */
  readonly uploads?: {
    /** Take a value whose key is known: verified bytes in order from 0, and its outboard when all have come. */
    takeKnown(
      value: Identity,
      bytes: AsyncIterable<Uint8Array>,
      outboard: () => Uint8Array,
    ): Promise<UploadResult>
    /** Take a stream; `claim` gives what the sender found it to be, once the last byte has come. */
    takeStream(
      bytes: AsyncIterable<Uint8Array>,
      size: number | undefined,
      claim: () => Identity,
    ): Promise<UploadResult>
  }
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
      if (message.type === 'fetch') await serveFetch(transfer, host, message)
      else if (message.type === 'upload') await serveUpload(transfer, host, message)
      else throw unexpected(message)
    }
    await transfer.end()
  } catch (error) {
    const fault = asDstoreError(error)
    await tell(transfer, fault)
    transfer.channel.abort(fault)
    throw fault
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
    await transfer.send({ type: 'found', size: value.size })
    for (const range of ranges) {
      for await (const part of sliceOf(value, range, value.signal)) {
        value.signal.throwIfAborted()
        await transfer.sendBytes(part)
        host.onSent(transfer.channel.peer, part.byteLength)
      }
    }
  } finally {
    value.release()
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

async function serveUpload(
  transfer: TransferChannel,
  host: TransferHost,
  message: Message & { type: 'upload' },
): Promise<void> {
  const { uploads } = host
  if (uploads === undefined) throw new DstoreError('not-permitted', 'this node takes no values')
  const { digest, size, start } = message
  // A put that resumes in the middle needs what was verified before: nothing is kept of those as yet.
  if (start !== 0) throw new DstoreError('protocol', 'an upload that does not begin at 0')
  await transfer.send({ type: 'accept' })
  let result: UploadResult
  if (digest === undefined) {
    const claim = new Claim()
    const bytes = plainBytes(transfer, host, claim)
    result = await uploads.takeStream(bytes, size === 0 ? undefined : size, () => claim.identity())
  } else {
    const pairs = new PairList()
    const bytes = provedBytes(transfer, host, { digest, size }, pairs)
    result = await uploads.takeKnown({ digest, size }, bytes, () => pairs.bytes())
  }
  await transfer.send({ type: 'stored', ...result })
}

/** The verified bytes of an upload; the pairs are collected on the way. Ends after the sender's finish. */
async function* provedBytes(
  transfer: TransferChannel,
  host: TransferHost,
  { digest, size }: Identity,
  pairs: PairList,
): AsyncGenerator<Uint8Array, void, undefined> {
  const range = { start: 0, end: size }
  const decoder = new SliceDecoder({ digest, range, size })
  for (let left = sliceBytes(size, range); left > 0;) {
    const piece = await transfer.expect('piece')
    if (piece.length > left) throw unexpected(piece)
    left -= piece.length
    for await (const bytes of transfer.raw(piece)) {
      host.onReceived(transfer.channel.peer, bytes.byteLength)
      for (const proved of decoder.push(bytes)) {
        if (proved.kind === 'data') yield proved.bytes
        else pairs.add(proved.pair)
      }
    }
  }
  decoder.finish()
  await transfer.expect('finish')
}

/** The plain bytes of an upload, until the sender's finish, whose claim is kept. */
async function* plainBytes(
  transfer: TransferChannel,
  host: TransferHost,
  claim: Claim,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const message = await transfer.next()
    if (message === undefined) throw new DstoreError('unreachable', 'the sender went away')
    if (message.type === 'finish') {
      claim.made = message
      return
    }
    if (message.type !== 'piece') throw unexpected(message)
    for await (const bytes of transfer.raw(message)) {
      host.onReceived(transfer.channel.peer, bytes.byteLength)
      yield bytes
    }
  }
}

/** The pairs of a whole value, which come in pre-order: memory grows with what was proved, not with what is claimed. */
class PairList {
  #bytes = new Uint8Array(64 * PAIR_BYTES)
  #length = 0

  add(pair: Uint8Array): void {
    if (this.#length === this.#bytes.byteLength) {
      const larger = new Uint8Array(2 * this.#bytes.byteLength)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(pair, this.#length)
    this.#length += pair.byteLength
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

class Claim {
  made: Identity | undefined

  identity(): Identity {
    if (this.made === undefined) throw new TypeError('the upload has not finished')
    return this.made
  }
}

/** Say why, and leave the peer a moment to read it: an abort may overtake what was sent before. */
async function tell(transfer: TransferChannel, { code, message }: DstoreError): Promise<void> {
  const { signal } = transfer.channel
  if (signal.aborted) return
  try {
    await transfer.send({ type: 'failure', code, message })
    await transfer.end()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FAREWELL_MS)
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()))
    })
  } catch {
    // The peer is gone, or does not read: then it will not be told.
  }
}

/** How long a channel outlives the failure that was sent on it. */
const FAREWELL_MS = 1000
