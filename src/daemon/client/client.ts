/**
 * The client end of the daemon's API: a method for each call. The command line is made of it, so it must load fast
 * (specs/007-daemon-and-command-line.md, "HTTP API").
 */
import type { IncomingMessage } from 'node:http'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { BATCH_ITEMS, HTTP_BATCH_BYTES, HTTP_JSON_BYTES } from '../../limits.ts'
import type { InviteOptions, Progress, RangeRequest } from '../../node/node.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { changes, json, lines, pieces, result } from './response.ts'
import type { Patience } from './response.ts'
import { KEY_HEADER, SIZES_HEADER, SIZE_HEADER } from '../api/api.ts'
import type {
  AdmitAnswer,
  ChangeLine,
  EvictAnswer,
  ExpelAnswer,
  FactsAnswer,
  InviteAnswer,
  KeyLine,
  MemberLine,
  NameAnswer,
  NameLine,
  PutAnswer,
  RemoveAnswer,
  StatusAnswer,
  VerifyLine,
  UnbindAnswer,
} from '../api/api.ts'
import { HttpClient } from './http-client.ts'
import type { ClientOptions, Sent } from './http-client.ts'

export interface FetchedValue {
  readonly key: string
  readonly size: number
  /** What of the value `bytes` gives. */
  readonly range: ByteRange
  /** The bytes in order; they end early only with an error. */
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Was a daemon kept from reading a file that its client may read, and send, itself (R007-25)? */
export function isForClient(error: unknown): boolean {
  const { code } = asDstoreError(error)
  return code === 'unreadable' || code === 'not-permitted'
}

type OnProgress = (progress: Progress) => void

/** A connection to one daemon. Every call rejects with the `DstoreError` that the daemon gave. */
export class Client {
  readonly #caller: HttpClient
  readonly #patience: Patience

  private constructor(caller: HttpClient) {
    this.#caller = caller
    this.#patience = caller.patience
  }

  /** Connect to the daemon on this socket; undefined where there is none. */
  static async connect(socket: string, options: ClientOptions = {}): Promise<Client | undefined> {
    const caller = await HttpClient.connect(socket, options)
    return caller && new Client(caller)
  }

  close(): void {
    this.#caller.close()
  }

