/** Puts values through a Local: uploads them to Global, and keeps them in the cache if they fit. */
import { concat, equal } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { createHasher, hash, hashInTurns, type Hashed } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { keySubject } from '../../index/local/in-flight.ts'
import type { Receipt } from '../../index/message.ts'
import { checkNewName } from '../../index/name.ts'
import {
  CALL_TIMEOUT_MS,
  GIB,
  INLINE_VALUE_BYTES,
  PIECE_BYTES,
  RESUME_SECONDS_PER_GIB,
  SHARE_KEPT_BYTES,
} from '../../limits.ts'
import { changedFile } from '../../store/file/file-faults.ts'
import { hashSource } from '../../store/file/file-hasher.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { SendWindow } from '../../transfer/send-window.ts'
import { uploadKnown, type Identity } from '../../transfer/upload.ts'
import { BROKEN, RETRY_MS, Retry, withoutGlobal } from '../swarm/retry.ts'
import type { Cache, PendingEntry } from '../cache/cache.ts'
import { arriving, metered, type ByteBudgets } from '../calls/byte-budget.ts'
import { deadline, pause, type Deadline } from '../../deadline.ts'
import type { GlobalLink } from './global-link.ts'
import type { CallOptions, PutOptions, PutResult, ValueSource } from '../node.ts'
import type { ChannelPool } from '../swarm/channel-pool.ts'
import { sendStream } from './stream-upload.ts'

/** Shown when a put fails because Global is unreachable. */
const KEPT = 'Global keeps the received part for a day: repeat the command to resume'

export interface UploaderOptions {
  readonly link: GlobalLink
  readonly cache: Cache
  readonly transfers: ChannelPool
  readonly callers: ByteBudgets
  readonly globalPeer: string
  readonly random: (bytes: number) => Uint8Array
  /** Counts the bytes of values that were sent to Global. */
  readonly onSent: (bytes: number) => void
}

export class Uploader {
  readonly #options: UploaderOptions
  readonly #window = new SendWindow(() => performance.now())

  constructor(options: UploaderOptions) {
    this.#options = options
  }

  async put(source: ValueSource, options: PutOptions): Promise<PutResult> {
    if (options.name !== undefined) checkNewName(options.name)
    const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
    const limit = deadline(ms, 'Global took nothing more', options.signal)
    limit.pauseTimer()
    try {
      if (!('path' in source)) return await this.#putStream(source, options, limit)
      const file = await FileSource.open(source.path, source.identity)
      try {
        return await this.#putFile(file, options, limit)
      } finally {
        await file.close()
      }
    } finally {
      limit.clear()
    }
  }

