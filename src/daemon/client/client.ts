/**
 * The client of the daemon's API: a method for each call (specs/007, "HTTP API"). The command line
 * is built on it, so it must load fast.
 */
import { DstoreError } from '../../errors.ts'
import { HTTP_JSON_BYTES } from '../../limits.ts'
import { batchesOf } from '../../node/calls/batches.ts'
import type {
  InviteOptions,
  PrefetchOptions,
  Progress,
  RangeRequest,
  VerifyOptions,
  NamedValue,
} from '../../node/node.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { FileIdentity } from '../../store/file/file-identity.ts'
import { documents, json, result, type DaemonResponse } from './response.ts'
import { KEY_HEADER, SIZE_HEADER } from '../api/api.ts'
import type {
  AdmitAnswer,
  ChangeLine,
  DropAnswer,
  EvictAnswer,
  ExpelAnswer,
  FactsAnswer,
  InactiveValueAnswer,
  InviteAnswer,
  KeyLine,
  MemberLine,
  NameAnswer,
  NameLine,
  OutcomeLine,
  PutAnswer,
  RemoveAnswer,
  StatusAnswer,
  UploadLine,
  VerifyLine,
  UnbindAnswer,
} from '../api/api.ts'
import { HttpClient, type RequestParts } from './http-client.ts'
import type { ClientOptions } from './client-options.ts'
import { EventClient } from './events/event-client.ts'
import { ListClient, type NamesQuery } from './lists/list-client.ts'
import { RuleClient } from './names/rule-client.ts'
import { TagClient } from './names/tag-client.ts'
import { bindBody, putFields, putQuery, type PutKeeper, type Terms } from './names/terms.ts'
import { putMany, putNamed } from './names/batches.ts'
import { PinClient } from './pins/pin-client.ts'
import { SessionClient } from './session/session-client.ts'
import { SetClient } from './set/set-client.ts'
import { TokenClient } from './tokens/token-client.ts'
import { TreeClient } from './tree-client.ts'
import { valueBody } from './value-body.ts'
import { checkRangeOfEmpty, rangeGiven, rangeHeader, segment, valuePath } from './value-path.ts'

export interface FetchedValue {
  readonly key: string
  readonly size: number
  /** The part that `bytes` gives. */
  readonly range: ByteRange
  /** The bytes in order; they end early only with an error. Leave the loop at once to drop them. */
  readonly bytes: AsyncIterable<Uint8Array>
}

type OnProgress = (progress: Progress) => void

/** A connection to one daemon. Every call rejects with the `DstoreError` that the daemon sent. */
export class Client {
  /** Path of the daemon's socket. */
  readonly socket: string
  readonly #http: HttpClient
  /** Options of each call that does not set them. */
  readonly #defaults: ClientOptions

  private constructor(socket: string, http: HttpClient, defaults: ClientOptions = {}) {
    this.socket = socket
    this.#http = http
    this.#defaults = defaults
  }

  /** Connects to the daemon on this socket; undefined if none serves it. */
  static async connect(socket: string, options: ClientOptions = {}): Promise<Client | undefined> {
    const http = await HttpClient.connect(socket, options)
    return http && new Client(socket, http)
  }

  close(): void {
    this.#http.close()
  }

