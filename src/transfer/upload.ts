/** Sends values to a peer (specs/003-transfer.md, "Rules: upload"). */
import { asDstoreError } from '../errors.ts'
import { lengthOf, planPieces } from '../hash/proof/piece-plan.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { Message } from './message.ts'
import type { TransferChannel } from './transfer-channel.ts'
import { readPiece, type ValueBytes } from './piece-reader.ts'

export interface UploadResult {
  readonly incarnation: number
  readonly existed: boolean
}

/** A value's BLAKE3 and its size in bytes. */
export interface Identity {
  readonly digest: Uint8Array
  readonly size: number
}

export interface UploadOptions {
  readonly name?: string | undefined
  /** The receiver takes the upload: its bytes are sent next. */
  readonly onAccepted?: () => void
}

/** Sends a value whose key is known, as the pieces of its slice from `start` on. */
export async function uploadKnown(
  transfer: TransferChannel,
  value: ValueBytes & Identity,
  start: number,
  signal: AbortSignal,
  { name, onAccepted }: UploadOptions = {},
): Promise<UploadResult> {
  const { digest, size } = value
  const range: ByteRange = { start, end: size }
  return upload(transfer, { digest, size, start, ...named(name) }, async () => {
    onAccepted?.()
    for (const piece of planPieces(size, range)) {
      await transfer.sendPiece(await readPiece(value, piece, signal), lengthOf(piece))
    }
    return { digest, size }
  })
}

/** Sends a stream whose key is known only at its end, from `identity`. */
export async function uploadStream(
  transfer: TransferChannel,
  bytes: AsyncIterable<Uint8Array>,
  identity: () => Identity,
  size: number | undefined,
  name?: string,
): Promise<UploadResult> {
  const offer = { digest: undefined, size: size ?? 0, start: 0, ...named(name) }
  return upload(transfer, offer, async () => {
    for await (const part of bytes) await transfer.sendBytes(part)
    return identity()
  })
}

const named = (name: string | undefined): { name?: string } => (name === undefined ? {} : { name })

async function upload(
  transfer: TransferChannel,
  offer: Omit<Message & { type: 'upload' }, 'type'>,
  send: () => Promise<Identity>,
): Promise<UploadResult> {
  await transfer.send({ type: 'upload', ...offer })
  await transfer.expect('accept')
  // The receiver may refuse in the middle: then sending ends with its reason.
  const answer = transfer.expect('stored')
  answer.catch((reason: unknown) => transfer.channel.abort(asDstoreError(reason)))
  await transfer.send({ type: 'finish', ...(await send()) })
  const { incarnation, existed } = await answer
  return { incarnation, existed }
}