  /** The same connection, for calls with bounds of their own. It ends with the client that it comes from. */
  with(options: ClientOptions): Client {
    return new Client(this.#caller.with(options))
  }

  /** Store the bytes, pulled no faster than the daemon takes them; bind the name in the same change. */
  async putBytes(
    bytes: AsyncIterable<Uint8Array>,
    size?: number,
    name?: string,
  ): Promise<PutAnswer> {
    const headers = size === undefined ? {} : { 'Content-Length': size }
    const sent = { headers, bytes, query: { name } }
    return json(await this.#caller.call('POST', '/v1/values', sent), this.#patience)
  }

  /** Store a file that the daemon reads itself. `path` is absolute. */
  async putFile(path: string, onProgress?: OnProgress, name?: string): Promise<PutAnswer> {
    const body = JSON.stringify({ path, name })
    return result(
      await this.#caller.call('POST', '/v1/files', { body }),
      this.#patience,
      onProgress,
    )
  }

  /** Store values of at most `INLINE_VALUE_BYTES` each, many in one message; answers in the same order. */
  async putMany(values: readonly Uint8Array[]): Promise<PutAnswer[]> {
    const answers: PutAnswer[] = []
    for (const batch of runsOf(values, ({ byteLength }) => byteLength, HTTP_BATCH_BYTES)) {
      const headers = { [SIZES_HEADER]: batch.map(({ byteLength }) => byteLength).join(',') }
      const body = Buffer.concat(batch)
      const sent = { headers: { ...TRAILERS, ...headers }, body }
      const response = await this.#caller.call('POST', '/v1/batch', sent)
      for await (const line of lines(response, this.#patience)) {
        answers.push(JSON.parse(line) as PutAnswer)
      }
    }
    return answers
  }

  /** A value by its key or by a name. Its bytes are under way: whoever does not want them leaves the loop at once. */
  async get(word: string, range?: RangeRequest): Promise<FetchedValue> {
    const wanted = range === undefined ? {} : { Range: rangeHeader(range) }
    const response = await this.#caller.call('GET', value(word), {
      headers: { ...TRAILERS, ...wanted },
    })
    const key = String(response.headers[KEY_HEADER])
    const size = Number(response.headers[SIZE_HEADER])
    const part = /^bytes (\d+)-(\d+)\//.exec(response.headers['content-range'] ?? '')
    const extent =
      part === null ? { start: 0, end: size } : { start: Number(part[1]), end: Number(part[2]) + 1 }
    const bytes = this.#exactly(extent.end - extent.start, response)
    return { key, size, range: extent, bytes: leaving(bytes, () => response.destroy()) }
  }

  async facts(word: string): Promise<FactsAnswer> {
    return json(await this.#caller.call('GET', `${value(word)}/facts`), this.#patience)
  }

  /** The same for many words, in few messages, in the same order; undefined where there is nothing. */
  async factsMany(words: readonly string[]): Promise<(FactsAnswer | undefined)[]> {
    const answers: (FactsAnswer | undefined)[] = []
    for (const keys of runsOf(words, jsonBytes, HTTP_JSON_BYTES - 64)) {
      const body = JSON.stringify({ keys })
      const response = await this.#caller.call('POST', '/v1/facts', { body, headers: TRAILERS })
      for await (const line of lines(response, this.#patience)) {
        answers.push((JSON.parse(line) as FactsAnswer | null) ?? undefined)
      }
    }
    return answers
  }

  /** Remove a value everywhere; `force` where it has names, too. */
  remove(key: string, force = false): Promise<RemoveAnswer> {
    return this.#removal(value(key), { force: force ? '1' : undefined })
  }

  /** What a name stands for; `not-found` where it is not bound. */
  async lookup(name: string): Promise<NameAnswer> {
    return json(await this.#caller.call('GET', named(name)), this.#patience)
  }

  /** Bind a name to a key, for good; `conflict` where it is bound to another. */
  async bind(name: string, key: string): Promise<NameAnswer> {
    const body = JSON.stringify({ key })
    return json(await this.#caller.call('PUT', named(name), { body }), this.#patience)
  }

  /** Unbind a name. Its value goes with its last name, unless it is to be kept. */
  unbind(name: string, keepValue = false): Promise<UnbindAnswer> {
    return this.#removal(named(name), { keep: keepValue ? '1' : undefined })
  }

  /** Every name that begins with `prefix`. */
  async *names(prefix?: string): AsyncGenerator<NameLine> {
    const sent = { headers: TRAILERS, query: { prefix } }
    const response = await this.#caller.call('GET', '/v1/names', sent)
    for await (const line of lines(response, this.#patience)) yield JSON.parse(line) as NameLine
  }

  /** Every change after a position, or from now on, as it happens; ends only with an error or the caller's leave. */
  async *watch(
    after?: string,
    onStart?: (position: string) => void,
  ): AsyncGenerator<ChangeLine, void, undefined> {
    const headers = after === undefined ? {} : { 'Last-Event-ID': after }
    const response = await this.#caller.call('GET', '/v1/changes', { headers })
    yield* changes(response, this.#patience, onStart)
  }

  /** A ticket. */
  async invite(options: Omit<InviteOptions, 'signal'> = {}): Promise<InviteAnswer> {
    const body = JSON.stringify(options)
    return json(await this.#caller.call('POST', '/v1/invitations', { body }), this.#patience)
  }

  async *members(): AsyncGenerator<MemberLine> {
    const response = await this.#caller.call('GET', '/v1/members', { headers: TRAILERS })
    for await (const line of lines(response, this.#patience)) yield JSON.parse(line) as MemberLine
  }

  /** Let a peer be a member, or give it another role. */
  async admit(peer: string, role: string): Promise<AdmitAnswer> {
    const body = JSON.stringify({ role })
    return json(await this.#caller.call('PUT', member(peer), { body }), this.#patience)
  }

  /** Let a member be one no more. */
  expel(peer: string): Promise<ExpelAnswer> {
    return this.#removal(member(peer), {})
  }

  async prefetch(word: string, onProgress?: OnProgress): Promise<{ readonly key: string }> {
    return result(
      await this.#caller.call('POST', `${value(word)}/prefetch`),
      this.#patience,
      onProgress,
    )
  }

  async evict(word: string): Promise<EvictAnswer> {
    return json(await this.#caller.call('POST', `${value(word)}/evict`), this.#patience)
  }

  async *keys(): AsyncGenerator<KeyLine> {
    const response = await this.#caller.call('GET', '/v1/keys', { headers: TRAILERS })
    for await (const line of lines(response, this.#patience)) yield JSON.parse(line) as KeyLine
  }

  /** Read back everything that the node keeps. */
  async *verify(repair: boolean): AsyncGenerator<VerifyLine> {
    const sent = { headers: TRAILERS, query: { repair: repair ? '1' : undefined } }
    const response = await this.#caller.call('POST', '/v1/verify', sent)
    for await (const line of lines(response, this.#patience)) {
      const told = JSON.parse(line) as VerifyLine
      yield told
      if (told.event === 'done') return
    }
    throw new DstoreError('unreachable', 'the daemon ended before it had read everything')
  }

  async status(): Promise<StatusAnswer> {
    return json(await this.#caller.call('GET', '/v1/status'), this.#patience)
  }

  /** Ask the daemon to stop, and wait until its process is gone. */
  async stop(): Promise<void> {
    const response = await this.#caller.call('POST', '/v1/stop')
    // However the connection ends, it ends with the process.
    response.on('error', () => undefined)
    response.resume()
    await new Promise((resolve) => response.once('close', resolve))
  }

  /** A removal: the daemon shows that it still waits for Locals, for as long as the node finds right. */
  async #removal<Answer>(path: string, query: NonNullable<Sent['query']>): Promise<Answer> {
    return json(await this.#caller.call('DELETE', path, { query }), this.#patience)
  }

  async *#exactly(length: number, response: IncomingMessage): AsyncGenerator<Uint8Array> {
    let left = length
    for await (const piece of pieces(response, this.#patience)) {
      left -= piece.byteLength
      yield piece
    }
    if (left !== 0)
      throw new DstoreError('protocol', `the daemon sent ${length - left} bytes of ${length}`)
  }
}

const TRAILERS = { TE: 'trailers' } as const

function value(key: string): string {
  return `/v1/values/${encodeURIComponent(key)}`
}

const member = (peer: string): string => `/v1/members/${encodeURIComponent(peer)}`

function named(name: string): string {
  if (/\p{Cs}/u.test(name)) throw new DstoreError('usage', 'not a name: it is not Unicode')
  return `/v1/names/${encodeURIComponent(name)}`
}

/** What a text adds to a list in JSON. */
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) + 1

/** As many items, run after run, as one request may carry: at most `mostBytes` together, but at least one. */
function* runsOf<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  mostBytes: number,
): Generator<readonly T[]> {
  for (let at = 0; at < items.length;) {
    let to = at
    for (let bytes = 0; to < items.length && to - at < BATCH_ITEMS; to++) {
      bytes += sizeOf(items[to]!)
      if (bytes > mostBytes && to > at) break
    }
    yield items.slice(at, to)
    at = to
  }
}

/** The same, whose reader may leave before he has begun: a generator would not notice. */
function leaving<T>(items: AsyncGenerator<T>, leave: () => void): AsyncIterable<T> {
  const stop = async (): Promise<IteratorResult<T>> => {
    leave()
    return items.return(undefined)
  }
  return { [Symbol.asyncIterator]: () => ({ next: () => items.next(), return: stop }) }
}

function rangeHeader(range: RangeRequest): string {
  if ('last' in range) return `bytes=-${range.last}`
  return `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`
}
