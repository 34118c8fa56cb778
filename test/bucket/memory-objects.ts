/**
 * A bucket in memory with real conditions, for tests: several clients, faults, delays and doubt on
 * demand. Its state is open to tests, which may damage or delete objects as they like.
 */
import { concat } from '../../src/bytes.ts'
import type {
  GetOptions,
  ListedObject,
  ObjectPage,
  ObjectStore,
  PutOptions,
  PutOutcome,
  RequestCounts,
  UnfinishedUpload,
  UploadedPart,
} from '../../src/bucket/object-store.ts'
import { DstoreError } from '../../src/errors.ts'

/** What a client asks for. */
export interface ObjectRequest {
  readonly verb: Exclude<keyof ObjectStore, 'place' | 'requests' | 'close'>
  /** Of `remove` the first one, of `list` and `unfinished` the prefix. */
  readonly key: string
  /** The name of the client. */
  readonly client: string
}

/**
 * What happens to a request. `lost`: it never arrives, and fails. `late`: it fails, and arrives
 * when `arrive` is called. `unanswered`: it arrives, and fails. `repeated`: it arrives twice, and
 * the second answer is passed on. `silent`: it arrives, and is never answered. `whole`: nothing.
 */
export type Fate = 'whole' | 'lost' | 'late' | 'unanswered' | 'repeated' | 'silent'

/** May wait, to delay the request; may throw, to refuse it. */
export type OnRequest = (request: ObjectRequest) => Fate | void | Promise<Fate | void>

export interface Upload {
  readonly key: string
  readonly parts: Map<number, Uint8Array>
}

/** Keys of a page. */
const PAGE = 1000

export class MemoryBucket {
  /** Every object, as it is now. */
  readonly objects: Map<string, Uint8Array> = new Map()
  /** Unfinished uploads in parts, by id. */
  readonly uploads: Map<string, Upload> = new Map()
  /** Called before each request. */
  onRequest: OnRequest = () => 'whole'
  /** Called before each answer: may wait, to delay it; may throw, to lose it. */
  onAnswer: (request: ObjectRequest) => void | Promise<void> = () => undefined
  /** Does it behave like a bucket that does not know conditions? */
  ignoresConditions = false
  /** The least size of a part that is not the last one. */
  leastPartBytes = 0
  /** Unfinished uploads in one answer. */
  pageUploads = 1000

  readonly #late: (() => unknown)[] = []
  #ids = 0

  /** A client of this bucket, all of whose keys begin with `prefix` there. */
  client(name: string = 'client', prefix: string = ''): ObjectStore {
    return new MemoryObjects(this, name, prefix)
  }

  /** The keys, in bytewise order. */
  keys(prefix: string = ''): string[] {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix))
    return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  /** Requests that were late arrive now, in their order; the first ones with `count`. */
  arrive(count: number = this.#late.length): void {
    for (const carryOut of this.#late.splice(0, count)) {
      try {
        carryOut()
      } catch {
        // Its caller was told long ago that it failed.
      }
    }
  }

  get lateRequests(): number {
    return this.#late.length
  }

  nextId(): string {
    return `upload-${++this.#ids}`
  }

  /** Carries out a request, or whatever its fate makes of it. */
  async serve<T>(request: ObjectRequest, carryOut: () => T): Promise<T> {
    const fate = (await this.onRequest(request)) ?? 'whole'
    const cut = new DstoreError('unreachable', `${request.verb} ${request.key}: ${fate}`)
    if (fate === 'lost') throw cut
    if (fate === 'late') {
      this.#late.push(carryOut)
      throw cut
    }
    const answer = carryOut()
    if (fate === 'unanswered') throw cut
    if (fate === 'silent') return new Promise(() => undefined)
    const last = fate === 'repeated' ? carryOut() : answer
    await this.onAnswer(request)
    return last
  }
}

class MemoryObjects implements ObjectStore {
  readonly place: string
  readonly #bucket: MemoryBucket
  readonly #name: string
  readonly #prefix: string
  readonly #counts = { writes: 0, reads: 0, deletes: 0, failed: 0 }
  readonly #closing = new AbortController()

  constructor(bucket: MemoryBucket, name: string, prefix: string) {
    this.#bucket = bucket
    this.#name = name
    this.#prefix = prefix
    this.place = `s3://memory/${prefix}`
  }

  get requests(): RequestCounts {
    return { ...this.#counts }
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutOutcome> {
    // What is sent is what the memory holds now.
    const bytes = body.slice()
    return this.#ask('writes', 'put', key, options.signal, (): PutOutcome =>
      this.#write(key, bytes, options.ifAbsent === true),
    )
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array | undefined> {
    const { range: { start, end } = { start: 0, end: Infinity } } = options
    return this.#ask('reads', 'get', key, options.signal, () =>
      this.#bucket.objects.get(this.#prefix + key)?.slice(start, end),
    )
  }

  async size(key: string, signal?: AbortSignal): Promise<number | undefined> {
    return this.#ask(
      'reads',
      'size',
      key,
      signal,
      () => this.#bucket.objects.get(this.#prefix + key)?.byteLength,
    )
  }

