/** Sends values to a peer (specs/003-transfer.md, "Rules: upload"). */
import { asDstoreError } from '../errors.ts'
import { lengthOf, planPieces } from '../hash/proof/piece-plan.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import type { Message, MovedTag, Naming } from './message.ts'
import type { TransferChannel } from './transfer-channel.ts'
import { readPiece, type ValueBytes } from './piece-reader.ts'
import type { Flow } from './send-window.ts'

export interface UploadResult {
  readonly incarnation: number
  readonly existed: boolean
  /** Only where it moved a tag. */
  readonly moved?: MovedTag
}

/** A value's BLAKE3 and its size in bytes. */
export interface Identity {
  readonly digest: Uint8Array
  readonly size: number
}

/** What keeps an uploaded value; neither: it is put without a name. */
export interface Keeper {
  /** Bound in the change that stores the value. */
  readonly name?: string | undefined
  /** The id of a hold (specs/008-directories.md). Excludes `name`. */
  readonly hold?: Uint8Array | undefined
  /** Of the name (specs/004-index.md, R004-118). */
  readonly naming?: Naming | undefined
  /** The id of this operation (R004-125). */
  readonly operation?: Uint8Array | undefined
}

export interface UploadOptions extends Keeper {
  /** Where its bytes wait for their turn, and for what the receiver has. */
  readonly flow?: Flow
  /** The receiver takes the upload: its bytes are sent next. */
  readonly onAccepted?: () => void
  /** The receiver has the bytes of a stream before this one. */
  readonly onReceived?: (position: number) => void
}

/** Sends a value whose key is known, as the pieces of its slice from `start` on. */
export async function uploadKnown(
  transfer: TransferChannel,
  value: ValueBytes & Identity,
  start: number,
  signal: AbortSignal,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const { flow, onAccepted } = options
  const { digest, size } = value
  const range: ByteRange = { start, end: size }
  const offer = { digest, size, start, ...keptBy(options) }
  return upload(transfer, offer, options, async () => {
    onAccepted?.()
    for (const piece of planPieces(size, range)) {
      await transfer.sendPiece(await readPiece(value, piece, signal), lengthOf(piece), flow)
    }
    return { digest, size }
  })
}

/** A stream to send, which may have been sent in part before. */
export interface SentStream {
  /** A hint; undefined if unknown. */
  readonly size: number | undefined
  /** Names it for the receiver. */
  readonly id?: Uint8Array
  /** The first byte that can still be sent of a stream that broke off. */
  readonly resumeFrom?: number
  /** The bytes from a position on, after the receiver has said what it has. */
  readonly bytes: (position: number) => AsyncIterable<Uint8Array>
  /** Its key and size, after the last byte. */
  readonly identity: () => Identity
}

/** Sends a stream whose key is known only at its end, or the rest of one. */
export async function uploadStream(
  transfer: TransferChannel,
  { size, id, resumeFrom, bytes, identity }: SentStream,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const { flow, onAccepted } = options
  const resume = resumeFrom === undefined ? {} : { resume: true }
  const stream = { digest: undefined, size: size ?? 0, start: resumeFrom ?? 0, ...resume }
  const offer = { ...stream, ...(id && { id }), ...keptBy(options) }
  return upload(transfer, offer, options, async (received) => {
    onAccepted?.()
    for await (const part of bytes(received)) await transfer.sendBytes(part, flow)
    return identity()
  })
}

type KeptBy = { [F in keyof Keeper]?: Exclude<Keeper[F], undefined> }

export const keptBy = ({ name, hold, naming, operation }: Keeper): KeptBy => ({
  ...(name !== undefined && { name }),
  ...(hold && { hold }),
  ...(naming && { naming }),
  ...(operation && { operation }),
})

async function upload(
  transfer: TransferChannel,
  offer: Omit<Message & { type: 'upload' }, 'type'>,
  { flow, onReceived }: UploadOptions,
  send: (received: number) => Promise<Identity>,
): Promise<UploadResult> {
  await transfer.send({ type: 'upload', ...offer })
  const { received } = await transfer.expect('accept')
  flow?.restart()
  transfer.onReceived = (bytes) => {
    flow?.received(bytes)
    onReceived?.(received + bytes)
  }
  // The receiver may refuse in the middle: then sending ends with its reason.
  const answer = transfer.expect('stored')
  answer.catch((reason: unknown) => transfer.channel.abort(asDstoreError(reason)))
  await transfer.send({ type: 'finish', ...(await send(received)) })
  const { type: _, ...result } = await answer
  return result
}
