/**
 * Streams that members upload, and that can be resumed: those that are coming in, those that broke
 * off, for a while, and the results of those that are complete (specs/003-transfer.md, R003-119).
 */
import { equal, toHex } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { UNFINISHED_BYTES } from '../../limits.ts'
import type { IncomingStream, OfferedStream } from '../../transfer/receive-upload.ts'
import type { Identity, Keeper, UploadResult } from '../../transfer/upload.ts'
import type { Channel } from '../../wire/channel.ts'
import type { Arrived, Ingest } from './ingest.ts'

/** How long a stream that broke off is kept for its sender to resume it. */
export const SUSPENDED_MS = 60_000

/** Suspended streams of one peer. */
export const SUSPENDED_PER_PEER = 16

/** Suspended streams of all peers. */
export const SUSPENDED = 256

export interface SuspendedUploadsOptions {
  readonly begin: (size: number | undefined) => Promise<Ingest>
  readonly adopt: (value: Arrived, keeper: Keeper) => Promise<UploadResult>
}

/** One stream, by its sender and id. */
interface Upload {
  readonly peer: string
  readonly key: string
  readonly ingest: Ingest
  /** The channel that it comes in on; undefined while it is suspended. */
  channel: Channel | undefined
  /** Settles when the channel before carries nothing more into it; undefined before its bytes. */
  taking: Promise<void> | undefined
  timer: NodeJS.Timeout | undefined
}

/** A complete stream, of which the sender may not know. */
interface Complete {
  readonly identity: Identity
  readonly result: Promise<UploadResult>
}

export class SuspendedUploads {
  readonly #options: SuspendedUploadsOptions
  /** The latest suspended last. */
  readonly #uploads = new Map<string, Upload>()
  /** The latest last. */
  readonly #complete = new Map<string, Complete>()

  constructor(options: SuspendedUploadsOptions) {
    this.#options = options
  }

  /** Suspended streams, and the bytes of them. */
  get usage(): { readonly count: number; readonly bytes: number } {
    const suspended = [...this.#uploads.values()].filter(isSuspended)
    const bytes = suspended.reduce((sum, { ingest }) => sum + ingest.receivedBytes, 0)
    return { count: suspended.length, bytes }
  }

  /** Throws `not-found` where the stream is unknown, or the sender lacks bytes of it. */
  async open(channel: Channel, offered: OfferedStream): Promise<IncomingStream> {
    const { size, id, resumeFrom } = offered
    if (id === undefined) return this.#unnamed(await this.#options.begin(size))
    const key = `${channel.peer} ${toHex(id)}`
    if (resumeFrom === undefined) return this.#begin(key, channel, size)
    const complete = this.#complete.get(key)
    if (complete !== undefined) {
      const take: IncomingStream['take'] = (bytes, claim) => resultOf(complete, bytes, claim)
      return { receivedBytes: complete.identity.size, take }
    }
    const upload = await this.#reopen(key, channel)
    if (upload !== undefined && upload.ingest.receivedBytes >= resumeFrom) {
      return this.#incoming(upload, channel)
    }
    if (upload !== undefined) await this.#forget(upload)
    throw new DstoreError('not-found', 'nothing of this upload is kept')
  }

  /** Discards what a peer has suspended, or all of it. */
  async cut(peer?: string): Promise<void> {
    const all = [...this.#uploads.values()].filter((one) => peer === undefined || one.peer === peer)
    await Promise.all(all.filter(isSuspended).map((upload) => this.#forget(upload)))
  }

  async #begin(key: string, channel: Channel, size: number | undefined): Promise<IncomingStream> {
    if (this.#uploads.has(key) || this.#complete.has(key)) {
      throw new DstoreError('conflict', 'this upload has begun before')
    }
    const ingest = await this.#options.begin(size)
    const { peer } = channel
    const upload: Upload = { peer, key, ingest, channel, taking: undefined, timer: undefined }
    this.#uploads.set(key, upload)
    return this.#incoming(upload, channel)
  }

  /** Takes a stream from the channel that it came in on, which its sender has given up. */
  async #reopen(key: string, channel: Channel): Promise<Upload | undefined> {
    const upload = this.#uploads.get(key)
    if (upload === undefined) return undefined
    clearTimeout(upload.timer)
    const before = upload.channel
    upload.channel = channel
    before?.abort(new DstoreError('unreachable', 'its sender has opened another channel'))
    await upload.taking
    // Meanwhile it may have failed, or yet another channel may have taken it.
    const isTaken = this.#uploads.get(key) === upload && upload.channel === channel
    if (isTaken) upload.taking = undefined
    return isTaken ? upload : undefined
  }

  #incoming(upload: Upload, channel: Channel): IncomingStream {
    // The channel may break before its first byte.
    const leave = (): void => {
      if (upload.channel === channel && upload.taking === undefined) this.#suspend(upload)
    }
    channel.signal.addEventListener('abort', leave)
    if (channel.signal.aborted) leave()
    return {
      receivedBytes: upload.ingest.receivedBytes,
      take: (bytes, claim, keeper) => {
        // The channel may carry many uploads.
        channel.signal.removeEventListener('abort', leave)
        const result = this.#take(upload, channel, bytes, claim, keeper)
        upload.taking = result.then(
          () => undefined,
          () => undefined,
        )
        return result
      },
    }
  }

  async #take(
    upload: Upload,
    channel: Channel,
    bytes: AsyncIterable<Uint8Array>,
    claim: () => Identity,
    keeper: Keeper,
  ): Promise<UploadResult> {
    const { ingest, key } = upload
    try {
      await ingest.add(bytes, { name: keeper.name })
    } catch (error) {
      if (!ingest.canResume || !isBreak(error, channel)) await this.#forget(upload)
      else if (upload.channel === channel) this.#suspend(upload)
      throw error
    }
    const identity = claim()
    const result = this.#store(ingest, identity, keeper)
    this.#uploads.delete(key)
    this.#remember(key, { identity, result })
    return result
  }

