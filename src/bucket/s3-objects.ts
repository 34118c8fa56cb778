/** Objects in a bucket of S3, or of a server that speaks its protocol. */
import type { S3Client } from '@aws-sdk/client-s3'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DstoreError } from '../errors.ts'
import { ARCHIVE_PAGE_OBJECTS, ARCHIVE_SILENCE_MS, ARCHIVE_WHOLE_BYTES } from '../limits.ts'
import { AnswerError } from './answers.ts'
import { type CallOptions, Calls } from './calls.ts'
import { bytesOf, pageOf, readObject, tagOf, uploadsOf } from './checked-answers.ts'
import { nameOf, statusOf } from './faults.ts'
import { addMiddleware, Counter } from './middleware.ts'
import type { GetOptions, ObjectPage, ObjectStore, PutOptions } from './object-store.ts'
import type { PutOutcome, RequestCounts, UnfinishedUpload, UploadedPart } from './object-store.ts'
import { checkEndpoint, parsePlace } from './place.ts'
import type { Place } from './place.ts'
import { loadSdk, makeClient } from './sdk.ts'
import type { Credentials, Environment, Sdk } from './sdk.ts'

export interface BucketOptions {
  /** `s3://BUCKET/PREFIX`. */
  readonly place: string
  /** The URL of a server that is not Amazon's. */
  readonly endpoint?: string
  /**
   * The environment of this process: `process.env` itself, which the client reads, too. It has
   * region and credentials, or says which file has them.
   */
  readonly environment: Environment
  /** Instead of those of the environment, for tests. */
  readonly credentials?: Credentials
  /** How long a request may make no progress, and a small one take, in milliseconds. */
  readonly requestMs?: number
  /** How long the bucket may be silent, whatever it is asked, in milliseconds. */
  readonly silenceMs?: number
  /** Loads the client, for tests. */
  readonly load?: () => Promise<Sdk>
}

const REQUEST_MS = 20_000

/** The slowest way that large objects are sent and read by: bytes for each millisecond. */
const LEAST_RATE = 128

/** To complete an upload takes a server longer, as it may copy the parts. */
const COMPLETING = 4

/** Pages without a key, one after another: where versions of many deleted objects are kept. */
const EMPTY_PAGES = 100

/** Tries of a read that broke off, and of a write that met another. */
const TRIES = 5
const PAUSE_MS = 100

/**
 * Opens a place in a bucket. Asks nothing yet: the first call finds out whether it is there.
 * Errors: `usage` for what is no place or endpoint; `unsupported` where the client is missing.
 */
