/** Puts values through a Local: uploads them to Global, and keeps them in the cache if they fit. */
import { concat, equal } from '../../bytes.ts'
import { DstoreError, asDstoreError, throwIfCancelled } from '../../errors.ts'
import { checkDigestName, checkingName } from '../../hash/foreign-hasher.ts'
import { isDigestName } from '../../hash/foreign-digest.ts'
import { createHasher, hash, hashInTurns, type Hashed } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { errorOf } from '../../index/failure.ts'
import type { OperationIds } from '../../index/local/operation-ids.ts'
import type { BatchItem, Put, Receipt } from '../../index/message.ts'
import { CALL_TIMEOUT_MS, DIGEST_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'
import { changedFile } from '../../store/file/file-faults.ts'
import { hashSource } from '../../store/file/file-hasher.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { SendWindow } from '../../transfer/send-window.ts'
import type { Identity } from '../../transfer/upload.ts'
import { RETRY_MS, Retry } from '../swarm/retry.ts'
import type { Activity } from '../activity/activity.ts'
import type { Cache } from '../cache/cache.ts'
import { arriving, type ByteBudgets } from '../calls/byte-budget.ts'
import { putNamed } from '../calls/names/named-batches.ts'
import { putResult } from '../calls/names/put-result.ts'
import { checkKeeper, keptAs, type NamedPut } from '../calls/hold-id.ts'
import { deadline, pause, type Deadline } from '../../deadline.ts'
import type { GlobalLink } from './global-link.ts'
import type {
  CallOptions,
  NamedValue,
  PutOptions,
  PutOutcome,
  PutResult,
  ValueSource,
} from '../node.ts'
import type { ChannelPool } from '../swarm/channel-pool.ts'
import { KnownUploads, type UploadSource } from '../upload/known-upload.ts'
import { sendStream } from './stream-upload.ts'

/** Messages of small values that are on their way at once: one travels while one is stored. */
export const BATCHES_AT_ONCE = 2

export interface UploaderOptions {
  readonly link: GlobalLink
  readonly cache: Cache
  readonly transfers: ChannelPool
  readonly callers: ByteBudgets
  readonly globalPeer: string
  readonly random: (bytes: number) => Uint8Array
  readonly operations: OperationIds
  readonly activity: Pick<Activity, 'traffic' | 'moving'>
}

export class Uploader {
  readonly #options: UploaderOptions
  readonly #window = new SendWindow(() => performance.now())
  readonly #known: KnownUploads

  constructor(options: UploaderOptions) {
    this.#options = options
    this.#known = new KnownUploads({ ...options, window: this.#window })
  }

  async put(source: ValueSource, asked: PutOptions): Promise<PutResult> {
    checkKeeper(asked)
    const limit = putDeadline(asked)
    try {
      if (!('path' in source)) {
        return await this.#once(asked, (options) => this.#putStream(source, options, limit))
      }
      const file = await FileSource.open(source.path, source.identity)
      try {
        return await this.#once(asked, (options) => this.#putFile(file, options, limit))
      } finally {
        await file.close()
      }
    } finally {
      limit.clear()
    }
  }

  /** The repeats of one put are one operation. What a hold keeps can be put again. */
  #once<T>(options: PutOptions, put: (options: NamedPut) => Promise<T>): Promise<T> {
    if (options.hold !== undefined) return put(options)
    return this.#options.operations.run((operation) => put({ ...options, operation }))
  }

  async #putFile(file: FileSource, options: NamedPut, limit: Deadline): Promise<PutResult> {
    if (file.size === undefined || file.size <= INLINE_VALUE_BYTES) {
      return this.#putStream({ bytes: file.readToEnd() }, options, limit)
    }
    const { onProgress } = options
    const hashed = await hashSource(file, {
      signal: limit.signal,
      onProgress: (doneBytes, totalBytes) => onProgress?.({ phase: 'hash', doneBytes, totalBytes }),
    })
    await checkFileName(file, options)
    limit.progress()
    const { outboard } = hashed
    const source: UploadSource = {
      ...hashed,
      read: (range) => file.read(range),
      outboard: async (range) => outboard.subarray(range.start, range.end),
      cached: outboard,
      checkUnchanged: () => file.checkUnchanged(),
      // Reading the file twice gave two values, as where its times were set back after a write.
      onRefused: () => changedFile(file.path, 'was written to'),
    }
    return this.#known.send(source, options, limit)
  }

  /** Uploads a value that is not a file of a caller, as a put of it would. */
  async putKnown(source: UploadSource, asked: PutOptions): Promise<PutResult> {
    const limit = putDeadline(asked)
    try {
      limit.progress()
      return await this.#once(asked, (options) => this.#known.send(source, options, limit))
    } finally {
      limit.clear()
    }
  }

  async #putStream(
    source: { readonly bytes: AsyncIterable<Uint8Array>; readonly size?: number },
    options: NamedPut,
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
      await this.#checkName(options, source.size, limit)
      return await this.#uploadStream(first, bytes, source.size, options, limit)
    } finally {
      await bytes.return?.()
    }
  }

  async #uploadStream(
    first: readonly Uint8Array[],
    rest: AsyncIterator<Uint8Array>,
    size: number | undefined,
    { onProgress, ...kept }: NamedPut,
    limit: Deadline,
  ): Promise<PutResult> {
    const { activity, globalPeer } = this.#options
    const hasher = createHasher()
    let doneBytes = 0
    const passing = async function* (): AsyncGenerator<Uint8Array> {
      for await (const part of checkingName(kept.name, chain(first, rest))) {
        await hashInTurns(hasher, part)
        yield part
        doneBytes += part.byteLength
        activity.traffic.sent(globalPeer, part.byteLength)
        onProgress?.({ phase: 'store', doneBytes, totalBytes: size })
      }
    }
    let hashed: Hashed | undefined
    const identity = (): Identity => (hashed ??= hasher.finish())
    const wasThere = this.#options.link.isExpected
    const { isOfSet } = this.#options.link.failover
    const options = { ...this.#options, window: this.#window, wasThere, isOfSet }
    const stream = { bytes: passing(), size, ...keptAs(kept), identity }
    const stored = await sendStream(options, stream, limit)
    return putResult(new Key(identity().digest), { ...stored, size: identity().size })
  }

  /**
   * Refuses a name before the upload, if it is of the other kind, or is fixed and bound to another
   * key; and a Global that knows no tags, which would bind a fixed name (004, R004-3).
   */
  async #checkName(options: NamedPut, size: number | undefined, limit: Deadline): Promise<void> {
    const { name, naming = {} } = keptAs(options)
    if (name === undefined) return
    const { signal } = limit
    const { link, random } = this.#options
    if (naming.tag === true || naming.expiresMs !== undefined) {
      // No value has this key: nothing is bound.
      const value = { digest: random(DIGEST_BYTES), size: size ?? INLINE_VALUE_BYTES + 1 }
      const asked = link.ask({ type: 'offer', ...value, name, naming }, { signal })
      if (naming.tag === true) return void (await asked)
      await asked.catch(isConflict)
    }
    const { found } = await link.ask({ type: 'lookup', name, inline: false }, { signal })
    // The stream is larger than an inline value, so it cannot be that one.
    if (found !== undefined && found.fact.size <= INLINE_VALUE_BYTES) {
      throw new DstoreError('conflict', `the name ${name} is bound to another key`)
    }
  }

  async #putOne(value: Uint8Array, options: NamedPut): Promise<PutResult> {
    checkDigestName(options.name, value)
    return (await this.putSmall([value], options))[0]!
  }

  /** Puts small values in one message; a name only with a single value. */
  async putSmall(
    values: readonly Uint8Array[],
    { operation, ...options }: NamedPut,
  ): Promise<PutResult[]> {
    const { operations } = this.#options
    // Without a name others may join the message: each value has an operation of its own.
    if (options.hold !== undefined) return this.#sendSmall(values, options, {})
    if (operation !== undefined) {
      const as = options.name === undefined ? { operations: [operation] } : { operation }
      return this.#sendSmall(values, options, as)
    }
    const ids = values.map(() => operations.begin())
    try {
      return await this.#sendSmall(values, options, { operations: ids })
    } finally {
      for (const id of ids) operations.end(id)
    }
  }

  #sendSmall(
    values: readonly Uint8Array[],
    { signal, timeoutMs = CALL_TIMEOUT_MS, ...kept }: PutOptions,
    as: Pick<Put, 'operation' | 'operations'>,
  ): Promise<PutResult[]> {
    const digests = values.map((value) => hash(value).digest)
    const request = { type: 'put', values, name: undefined, ...keptAs(kept), ...as } as const
    const ask = (leftMs: number): Promise<PutResult[]> => {
      const options = { digests, timeoutMs: leftMs, ...(signal && { signal }) }
      return this.#options.link.ask(request, options, ({ receipts }, keep) =>
        digests.map((digest, i) => this.#stored(values[i]!, digest, receipts[i], keep)),
      )
    }
    return this.#askAgain(ask, timeoutMs, signal)
  }

  /** `onWritten` is called for each name that may be bound otherwise now. */
  async putNamed(
    items: readonly NamedValue[],
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions,
    onWritten: (name: string) => void,
  ): Promise<PutOutcome[]> {
    const { operations } = this.#options
    const operation = (): Uint8Array => operations.begin()
    const send = async (some: readonly BatchItem[]): Promise<readonly PutOutcome[]> => {
      try {
        return await this.#sendNamed(some, timeoutMs, signal)
      } finally {
        for (const { name, operation: id } of some) {
          if (name !== undefined) onWritten(name)
          if (id !== undefined) operations.end(id)
        }
      }
    }
    return putNamed(items, send, { atOnce: BATCHES_AT_ONCE, operation })
  }

  #sendNamed(
    items: readonly BatchItem[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<PutOutcome[]> {
    const { link } = this.#options
    const digests = items.map(({ value }) => hash(value).digest)
    const ask = (leftMs: number): Promise<PutOutcome[]> => {
      const options = { digests, timeoutMs: leftMs, ...(signal && { signal }) }
      return link.ask({ type: 'put-batch', items }, options, ({ outcomes }, keep) =>
        outcomes.map((one, i) => {
          if ('failure' in one) return { error: errorOf(one.failure) }
          return this.#stored(items[i]!.value, digests[i]!, one.receipt, keep)
        }),
      )
    }
    return this.#askAgain(ask, timeoutMs, signal)
  }

  /** A small value that Global has; `keep`: no removal has overtaken that. */
  #stored(
    value: Uint8Array,
    digest: Uint8Array,
    receipt: Receipt | undefined,
    keep: boolean,
  ): PutResult {
    const stored = checked(receipt, digest)
    const key = new Key(digest)
    const size = value.byteLength
    const range = { start: 0, end: size }
    const entry = keep ? this.#options.cache.admit(key, size, stored.incarnation, range) : undefined
    entry?.write(0, value)
    return putResult(key, { ...stored, size })
  }

  /** Asks Global. If it was there and is lost, asks again for as long as an upload waits for it. */
  async #askAgain<T>(
    ask: (leftMs: number) => Promise<T>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const now = (): number => performance.now()
    const until = now() + timeoutMs
    const wasThere = this.#options.link.isExpected
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

/** Throws `usage` if the name spells a digest that the file does not have. */
async function checkFileName(file: FileSource, { name, signal }: NamedPut): Promise<void> {
  if (name === undefined || !isDigestName(name)) return
  const bytes = file.read({ start: 0, end: file.size! })
  for await (const _ of checkingName(name, bytes)) throwIfCancelled(signal)
  await file.checkUnchanged()
}

/** Any other failure is thrown. */
function isConflict(error: unknown): void {
  if (!(error instanceof DstoreError && error.code === 'conflict')) throw error
}

function putDeadline({ timeoutMs = CALL_TIMEOUT_MS, signal }: CallOptions): Deadline {
  const limit = deadline(timeoutMs, 'Global took nothing more', signal)
  limit.pauseTimer()
  return limit
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
