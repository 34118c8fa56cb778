/** The sending side of an upload (specs/003-transfer.md, "Upload"). */
import { asDstoreError, type DstoreError } from '../errors.ts'
import type { ByteRange } from '../store/store.ts'
import type { TransferChannel } from './pieces.ts'
import { sliceOf, type ValueBytes } from './slice-stream.ts'

export interface UploadResult {
  readonly incarnation: number
  readonly existed: boolean
}

/** What a value of unknown key turned out to be, once its last byte had passed. */
export interface Identity {
  readonly digest: Uint8Array
  readonly size: number
}

/** Send a value whose key is known, as the slice from `start` on. */
export async function uploadKnown(
  transfer: TransferChannel,
  value: ValueBytes & Identity,
  start: number,
  signal: AbortSignal,
): Promise<UploadResult> {
  const { digest, size } = value
  const range: ByteRange = { start, end: size }
  return upload(transfer, { digest, size, start }, async () => {
    for await (const part of sliceOf(value, range, signal)) await transfer.sendBytes(part)
    return { digest, size }
  })
}

/** Send a stream whose key is not known before its end; `identity` is asked then. */
export async function uploadStream(
  transfer: TransferChannel,
  bytes: AsyncIterable<Uint8Array>,
  identity: () => Identity,
  size: number | undefined,
): Promise<UploadResult> {
  return upload(transfer, { digest: undefined, size: size ?? 0, start: 0 }, async () => {
    for await (const part of bytes) await transfer.sendBytes(part)
    return identity()
  })
}

async function upload(
  transfer: TransferChannel,
  offer: { readonly digest: Uint8Array | undefined; readonly size: number; readonly start: number },
  send: () => Promise<Identity>,
): Promise<UploadResult> {
  await transfer.send({ type: 'upload', ...offer })
  await transfer.expect('accept')
  // The receiver says why it stops in the middle; that reason, not the broken channel, is what the caller is told.
  const answer = transfer.expect('stored')
  answer.catch(() => undefined)
  try {
    await transfer.send({ type: 'finish', ...(await send()) })
  } catch (error) {
    const fault = asDstoreError(error)
    if (!transfer.channel.signal.aborted) throw fault
    throw await answer.then(
      () => fault,
      (reason: unknown) => moreTelling(asDstoreError(reason), fault),
    )
  }
  const { incarnation, existed } = await answer
  return { incarnation, existed }
}

function moreTelling(answer: DstoreError, sending: DstoreError): DstoreError {
  return answer.code === 'unreachable' ? sending : answer
}
