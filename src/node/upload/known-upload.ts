/**
 * Uploads values whose key is known, from a source that can be read again: only the part that
 * Global lacks, resumed when Global is back after a failure (specs/003-transfer.md, "Rules:
 * upload").
 */
import { pause, type Deadline } from '../../deadline.ts'
import { asDstoreError, type DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { keySubject } from '../../index/local/in-flight.ts'
import {
  CALL_TIMEOUT_MS,
  GIB,
  PIECE_BYTES,
  RESUME_SECONDS_PER_GIB,
  SHARE_KEPT_BYTES,
} from '../../limits.ts'
import type { SendWindow } from '../../transfer/send-window.ts'
import { uploadKnown, type Identity } from '../../transfer/upload.ts'
import type { Beginning } from '../activity/transfer.ts'
import type { Activity } from '../activity/activity.ts'
import type { Cache, PendingEntry } from '../cache/cache.ts'
import { metered, type ByteBudgets } from '../calls/byte-budget.ts'
import { verificationMs } from '../calls/names/digest-wait.ts'
import { putResult } from '../calls/names/put-result.ts'
import { keptAs, type NamedPut } from '../calls/hold-id.ts'
import type { GlobalLink } from '../local/global-link.ts'
import type { PutResult } from '../node.ts'
import type { ChannelPool } from '../swarm/channel-pool.ts'
import { BROKEN, RETRY_MS, Retry, withoutGlobal } from '../swarm/retry.ts'

/** Shown when a put fails because Global is unreachable. */
const KEPT = 'Global keeps the received part for a day: repeat the put to resume'

/** A value that can be read more than once. */
export interface UploadSource extends Identity {
  read(range: ByteRange): AsyncIterable<Uint8Array>
  outboard(range: ByteRange): Promise<Uint8Array>
  /** All of its outboard, if the cache is to keep the value. */
  readonly cached?: Uint8Array
  /** Rejects if the source is no longer what it was. */
  readonly checkUnchanged?: () => Promise<void>
  /** The fault where Global refuses the bytes, because they do not match the key. */
  readonly onRefused?: () => DstoreError
}

interface SentSource extends UploadSource {
  /** Counts bytes that are on their way. */
  readonly onSent: (bytes: number) => void
}

export interface KnownUploadsOptions {
  readonly link: GlobalLink
  readonly cache: Cache
  readonly transfers: ChannelPool
  readonly callers: ByteBudgets
  readonly globalPeer: string
  readonly window: SendWindow
  readonly activity: Pick<Activity, 'traffic' | 'moving'>
}

export class KnownUploads {
  readonly #options: KnownUploadsOptions

  constructor(options: KnownUploadsOptions) {
    this.#options = options
  }

  async send(source: UploadSource, options: NamedPut, limit: Deadline): Promise<PutResult> {
    const { activity, globalPeer } = this.#options
    const { digest, size } = source
    const facts = { key: new Key(digest), name: options.name, size }
    const cancel: Beginning['cancel'] = (reason) => limit.cancel(reason)
    const transfer = activity.moving.begin({ ...facts, direction: 'out', cancel })
    const onSent = (bytes: number): void => {
      activity.traffic.sent(globalPeer, bytes)
      transfer.moved(globalPeer, bytes)
    }
    try {
      return await this.#send({ ...source, onSent }, options, limit)
    } finally {
      transfer.end()
    }
  }

  async #send(source: SentSource, options: NamedPut, limit: Deadline): Promise<PutResult> {
    const { digest, size } = source
    const offer = { type: 'offer', digest, size, name: undefined, ...keptAs(options) } as const
    const retry = new Retry({ now: () => performance.now(), codes: BROKEN })
    const wasThere = this.#options.link.isExpected
    let isFirst = true
    let keptBytes = -1
    let hasMore = false
    for (;;) {
      try {
        const moreMs = verificationMs(options.name, size)
        if (moreMs > 0) limit.extend(moreMs)
        const asked = { signal: limit.signal, timeoutMs: CALL_TIMEOUT_MS + moreMs }
        const { have, sendFrom } = await this.#options.link.ask(offer, asked)
        if (have !== undefined) return putResult(new Key(digest), have)
        hasMore ||= sendFrom > keptBytes
        keptBytes = Math.max(keptBytes, sendFrom)
        return await this.#uploadFrom(source, sendFrom, options, limit)
      } catch (error) {
        limit.signal.throwIfAborted()
        const fault = asDstoreError(error)
        // An upload that finds no Global fails as any other call does; one that loses it waits.
        if (keptBytes < 0 && !wasThere) throw fault
        // Only bytes that Global kept count as progress, else a link that breaks every time would
        // be retried without end.
        if (hasMore) limit.progress()
        if (hasMore || isFirst) retry.progress()
        hasMore = false
        isFirst = false
        const failure = retry.failed(fault)
        if (failure !== undefined) throw keptBytes < 0 ? failure : withoutGlobal(failure, KEPT)
        await pause(RETRY_MS, limit.signal)
        limit.signal.throwIfAborted()
      }
    }
  }

  async #uploadFrom(
    source: SentSource,
    start: number,
    options: NamedPut,
    limit: Deadline,
  ): Promise<PutResult> {
    if (start === 0) return this.#upload(source, 0, options, limit)
    try {
      return await this.#upload(source, start, options, limit)
    } catch (error) {
      // The part that Global kept is gone or damaged, or another upload resumes it.
      const { code } = asDstoreError(error)
      if (code !== 'busy' && code !== 'integrity') throw error
      return this.#upload(source, 0, options, limit)
    }
  }

  async #upload(
    source: SentSource,
    start: number,
    { onProgress, timeoutMs, ...kept }: NamedPut,
    limit: Deadline,
  ): Promise<PutResult> {
    const { transfers, globalPeer, callers, cache, link, window } = this.#options
    const meter = callers.forCall({ signal: limit.signal, ...(timeoutMs && { timeoutMs }) })
    const { digest, size, cached, onSent } = source
    const key = new Key(digest)
    // Not before Global accepts the upload: a refused one evicts nothing.
    let pending: PendingEntry | undefined
    const accepted = (): void => {
      if (cached === undefined) return
      pending = cache.reserve(key, size)
      pending?.value.outboard.set(cached)
    }
    const read = async function* (range: ByteRange): AsyncGenerator<Uint8Array> {
      let at = range.start
      // One piece in use, and one read ahead.
      const pieces = metered(source.read(range), 2 * PIECE_BYTES, meter, SHARE_KEPT_BYTES)
      for await (const part of pieces) {
        limit.progress()
        pending?.value.write(at, part)
        at += part.byteLength
        yield part
        // Time spent on the disk or on the budget is not Global's.
        limit.pauseTimer()
        onSent(part.byteLength)
        onProgress?.({ phase: 'store', doneBytes: at, totalBytes: size })
      }
      limit.progress()
    }
    const value = { digest, size, read, outboard: (range: ByteRange) => source.outboard(range) }
    const flight = link.begin(digest)
    const flow = window.open(() => limit.moved())
    let isComplete = false
    // Global re-reads the bytes it kept before it takes more, so it needs longer this once.
    limit.extend((start / GIB) * RESUME_SECONDS_PER_GIB * 1000)
    try {
      const { incarnation, ...stored } = await transfers.run(globalPeer, limit.signal, (transfer) =>
        uploadKnown(transfer, value, start, limit.signal, {
          ...keptAs(kept),
          flow,
          onAccepted: accepted,
        }),
      )
      isComplete = true
      // Global verified the bytes that it received; the source may have changed since.
      await source.checkUnchanged?.()
      // The index stream may already have reported a removal of the value that was just put.
      if (flight.isFresh(keySubject(digest), incarnation)) pending?.publish(incarnation)
      return putResult(key, { ...stored, size })
    } catch (error) {
      await source.checkUnchanged?.()
      const isRefused = start === 0 && asDstoreError(error).code === 'integrity'
      throw isRefused && source.onRefused !== undefined ? source.onRefused() : error
    } finally {
      flow.close(isComplete)
      flight.end()
      pending?.discard()
    }
  }
}