  async #putFile(file: FileSource, options: PutOptions, limit: Deadline): Promise<PutResult> {
    if (file.size === undefined || file.size <= INLINE_VALUE_BYTES) {
      return this.#putStream({ bytes: file.readToEnd() }, options, limit)
    }
    const { onProgress } = options
    const hashed = await hashSource(file, {
      signal: limit.signal,
      onProgress: (doneBytes, totalBytes) => onProgress?.({ phase: 'hash', doneBytes, totalBytes }),
    })
    limit.progress()
    return this.#send(file, hashed, options, limit)
  }

  /**
   * Uploads the part of a file that Global lacks, and resumes when Global is back after a failure.
   */
  async #send(
    file: FileSource,
    hashed: Hashed,
    options: PutOptions,
    limit: Deadline,
  ): Promise<PutResult> {
    const { digest, size } = hashed
    const offer = { type: 'offer', digest, size, name: options.name } as const
    const retry = new Retry({ now: () => performance.now(), codes: BROKEN })
    const wasThere = this.#options.link.status.state === 'connected'
    let isFirst = true
    let keptBytes = -1
    let hasMore = false
    for (;;) {
      try {
        const { have, sendFrom } = await this.#options.link.ask(offer, { signal: limit.signal })
        if (have !== undefined) return { key: new Key(digest), size, existed: true }
        hasMore ||= sendFrom > keptBytes
        keptBytes = Math.max(keptBytes, sendFrom)
        return await this.#uploadFrom(file, hashed, sendFrom, options, limit)
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
    file: FileSource,
    hashed: Hashed,
    start: number,
    options: PutOptions,
    limit: Deadline,
  ): Promise<PutResult> {
    if (start === 0) return this.#upload(file, hashed, 0, options, limit)
    try {
      return await this.#upload(file, hashed, start, options, limit)
    } catch (error) {
      // The part that Global kept is gone or damaged, or another upload resumes it.
      const { code } = asDstoreError(error)
      if (code !== 'busy' && code !== 'integrity') throw error
      return this.#upload(file, hashed, 0, options, limit)
    }
  }

  async #upload(
    file: FileSource,
    hashed: Hashed,
    start: number,
    { onProgress, name, timeoutMs }: PutOptions,
    limit: Deadline,
  ): Promise<PutResult> {
    const { transfers, globalPeer, callers, cache, link, onSent } = this.#options
    const meter = callers.forCall({ signal: limit.signal, ...(timeoutMs && { timeoutMs }) })
    const { size, outboard } = hashed
    const key = new Key(hashed.digest)
    // Not before Global accepts the upload: a refused one evicts nothing.
    let pending: PendingEntry | undefined
    const accepted = (): void => {
      pending = cache.reserve(key, size)
      pending?.value.outboard.set(outboard)
    }
    const read = async function* (range: ByteRange): AsyncGenerator<Uint8Array> {
      let at = range.start
      // One piece in use, and one read ahead.
      const pieces = metered(file.read(range), 2 * PIECE_BYTES, meter, SHARE_KEPT_BYTES)
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
    const value = {
      ...hashed,
      read,
      outboard: async (range: ByteRange) => outboard.subarray(range.start, range.end),
    }
    const flight = link.begin(hashed.digest)
    const flow = this.#window.open(() => limit.moved())
    let isComplete = false
    // Global re-reads the bytes it kept before it takes more, so it needs longer this once.
    limit.extend((start / GIB) * RESUME_SECONDS_PER_GIB * 1000)
    try {
      const { existed, incarnation } = await transfers.run(globalPeer, limit.signal, (transfer) =>
        uploadKnown(transfer, value, start, limit.signal, { name, flow, onAccepted: accepted }),
      )
      isComplete = true
      // Global verified the bytes that it received; the file may have changed since.
      await file.checkUnchanged()
      // The index stream may already have reported a removal of the value that was just put.
      if (flight.isFresh(keySubject(hashed.digest), incarnation)) pending?.publish(incarnation)
      return { key, size, existed }
    } catch (error) {
      await file.checkUnchanged()
      // Reading the file twice gave two values, as where its times were set back after a write.
      const isOther = start === 0 && asDstoreError(error).code === 'integrity'
      throw isOther ? changedFile(file.path, 'was written to') : error
    } finally {
      flow.close(isComplete)
      flight.end()
      pending?.discard()
    }
  }

  async #putStream(
    source: { readonly bytes: AsyncIterable<Uint8Array>; readonly size?: number },
    options: PutOptions,
    limit: Deadline,
  ): Promise<PutResult> {
    const meter = this.#options.callers.forCall(options)
    const bytes = arriving(source.bytes, meter)
    const first: Uint8Array[] = []
    let firstBytes = 0
    try {
      while (firstBytes <= INLINE_VALUE_BYTES) {
        const next = await bytes.next()
        if (next.done === true) return await this.#putOne(concat(first), options)
        first.push(next.value)
        firstBytes += next.value.byteLength
      }
      await this.#checkFree(options.name, limit)
      return await this.#uploadStream(first, bytes, source.size, options, limit)
    } finally {
      await bytes.return?.()
    }
  }

  async #uploadStream(
    first: readonly Uint8Array[],
    rest: AsyncIterator<Uint8Array>,
    size: number | undefined,
    { onProgress, name }: PutOptions,
    limit: Deadline,
  ): Promise<PutResult> {
    const { onSent } = this.#options
    const hasher = createHasher()
    let doneBytes = 0
    const passing = async function* (): AsyncGenerator<Uint8Array> {
      for await (const part of chain(first, rest)) {
        await hashInTurns(hasher, part)
        yield part
        doneBytes += part.byteLength
        onSent(part.byteLength)
        onProgress?.({ phase: 'store', doneBytes, totalBytes: size })
      }
    }
    let hashed: Hashed | undefined
    const identity = (): Identity => (hashed ??= hasher.finish())
    const options = { ...this.#options, window: this.#window }
    const { existed } = await sendStream(options, { bytes: passing(), size, name, identity }, limit)
    const found = identity()
    return { key: new Key(found.digest), size: found.size, existed }
  }

  /** Refuses a bound name before the upload, unless the stream may be the value it is bound to. */
  async #checkFree(name: string | undefined, { signal }: Deadline): Promise<void> {
    if (name === undefined) return
    const request = { type: 'lookup', name, inline: false } as const
    const { found } = await this.#options.link.ask(request, { signal })
    // The stream is larger than an inline value, so it cannot be that one.
    if (found !== undefined && found.fact.size <= INLINE_VALUE_BYTES) {
      throw new DstoreError('conflict', `the name ${name} is bound to another key`)
    }
  }

  async #putOne(value: Uint8Array, options: PutOptions): Promise<PutResult> {
    const [result] = await this.putSmall([value], options.name, options)
    return result!
  }

  /** Puts small values in one message; a name only with a single value. */
  async putSmall(
    values: readonly Uint8Array[],
    name: string | undefined,
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions,
  ): Promise<PutResult[]> {
    const { link, cache } = this.#options
    const hashed = values.map((value) => hash(value))
    const digests = hashed.map(({ digest }) => digest)
    const request = { type: 'put', values, name } as const
    const ask = (leftMs: number): Promise<PutResult[]> => {
      const options = { digests, timeoutMs: leftMs, ...(signal && { signal }) }
      return link.ask(request, options, ({ receipts }, keep) =>
        hashed.map(({ digest, size }, i) => {
          const { existed, incarnation } = checked(receipts[i], digest)
          const key = new Key(digest)
          const entry = keep
            ? cache.admit(key, size, incarnation, { start: 0, end: size })
            : undefined
          entry?.write(0, values[i]!)
          return { key, size, existed }
        }),
      )
    }
    return this.#askAgain(ask, timeoutMs, signal)
  }

  /** Asks Global. If it was there and is lost, asks again for as long as an upload waits for it. */
  async #askAgain<T>(
    ask: (leftMs: number) => Promise<T>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const now = (): number => performance.now()
    const until = now() + timeoutMs
    const wasThere = this.#options.link.status.state === 'connected'
    let retry: Retry | undefined
    for (;;) {
      try {
        return await ask(Math.max(1, until - now()))
      } catch (error) {
        const fault = asDstoreError(error)
        retry ??= new Retry({ now, codes: ['unreachable'] })
        const failure = retry.failed(fault)
        if (failure !== undefined || !wasThere || until - now() <= RETRY_MS) throw failure ?? fault
        await pause(RETRY_MS, signal ?? AbortSignal.timeout(timeoutMs))
      }
    }
  }
}

function checked(receipt: Receipt | undefined, digest: Uint8Array): Receipt {
  if (receipt === undefined || !equal(receipt.digest, digest)) {
    throw new DstoreError('integrity', 'Global stored other bytes than were sent')
  }
  return receipt
}

/** The bytes read so far, then the rest. */
async function* chain(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}
