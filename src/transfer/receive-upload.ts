/** Receives an uploaded value (specs/003-transfer.md, "Rules: upload"). */
import { concat, equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { GROUP_BYTES } from '../limits.ts'
import type { Message } from './message.ts'
import { Receipts } from './receipts.ts'
import { unexpected, type TransferChannel } from './transfer-channel.ts'
import { receivePieces } from './piece-stream.ts'
import { keptBy } from './upload.ts'
import type { Identity, Keeper, UploadResult } from './upload.ts'

/** Stores uploaded values. */
export interface UploadHost {
  /** Throws `not-permitted` if this peer may not store values. */
  check(): void
  /**
   * Stores a value whose key is known: verified bytes in order from `start`, up to which the bytes
   * kept of an interrupted upload are used. If `start` is 0, `outboard` returns the value's
   * outboard after the last byte. Throws `busy` if no bytes are kept.
   */
  takeKnown(
    value: Identity & { readonly start: number },
    bytes: AsyncIterable<Uint8Array>,
    outboard: () => Uint8Array,
    keeper: Keeper,
  ): Promise<UploadResult>
  /** Begins a stream, or resumes one. Throws `not-found` if there is nothing to resume. */
  openStream(stream: OfferedStream): Promise<IncomingStream>
}

export interface OfferedStream {
  /** A hint; undefined if unknown. */
  readonly size: number | undefined
  /** Names it for its sender, if it can be resumed. */
  readonly id: Uint8Array | undefined
  /** The first byte that the sender of a broken stream still has. */
  readonly resumeFrom: number | undefined
}

export interface IncomingStream {
  /** The bytes that came before the stream broke off. */
  readonly receivedBytes: number
  /** Stores it; after its last byte, `claim` returns its identity according to the sender. */
  take(
    bytes: AsyncIterable<Uint8Array>,
    claim: () => Identity,
    keeper: Keeper,
  ): Promise<UploadResult>
}

type Upload = Message & { type: 'upload' }

type OnReceived = (bytes: number) => void

/** Errors: `protocol`, `integrity`, those of the host, and the channel's own. */
export async function receiveUpload(
  transfer: TransferChannel,
  host: UploadHost,
  upload: Upload,
  onReceived: OnReceived,
): Promise<void> {
  const { digest, size, start, resume } = upload
  if (digest !== undefined && (start % GROUP_BYTES !== 0 || (start > 0 && start >= size))) {
    throw new DstoreError('protocol', `an upload that begins at ${start}`)
  }
  host.check()
  const stream = digest === undefined ? await host.openStream(streamOf(upload)) : undefined
  const received = resume === true ? stream!.receivedBytes : 0
  await transfer.send({ type: 'accept', received })
  const isEndless = digest === undefined && size === 0
  transfer.ask(isEndless ? Infinity : size - (digest === undefined ? received : start))
  const receipts = new Receipts(transfer)
  const onBytes: OnReceived = (count) => {
    onReceived(count)
    receipts.add(count)
  }
  let result: UploadResult
  try {
    if (stream === undefined) result = await storeKnown(transfer, host, upload, onBytes)
    else result = await storeStream(transfer, stream, upload, onBytes)
  } finally {
    // None may follow the result.
    receipts.end()
  }
  transfer.ask(0)
  await transfer.send({ type: 'stored', ...result })
}

const streamOf = ({ size, id, resume, start }: Upload): OfferedStream => ({
  size: size === 0 ? undefined : size,
  id,
  resumeFrom: resume === true ? start : undefined,
})

function storeStream(
  transfer: TransferChannel,
  stream: IncomingStream,
  upload: Upload,
  onReceived: OnReceived,
): Promise<UploadResult> {
  let claimed: Identity | undefined
  const bytes = plainBytes(transfer, (finish) => (claimed = finish), onReceived)
  const claim = (): Identity => {
    if (claimed === undefined) throw new TypeError('the upload has not finished')
    return claimed
  }
  return stream.take(bytes, claim, keptBy(upload))
}

function storeKnown(
  transfer: TransferChannel,
  host: UploadHost,
  { digest, size, start, ...keeper }: Upload,
  onReceived: OnReceived,
): Promise<UploadResult> {
  // The pairs of the value, in pre-order. Memory grows with verified, not with claimed, size.
  const pairs: Uint8Array[] = []
  const value = { digest: digest!, size, start }
  const bytes = verifiedUpload(transfer, value, pairs, onReceived)
  return host.takeKnown(value, bytes, () => concat(pairs), keptBy(keeper))
}

/** Yields the verified bytes of an upload up to the sender's finish, and collects their pairs. */
async function* verifiedUpload(
  transfer: TransferChannel,
  { digest, size, start }: Identity & { readonly start: number },
  pairs: Uint8Array[],
  onReceived: OnReceived,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ranges = [{ start, end: size }]
  for await (const run of receivePieces(transfer, { digest, size }, ranges, { onReceived })) {
    pairs.push(...run.pairs.map(({ bytes }) => bytes))
    if (run.bytes.byteLength > 0) yield run.bytes
  }
  const claim = await transfer.expect('finish')
  if (claim.size !== size || !equal(claim.digest, digest)) {
    throw new DstoreError('protocol', 'an upload that ends as another value than it began')
  }
}

/** Yields the plain bytes of an upload up to the sender's finish. */
async function* plainBytes(
  transfer: TransferChannel,
  onFinish: (claim: Identity) => void,
  onReceived: OnReceived,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const message = await transfer.next()
    if (message === undefined) throw new DstoreError('unreachable', 'the sender went away')
    if (message.type === 'failure') throw new DstoreError(message.code, message.message)
    if (message.type === 'finish') return onFinish(message)
    if (message.type !== 'piece') throw unexpected(message)
    for await (const bytes of transfer.raw(message)) {
      yield bytes
      // Not before it is stored: what is acknowledged is there after a break.
      onReceived(bytes.byteLength)
    }
  }
}
