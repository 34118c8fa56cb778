/** Receives an uploaded value (specs/003-transfer.md, "Rules: upload"). */
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { PAIR_BYTES } from '../hash/tree/tree.ts'
import { GROUP_BYTES } from '../limits.ts'
import type { Message } from './message.ts'
import { unexpected, type TransferChannel } from './transfer-channel.ts'
import { receivePieces } from './piece-stream.ts'
import type { Identity, UploadResult } from './upload.ts'

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
    name: string | undefined,
  ): Promise<UploadResult>
  /** Stores a stream; after its last byte, `claim` returns its identity according to the sender. */
  takeStream(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    claim: () => Identity,
    name: string | undefined,
  ): Promise<UploadResult>
}

type OnReceived = (bytes: number) => void

/** Errors: `protocol`, `integrity`, those of the host, and the channel's own. */
export async function receiveUpload(
  transfer: TransferChannel,
  host: UploadHost,
  { digest, size, start, name }: Message & { type: 'upload' },
  onReceived: OnReceived,
): Promise<void> {
  const isPossible =
    start % GROUP_BYTES === 0 && (digest === undefined ? start === 0 : start === 0 || start < size)
  if (!isPossible) throw new DstoreError('protocol', `an upload that begins at ${start}`)
  host.check()
  await transfer.send({ type: 'accept' })
  let result: UploadResult
  if (digest === undefined) {
    const claim = new Claim()
    const bytes = plainBytes(transfer, claim, onReceived)
    result = await host.takeStream(
      bytes,
      size === 0 ? undefined : size,
      () => claim.identity(),
      name,
    )
  } else {
    const pairs = new PairList()
    const value = { digest, size, start }
    const bytes = verifiedUpload(transfer, value, pairs, onReceived)
    result = await host.takeKnown(value, bytes, () => pairs.bytes(), name)
  }
  await transfer.send({ type: 'stored', ...result })
}

/** Yields the verified bytes of an upload up to the sender's finish, and collects their pairs. */
async function* verifiedUpload(
  transfer: TransferChannel,
  { digest, size, start }: Identity & { readonly start: number },
  pairs: PairList,
  onReceived: OnReceived,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ranges = [{ start, end: size }]
  for await (const run of receivePieces(transfer, { digest, size }, ranges, { onReceived })) {
    for (const { bytes } of run.pairs) pairs.add(bytes)
    if (run.bytes.byteLength > 0) yield run.bytes
  }
  const claim = await transfer.expect('finish')
  if (claim.size !== size || !equal(claim.digest, digest)) {
    throw new DstoreError('protocol', 'an upload that ends as another value than it began')
  }
}

/** Yields the plain bytes of an upload up to the sender's finish, whose claim is kept. */
async function* plainBytes(
  transfer: TransferChannel,
  claim: Claim,
  onReceived: OnReceived,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const message = await transfer.next()
    if (message === undefined) throw new DstoreError('unreachable', 'the sender went away')
    if (message.type === 'failure') throw new DstoreError(message.code, message.message)
    if (message.type === 'finish') {
      claim.made = message
      return
    }
    if (message.type !== 'piece') throw unexpected(message)
    for await (const bytes of transfer.raw(message)) {
      onReceived(bytes.byteLength)
      yield bytes
    }
  }
}

/** The pairs of a whole value, in pre-order. Memory grows with verified, not with claimed, size. */
class PairList {
  #bytes = new Uint8Array(64 * PAIR_BYTES)
  #length = 0

  add(pairs: Uint8Array): void {
    const length = this.#length + pairs.byteLength
    if (length > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.byteLength))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(pairs, this.#length)
    this.#length = length
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