  async list(prefix: string, after: string = '', signal?: AbortSignal): Promise<ObjectPage> {
    return this.#ask('writes', 'list', prefix, signal, () => {
      const from = Buffer.from(this.#prefix + after)
      const keys = this.#bucket
        .keys(this.#prefix + prefix)
        .filter((key) => after === '' || Buffer.compare(Buffer.from(key), from) > 0)
      const objects = keys.slice(0, PAGE).map((key): ListedObject => {
        const size = this.#bucket.objects.get(key)!.byteLength
        return { key: key.slice(this.#prefix.length), size }
      })
      return { objects, more: keys.length > PAGE }
    })
  }

  async remove(keys: readonly string[], signal?: AbortSignal): Promise<void> {
    if (keys.length === 0) return
    await this.#ask('deletes', 'remove', keys[0]!, signal, () => {
      for (const key of keys) this.#bucket.objects.delete(this.#prefix + key)
    })
  }

  async beginUpload(key: string, signal?: AbortSignal): Promise<string> {
    return this.#ask('writes', 'beginUpload', key, signal, () => {
      const id = this.#bucket.nextId()
      this.#bucket.uploads.set(id, { key: this.#prefix + key, parts: new Map() })
      return id
    })
  }

  async uploadPart(
    upload: UnfinishedUpload,
    number: number,
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<UploadedPart> {
    const bytes = body.slice()
    return this.#ask('writes', 'uploadPart', upload.key, signal, () => {
      this.#upload(upload).parts.set(number, bytes)
      return { number, tag: tagOf(number, bytes) }
    })
  }

  async completeUpload(
    upload: UnfinishedUpload,
    parts: readonly UploadedPart[],
    signal?: AbortSignal,
  ): Promise<PutOutcome> {
    return this.#ask('writes', 'completeUpload', upload.key, signal, () => {
      const { leastPartBytes, objects, uploads } = this.#bucket
      const exists = objects.has(this.#prefix + upload.key)
      // A repeated one, of which the first arrived.
      if (!uploads.has(upload.id) && exists) return 'exists'
      const kept = this.#upload(upload).parts
      const bodies = parts.map(({ number, tag }, i) => {
        const body = kept.get(number)
        const isLast = i === parts.length - 1
        const follows = i === 0 || number > parts[i - 1]!.number
        if (body === undefined || tag !== tagOf(number, body) || !follows) throw mistake(upload)
        if (!isLast && body.byteLength < leastPartBytes) throw mistake(upload)
        return body
      })
      const outcome = this.#write(upload.key, concat(bodies).slice(), true)
      if (outcome === 'written') uploads.delete(upload.id)
      return outcome
    })
  }

  async abortUpload(upload: UnfinishedUpload, signal?: AbortSignal): Promise<void> {
    await this.#ask('deletes', 'abortUpload', upload.key, signal, () =>
      this.#bucket.uploads.delete(upload.id),
    )
  }

  async unfinished(
    prefix: string,
    after?: UnfinishedUpload,
    signal?: AbortSignal,
  ): Promise<readonly UnfinishedUpload[]> {
    const placeOf = ({ key, id }: UnfinishedUpload): string => `${key}\0${id}`
    return this.#ask('writes', 'unfinished', prefix, signal, () =>
      [...this.#bucket.uploads]
        .filter(([, { key }]) => key.startsWith(this.#prefix + prefix))
        .map(([id, { key }]) => ({ id, key: key.slice(this.#prefix.length) }))
        .filter((upload) => after === undefined || placeOf(upload) > placeOf(after))
        .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
        .slice(0, this.#bucket.pageUploads),
    )
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }

  #write(key: string, bytes: Uint8Array, ifAbsent: boolean): PutOutcome {
    const { objects, ignoresConditions } = this.#bucket
    if (ifAbsent && !ignoresConditions && objects.has(this.#prefix + key)) return 'exists'
    objects.set(this.#prefix + key, bytes)
    return 'written'
  }

  #upload(upload: UnfinishedUpload): Upload {
    const found = this.#bucket.uploads.get(upload.id)
    if (found?.key !== this.#prefix + upload.key) throw mistake(upload)
    return found
  }

  async #ask<T>(
    kind: 'writes' | 'reads' | 'deletes',
    verb: ObjectRequest['verb'],
    key: string,
    signal: AbortSignal | undefined,
    carryOut: () => T,
  ): Promise<T> {
    const closed = new DstoreError('unreachable', `${this.place} is closed`)
    if (this.#closing.signal.aborted) throw closed
    signal?.throwIfAborted()
    this.#counts[kind]++
    const request = { verb, key, client: this.#name }
    try {
      const served = this.#bucket.serve(request, carryOut)
      return await cutBy(cutBy(served, this.#closing.signal, closed), signal)
    } catch (error) {
      this.#counts.failed++
      throw error
    }
  }
}

/** The same, or a rejection once the signal is aborted. */
async function cutBy<T>(work: Promise<T>, signal?: AbortSignal, reason?: Error): Promise<T> {
  if (signal === undefined) return work
  let abort!: () => void
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(reason ?? (signal.reason as Error))
  })
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    work.catch(() => undefined)
  }
}

const tagOf = (number: number, { byteLength }: Uint8Array): string => `${number}-${byteLength}`

const mistake = ({ id, key }: UnfinishedUpload): DstoreError =>
  new DstoreError('not-found', `no upload ${id} of ${key} with these parts`)