  /** The same connections for calls with other options. They close with the original client. */
  with(options: ClientOptions): Client {
    const http = this.#http.with({ ...this.#defaults, ...options })
    return new Client(this.socket, http, this.#defaults)
  }

  /** The same connections, for calls that have these options unless `with` sets others. */
  withDefaults(options: ClientOptions): Client {
    return new Client(this.socket, this.#http.with(options), options)
  }

  get trees(): TreeClient {
    return new TreeClient(this.#http)
  }

  /** Lists of keys and names. */
  get lists(): ListClient {
    return new ListClient(this.#http)
  }

  get events(): EventClient {
    return new EventClient(this.#http)
  }

  get tags(): TagClient {
    return new TagClient(this.#http)
  }

  get rules(): RuleClient {
    return new RuleClient(this.#http)
  }

  get pins(): PinClient {
    return new PinClient(this.#http)
  }

  /** The calls about the set that the node is a member of. */
  get set(): SetClient {
    return new SetClient(this.#http)
  }

  /** The calls about sessions of the page. */
  get sessions(): SessionClient {
    return new SessionClient(this.#http)
  }

  /** The calls about tokens of the API over TCP. */
  get tokens(): TokenClient {
    return new TokenClient(this.#http)
  }

  /** Stores the bytes, read as fast as the daemon takes them; binds the name in the same change. */
  putBytes(
    bytes: AsyncIterable<Uint8Array>,
    size?: number,
    { name, naming, hold }: PutKeeper = {},
  ): Promise<PutAnswer> {
    const headers = size === undefined ? {} : { 'Content-Length': size }
    const query = { name, hold, ...putQuery(naming) }
    return this.#json('POST', '/v1/values', { headers, bytes, query })
  }

  /**
   * Stores a file that the daemon reads itself. `path` is absolute. Errors: `unreadable` if it
   * leads the daemon to another file than to the caller (R007-92).
   */
  async putPath(
    path: string,
    { device, inode, size }: FileIdentity,
    onProgress?: OnProgress,
    { name, naming, hold }: PutKeeper = {},
  ): Promise<PutAnswer> {
    const identity = { device: String(device), inode: String(inode), size: Number(size) }
    const body = JSON.stringify({ path, name, ...putFields(naming), hold, ...identity })
    return result(await this.#http.call('POST', '/v1/files', { body, ...STREAM }), onProgress)
  }

  /** Stores values of at most `INLINE_VALUE_BYTES` each in few requests; results in that order. */
  putMany(values: readonly Uint8Array[], hold?: string): Promise<PutAnswer[]> {
    return putMany(this.#http, values, hold)
  }

  /** The same, each under a name of its own or without one; outcomes in that order. */
  putNamed(items: readonly NamedValue[]): Promise<OutcomeLine[]> {
    return putNamed(this.#http, items)
  }

  /** A value, or a range of it, by its key or a name. The daemon starts to send at once. */
  async get(keyOrName: string, range?: RangeRequest): Promise<FetchedValue> {
    const response = await this.#http.call('GET', valuePath(keyOrName), {
      headers: { ...TRAILERS, ...(range && { Range: rangeHeader(range) }) },
    })
    const { headers } = response.message
    const key = String(headers[KEY_HEADER])
    const size = Number(headers[SIZE_HEADER])
    if (range !== undefined && size === 0) response.message.resume()
    checkRangeOfEmpty(range, size)
    const extent = rangeGiven(headers['content-range'], size)
    const reopen = (): Promise<DaemonResponse> =>
      this.#http.call('GET', valuePath(key), {
        headers: { ...TRAILERS, Range: rangeHeader(extent) },
        response: 'late stream',
      })
    const bytes = await valueBody(response, extent.end - extent.start, reopen)
    return { key, size, range: extent, bytes }
  }

  async facts(keyOrName: string): Promise<FactsAnswer> {
    return this.#json('GET', `${valuePath(keyOrName)}/facts`)
  }

  /** `facts` of many in few requests, in the same order; undefined for each that is absent. */
  async factsMany(keysOrNames: readonly string[]): Promise<(FactsAnswer | undefined)[]> {
    const answers: (FactsAnswer | undefined)[] = []
    for (const keys of batchesOf(keysOrNames, jsonBytes, HTTP_JSON_BYTES - 64)) {
      const body = JSON.stringify({ keys })
      const parts = { body, ...REPEATABLE }
      for await (const facts of this.#lines<FactsAnswer | null>('POST', '/v1/facts', parts)) {
        answers.push(facts ?? undefined)
      }
    }
    return answers
  }

  /** Removes a value everywhere; one with names needs `force`. */
  async remove(key: string, force = false): Promise<RemoveAnswer> {
    return this.#json('DELETE', valuePath(key), { query: { force: force ? '1' : undefined } })
  }

  /** The value that a name is bound to, with `fresh` by Global; `not-found` if it is not bound. */
  async lookup(name: string, fresh = false): Promise<NameAnswer> {
    return this.#json('GET', namePath(name), { query: { fresh: fresh ? '1' : undefined } })
  }

  /** Binds a write-once name; `conflict` if it is bound to another key. */
  async bind(name: string, key: string, terms: Omit<Terms, 'kind'> = {}): Promise<NameAnswer> {
    return this.#json('PUT', namePath(name), { body: bindBody(key, terms), ...REPEATABLE })
  }

  /** Unbinds a name. The value is removed with its last name, unless `keepValue` is set. */
  async unbind(name: string, keepValue = false): Promise<UnbindAnswer> {
    return this.#json('DELETE', namePath(name), { query: { keep: keepValue ? '1' : undefined } })
  }

  /** Every name that begins with `prefix`. */
  names(prefix?: string, query: NamesQuery = {}): AsyncGenerator<NameLine> {
    return this.lists.names(prefix, query)
  }

  /** Every change after a position (default: from now on), until an error or the caller ends it. */
  watch(after?: string, onStart?: (position: string) => void): AsyncGenerator<ChangeLine> {
    return this.events.changes(after, onStart)
  }

  /** Creates a ticket. */
  invite(options: Omit<InviteOptions, 'signal'> = {}): Promise<InviteAnswer> {
    return this.#json('POST', '/v1/invitations', { body: JSON.stringify(options) })
  }

  members(): AsyncGenerator<MemberLine> {
    return this.#lines('GET', '/v1/members', STREAM)
  }

  /** Admits a peer, or changes the role of a member. */
  async admit(peer: string, role: string): Promise<AdmitAnswer> {
    return this.#json('PUT', memberPath(peer), { body: JSON.stringify({ role }) })
  }

  async expel(peer: string): Promise<ExpelAnswer> {
    return this.#json('DELETE', memberPath(peer))
  }

  async prefetch(
    keyOrName: string,
    onProgress?: OnProgress,
    { maxRate, rateGroup }: Pick<PrefetchOptions, 'maxRate' | 'rateGroup'> = {},
  ): Promise<{ readonly key: string }> {
    const path = `${valuePath(keyOrName)}/prefetch`
    const query = { 'max-rate': maxRate?.toString(), 'rate-group': rateGroup }
    const parts = { query, ...STREAM, ...REPEATABLE }
    return result(await this.#http.call('POST', path, parts), onProgress)
  }

  async evict(keyOrName: string): Promise<EvictAnswer> {
    return this.#json('POST', `${valuePath(keyOrName)}/evict`)
  }

  keys(): AsyncGenerator<KeyLine> {
    return this.lists.keys()
  }

  /** Verifies every value that the node keeps; ends with a `done` line. */
  async *verify({ repair, counts }: Omit<VerifyOptions, 'signal'>): AsyncGenerator<VerifyLine> {
    const flag = (isSet = false): '1' | undefined => (isSet ? '1' : undefined)
    const query = { repair: flag(repair), counts: flag(counts) }
    const parts = { query, ...STREAM }
    for await (const line of this.#lines<VerifyLine>('POST', '/v1/verify', parts)) {
      yield line
      if (line.event === 'done') return
    }
    throw new DstoreError('unreachable', 'the daemon ended before it had verified everything')
  }

  /** Uploads the inactive store of a Local to Global; ends with a `done` line. */
  async *uploadInactive(): AsyncGenerator<UploadLine> {
    for await (const line of this.#lines<UploadLine>('POST', '/v1/inactive-store/upload', STREAM)) {
      yield line
      if (line.event === 'done') return
    }
    throw new DstoreError('unreachable', 'the daemon ended before it had uploaded everything')
  }

  /** A value of the inactive store by its key or a name; undefined if there is none. */
  async findInactive(keyOrName: string): Promise<InactiveValueAnswer | undefined> {
    try {
      return await this.#json('GET', `/v1/inactive-store/values/${segment(keyOrName)}`)
    } catch (error) {
      if (error instanceof DstoreError && error.code === 'not-found') return undefined
      throw error
    }
  }

  /** Deletes the inactive store; returns what was in it. */
  dropInactive(force = false): Promise<DropAnswer> {
    return this.#json('DELETE', '/v1/inactive-store', { query: { force: force ? '1' : undefined } })
  }

  status(): Promise<StatusAnswer> {
    return this.#json('GET', '/v1/status')
  }

  /** Asks the daemon to stop, and waits until its process has ended. */
  async stop(): Promise<void> {
    const { message } = await this.#http.call('POST', '/v1/stop')
    // However the connection ends, it ends with the process.
    message.on('error', () => undefined)
    message.resume()
    await new Promise((resolve) => message.once('close', resolve))
  }

  async #json<Answer>(method: string, path: string, sent?: RequestParts): Promise<Answer> {
    return json(await this.#http.call(method, path, sent))
  }

  async *#lines<Line>(method: string, path: string, sent: RequestParts = {}): AsyncGenerator<Line> {
    const headers = { ...TRAILERS, ...sent.headers }
    yield* documents<Line>(await this.#http.call(method, path, { ...sent, headers }))
  }
}

const STREAM = { response: 'stream' } as const
const REPEATABLE = { isRepeatable: true } as const
const TRAILERS = { TE: 'trailers' } as const

const memberPath = (peer: string): string => `/v1/members/${segment(peer)}`
const namePath = (name: string): string => `/v1/names/${segment(name)}`

/** Bytes that a string adds to a list in JSON. */
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) + 1