  #unnamed(ingest: Ingest): IncomingStream {
    return {
      receivedBytes: 0,
      take: async (bytes, claim, keeper) => {
        try {
          await ingest.add(bytes, { name: keeper.name })
        } catch (error) {
          await ingest.discard()
          throw error
        }
        return this.#store(ingest, claim(), keeper)
      },
    }
  }

  async #store(ingest: Ingest, identity: Identity, keeper: Keeper): Promise<UploadResult> {
    let value: Arrived
    try {
      value = await ingest.finish(identity)
    } catch (error) {
      await ingest.discard()
      throw error
    }
    return this.#options.adopt(value, keeper)
  }

  #remember(key: string, complete: Complete): void {
    this.#complete.set(key, complete)
    if (this.#complete.size > SUSPENDED) {
      this.#complete.delete(this.#complete.keys().next().value!)
    }
    const forget = (): void => {
      if (this.#complete.get(key) === complete) this.#complete.delete(key)
    }
    complete.result.catch(forget)
    setTimeout(forget, SUSPENDED_MS).unref()
  }

  /** Its channel is gone: it waits for another, within the bounds. The oldest go first. */
  #suspend(upload: Upload): void {
    const { key } = upload
    if (this.#uploads.get(key) !== upload) return
    upload.channel = undefined
    this.#uploads.delete(key)
    this.#uploads.set(key, upload)
    clearTimeout(upload.timer)
    upload.timer = setTimeout(() => void this.#forget(upload), SUSPENDED_MS)
    upload.timer.unref()
    const suspended = [...this.#uploads.values()].filter(isSuspended)
    const ofPeer = suspended.filter(({ peer }) => peer === upload.peer)
    if (ofPeer.length > SUSPENDED_PER_PEER) void this.#forget(ofPeer[0]!)
    for (const oldest of suspended) {
      const { count, bytes } = this.usage
      if (count <= SUSPENDED && bytes <= UNFINISHED_BYTES) break
      void this.#forget(oldest)
    }
  }

  async #forget(upload: Upload): Promise<void> {
    clearTimeout(upload.timer)
    if (this.#uploads.get(upload.key) !== upload) return
    this.#uploads.delete(upload.key)
    await upload.ingest.discard()
  }
}

/** Whether a stream failed because its channel broke, wherever it noticed. */
function isBreak(error: unknown, { signal }: Channel): boolean {
  const reason: unknown = signal.aborted ? signal.reason : error
  return asDstoreError(reason).code === 'unreachable'
}

const isSuspended = ({ channel }: Upload): boolean => channel === undefined

/** The sender has not heard the result: nothing but its claim comes. */
async function resultOf(
  { identity, result }: Complete,
  bytes: AsyncIterable<Uint8Array>,
  claim: () => Identity,
): Promise<UploadResult> {
  for await (const _ of bytes) throw new DstoreError('protocol', 'bytes after the end of an upload')
  const claimed = claim()
  if (claimed.size !== identity.size || !equal(claimed.digest, identity.digest)) {
    throw new DstoreError('protocol', 'an upload that ends as another value than before')
  }
  return result
}