export async function openBucket(options: BucketOptions): Promise<ObjectStore> {
  const { environment, credentials, load } = options
  const { requestMs = REQUEST_MS, silenceMs = ARCHIVE_SILENCE_MS } = options
  const place = parsePlace(options.place)
  const named =
    options.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL']
  const endpoint = named === undefined ? undefined : checkEndpoint(named)
  const sdk = await loadSdk(load)
  const client = await makeClient(sdk, {
    environment,
    requestMs,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
  return new S3Objects(place, sdk, client, { requestMs, silenceMs })
}

class S3Objects implements ObjectStore {
  readonly place: string
  readonly #place: Place
  readonly #sdk: Sdk
  readonly #client: S3Client
  readonly #requestMs: number
  readonly #counter = new Counter()
  readonly #calls: Calls

  constructor(
    place: Place,
    sdk: Sdk,
    client: S3Client,
    { requestMs, silenceMs }: { readonly requestMs: number; readonly silenceMs: number },
  ) {
    this.place = place.text
    this.#place = place
    this.#sdk = sdk
    this.#client = client
    this.#requestMs = requestMs
    const probe = (abortSignal: AbortSignal): Promise<unknown> => {
      const command = new sdk.HeadObjectCommand(this.#object('set.json'))
      return client.send(command, { abortSignal, requestTimeout: requestMs })
    }
    this.#calls = new Calls({ place: place.text, silenceMs, probe })
    addMiddleware(client, this.#counter, this.#calls.signs)
  }

  get requests(): RequestCounts {
    return this.#counter.counts
  }

  put(key: string, body: Uint8Array, { ifAbsent, signal }: PutOptions = {}): Promise<PutOutcome> {
    const condition = ifAbsent === true ? { IfNoneMatch: '*' } : {}
    return this.#write(signal, this.#msFor(body.byteLength), async (options) => {
      const input = { ...this.#object(key), ...condition, Body: body }
      tagOf((await this.#client.send(new this.#sdk.PutObjectCommand(input), options)).ETag)
    })
  }

  get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array | undefined> {
    const most = range === undefined ? ARCHIVE_WHOLE_BYTES : range.end - range.start
    if (most === 0) return this.#emptyOf(key, signal)
    const wanted = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }
    const command = new this.#sdk.GetObjectCommand({ ...this.#object(key), ...wanted })
    const onBytes = (): void => this.#calls.signs.heard()
    return this.#calls.run(signal, this.#msFor(most), async (options) => {
      for (let tries = 1; ; tries++) {
        const answer = await present(this.#client.send(command, options))
        if (answer === undefined || answer === 'beyond') return answer && new Uint8Array(0)
        try {
          return await readObject(answer, { range, most, onBytes })
        } catch (error) {
          if (tries === TRIES || error instanceof AnswerError) throw error
        }
        await sleep(PAUSE_MS * tries, undefined, { signal: options.abortSignal })
      }
    })
  }

  size(key: string, signal?: AbortSignal): Promise<number | undefined> {
    return this.#calls.run(signal, this.#requestMs, async (options) => {
      const command = new this.#sdk.HeadObjectCommand(this.#object(key))
      const answer = await present(this.#client.send(command, options))
      if (answer === undefined || answer === 'beyond') return undefined
      tagOf(answer.ETag)
      return bytesOf(answer.ContentLength)
    })
  }

  list(prefix: string, after?: string, signal?: AbortSignal): Promise<ObjectPage> {
    const begin = this.#place.prefix
    const input = {
      Bucket: this.#place.bucket,
      Prefix: begin + prefix,
      MaxKeys: ARCHIVE_PAGE_OBJECTS,
      ...(after !== undefined && { StartAfter: begin + after }),
    }
    return this.#calls.run(signal, this.#requestMs, async (options) => {
      let token: string | undefined
      for (let pages = 1; ; pages++) {
        const more = token === undefined ? input : { ...input, ContinuationToken: token }
        const answer = await this.#client.send(new this.#sdk.ListObjectsV2Command(more), options)
        const page = pageOf(answer, { begin, prefix, after })
        if (page.objects.length > 0 || !page.more) return page
        if (pages === EMPTY_PAGES) throw new AnswerError('the server lists nothing, and more')
        token = tagOf(answer.NextContinuationToken)
      }
    })
  }

  async remove(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    for (let from = 0; from < keys.length; from += ARCHIVE_PAGE_OBJECTS) {
      const some = keys.slice(from, from + ARCHIVE_PAGE_OBJECTS)
      await this.#calls.run(signal, this.#requestMs, async (options) => {
        if (some.length === 1) {
          const command = new this.#sdk.DeleteObjectCommand(this.#object(some[0]!))
          await this.#client.send(command, options)
        } else await this.#removeSome(some, options)
      })
    }
  }

  beginUpload(key: string, signal?: AbortSignal): Promise<string> {
    return this.#calls.run(signal, this.#requestMs, async (options) => {
      const command = new this.#sdk.CreateMultipartUploadCommand(this.#object(key))
      return tagOf((await this.#client.send(command, options)).UploadId)
    })
  }

  uploadPart(
    upload: UnfinishedUpload,
    number: number,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<UploadedPart> {
    const input = { ...this.#upload(upload), PartNumber: number, Body: body }
    return this.#calls.run(signal, this.#msFor(body.byteLength), async (options) => {
      const answer = await this.#client.send(new this.#sdk.UploadPartCommand(input), options)
      return { number, tag: tagOf(answer.ETag) }
    })
  }

  async completeUpload(
    upload: UnfinishedUpload,
    parts: readonly UploadedPart[],
    signal?: AbortSignal,
  ): Promise<PutOutcome> {
    const Parts = parts.map(({ number, tag }) => ({ PartNumber: number, ETag: tag }))
    const input = { ...this.#upload(upload), MultipartUpload: { Parts }, IfNoneMatch: '*' }
    try {
      return await this.#write(
        signal,
        COMPLETING * this.#requestMs * LEAST_RATE,
        async (options) => {
          const command = new this.#sdk.CompleteMultipartUploadCommand(input)
          tagOf((await this.#client.send(command, options)).ETag)
        },
      )
    } catch (error) {
      // An answer may have been lost: then the upload is gone, because it is complete.
      const { code } = error as DstoreError
      if (code === 'not-found' && (await this.size(upload.key, signal)) !== undefined) {
        return 'exists'
      }
      throw error
    }
  }

  abortUpload(upload: UnfinishedUpload, signal?: AbortSignal): Promise<void> {
    return this.#calls.run(signal, this.#requestMs, async (options) => {
      try {
        const command = new this.#sdk.AbortMultipartUploadCommand(this.#upload(upload))
        await this.#client.send(command, options)
      } catch (error) {
        if (nameOf(error) !== 'NoSuchUpload') throw error
      }
    })
  }

  unfinished(
    prefix: string,
    after?: UnfinishedUpload,
    signal?: AbortSignal,
  ): Promise<readonly UnfinishedUpload[]> {
    const { bucket: Bucket, prefix: begin } = this.#place
    const page = { Bucket, Prefix: begin + prefix, MaxUploads: ARCHIVE_PAGE_OBJECTS }
    const input = after ? { ...page, KeyMarker: begin + after.key, UploadIdMarker: after.id } : page
    return this.#calls.run(signal, this.#requestMs, async (options) => {
      const command = new this.#sdk.ListMultipartUploadsCommand(input)
      const answer = await this.#client.send(command, options)
      return uploadsOf(answer, begin, prefix)
    })
  }

  async close(): Promise<void> {
    this.#calls.close()
    this.#client.destroy()
  }

  async #emptyOf(key: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    const size = await this.size(key, signal)
    return size === undefined ? undefined : new Uint8Array(0)
  }

  async #removeSome(keys: readonly string[], options: CallOptions): Promise<void> {
    const Objects = keys.map((key) => ({ Key: this.#place.prefix + key }))
    const input = { Bucket: this.#place.bucket, Delete: { Objects, Quiet: true } }
    const answer = await this.#client.send(new this.#sdk.DeleteObjectsCommand(input), options)
    const failed = (answer.Errors ?? []).find(({ Code }) => Code !== 'NoSuchKey')
    if (failed !== undefined) throw Object.assign(new Error('not deleted'), { name: failed.Code })
  }

  /** Writes something, and says whether it was there. A conflict with another is tried again. */
  #write(
    signal: AbortSignal | undefined,
    requestTimeout: number,
    write: (options: CallOptions) => Promise<void>,
  ): Promise<PutOutcome> {
    return this.#calls.run(signal, requestTimeout, async (options) => {
      for (let tries = 1; ; tries++) {
        try {
          await write(options)
          return 'written'
        } catch (error) {
          if (nameOf(error) === 'PreconditionFailed' || statusOf(error) === 412) return 'exists'
          const isConflict = nameOf(error) === 'ConditionalRequestConflict'
          if (!isConflict || tries === TRIES) throw error
        }
        await sleep(PAUSE_MS * tries, undefined, { signal: options.abortSignal })
      }
    })
  }

  /** How long a request with these bytes may take, in milliseconds. */
  #msFor(bytes: number): number {
    return this.#requestMs + Math.ceil(bytes / LEAST_RATE)
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + key }
  }

  #upload({ key, id }: UnfinishedUpload): {
    readonly Bucket: string
    readonly Key: string
    readonly UploadId: string
  } {
    return { ...this.#object(key), UploadId: id }
  }
}

/** The answer; undefined if there is no such object, `beyond` if the range begins after its end. */
async function present<T>(answer: Promise<T>): Promise<T | 'beyond' | undefined> {
  try {
    return await answer
  } catch (error) {
    if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return undefined
    if (statusOf(error) === 416) return 'beyond'
    throw error
  }
}
