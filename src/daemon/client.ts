/**
 * The client end of the daemon's API. The command line is made of it, so it must load fast: node:http and nothing else
 * (specs/007, "HTTP API").
 */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { DstoreError } from '../errors.ts'
import { CALL_TIMEOUT_MS } from '../limits.ts'
import type { Progress, RangeRequest } from '../node/node.ts'
import type { ByteRange } from '../hash/tree.ts'
import { connectionFault, json, lines, pieces, result, stuck, text } from './answer.ts'
import type { Patience } from './answer.ts'
import { SIZE_HEADER } from './api.ts'
import type {
  EvictAnswer,
  FactsAnswer,
  KeyLine,
  PutAnswer,
  RemoveAnswer,
  StatusAnswer,
  VerifyLine,
} from './api.ts'
import { connectTo } from './connection.ts'
import { parseProblem } from './problem.ts'

/** The daemon itself ends a call without progress; the client waits this much longer for it to say so. */
const GRACE_MS = 5_000

export interface ClientOptions {
  /** Time without progress after which a call fails with `timeout`, in milliseconds. */
  readonly timeoutMs?: number
  /** Ends every call with `cancelled`. */
  readonly signal?: AbortSignal
}

export interface FetchedValue {
  readonly size: number
  /** What of the value `bytes` gives. */
  readonly range: ByteRange
  /** The bytes in order; they end early only with an error. */
  readonly bytes: AsyncIterable<Uint8Array>
}

type OnProgress = (progress: Progress) => void

interface Sent {
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string
  readonly query?: string
  readonly bytes?: AsyncIterable<Uint8Array>
}

/** A connection to one daemon. Every call rejects with the `DstoreError` that the daemon gave. */
export class Client {
  readonly #agent: Agent
  readonly #timeoutMs: number
  readonly #patience: Patience

  private constructor(agent: Agent, { timeoutMs = CALL_TIMEOUT_MS, signal }: ClientOptions) {
    this.#agent = agent
    this.#timeoutMs = timeoutMs
    this.#patience = { idleMs: timeoutMs + GRACE_MS, signal }
  }

  /** Connect to the daemon on this socket; undefined where there is none. */
  static async connect(socket: string, options: ClientOptions = {}): Promise<Client | undefined> {
    let first = await connectTo(socket)
    if (first === undefined) return undefined
    // No bound on sockets: a value that its caller has not read yet must not hold up the next call.
    const agent = new Agent({ keepAlive: true })
    agent.createConnection = (_, ready) => {
      const connection = first
      first = undefined
      if (connection !== undefined) return connection
      const failed = (error: Error): void => ready?.(error, undefined as never)
      void connectTo(socket).then(
        (next) => (next === undefined ? failed(gone()) : ready?.(null, next)),
        failed,
      )
      return undefined
    }
    return new Client(agent, options)
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Store the bytes, pulled no faster than the daemon takes them. */
  async putBytes(bytes: AsyncIterable<Uint8Array>, size?: number): Promise<PutAnswer> {
    const headers = size === undefined ? {} : { 'Content-Length': size }
    return json(await this.#call('POST', '/v1/values', { headers, bytes }), this.#patience)
  }

  /** Store a file that the daemon reads itself. `path` is absolute. */
  async putFile(path: string, onProgress?: OnProgress): Promise<PutAnswer> {
    const body = JSON.stringify({ path })
    return result(await this.#call('POST', '/v1/files', { body }), this.#patience, onProgress)
  }

  async get(key: string, range?: RangeRequest): Promise<FetchedValue> {
    const wanted = range === undefined ? {} : { Range: rangeHeader(range) }
    const response = await this.#call('GET', value(key), { headers: { TE: 'trailers', ...wanted } })
    const size = Number(response.headers[SIZE_HEADER])
    const part = /^bytes (\d+)-(\d+)\//.exec(response.headers['content-range'] ?? '')
    const extent =
      part === null ? { start: 0, end: size } : { start: Number(part[1]), end: Number(part[2]) + 1 }
    return { size, range: extent, bytes: this.#exactly(extent.end - extent.start, response) }
  }

  async facts(key: string): Promise<FactsAnswer> {
    return json(await this.#call('GET', `${value(key)}/facts`), this.#patience)
  }

  /** Remove a value everywhere; `force` where it has names, too. The time-out bounds the whole call. */
  async remove(key: string, force = false): Promise<RemoveAnswer> {
    return json(
      await this.#call('DELETE', value(key), { query: force ? '&force=1' : '' }),
      this.#patience,
    )
  }

  async prefetch(key: string, onProgress?: OnProgress): Promise<{ readonly key: string }> {
    return result(await this.#call('POST', `${value(key)}/prefetch`), this.#patience, onProgress)
  }

  async evict(key: string): Promise<EvictAnswer> {
    return json(await this.#call('POST', `${value(key)}/evict`), this.#patience)
  }

  async *keys(): AsyncGenerator<KeyLine> {
    const response = await this.#call('GET', '/v1/keys', { headers: { TE: 'trailers' } })
    for await (const line of lines(response, this.#patience)) yield JSON.parse(line) as KeyLine
  }

  /** Read back everything that the node keeps. */
  async *verify(repair: boolean): AsyncGenerator<VerifyLine> {
    const sent = { headers: { TE: 'trailers' }, ...(repair && { query: '&repair=1' }) }
    const response = await this.#call('POST', '/v1/verify', sent)
    for await (const line of lines(response, this.#patience)) {
      const told = JSON.parse(line) as VerifyLine
      yield told
      if (told.event === 'done') return
    }
    throw new DstoreError('unreachable', 'the daemon ended before it had read everything')
  }

  async status(): Promise<StatusAnswer> {
    return json(await this.#call('GET', '/v1/status'), this.#patience)
  }

  /** Ask the daemon to stop, and wait until its process is gone. */
  async stop(): Promise<void> {
    const response = await this.#call('POST', '/v1/stop')
    // However the connection ends, it ends with the process.
    response.on('error', () => undefined)
    response.resume()
    await new Promise((resolve) => response.once('close', resolve))
  }

  /** Send a request; its answer, once the head is there and it is no problem. */
  async #call(method: string, path: string, sent: Sent = {}): Promise<IncomingMessage> {
    const { headers, body, bytes, query = '' } = sent
    const { signal } = this.#patience
    const request = httpRequest({
      agent: this.#agent,
      method,
      path: `${path}?timeout=${this.#timeoutMs}${query}`,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      },
      ...(signal === undefined ? {} : { signal }),
    })
    let late: NodeJS.Timeout | undefined
    const wait = (): void => {
      late = setTimeout(() => request.destroy(stuck(this.#patience)), this.#patience.idleMs).unref()
    }
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', reject)
      // The daemon may answer long before it has everything: what the sending comes to then does not matter.
      if (bytes !== undefined) pipeline(bytes, request).then(wait, reject)
    })
    if (bytes === undefined) {
      request.end(body)
      wait()
    }
    try {
      const response = await answered
      if (response.statusCode! < 400) return response
      const fault = parseProblem(await text(response, this.#patience))
      if (fault.code !== 'protocol') throw fault
      throw new DstoreError('protocol', `${fault.message} (HTTP ${response.statusCode})`)
    } catch (error) {
      request.destroy()
      throw connectionFault(error, this.#patience)
    } finally {
      clearTimeout(late)
    }
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

function value(key: string): string {
  return `/v1/values/${encodeURIComponent(key)}`
}

function rangeHeader(range: RangeRequest): string {
  if ('last' in range) return `bytes=-${range.last}`
  return `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`
}

function gone(): DstoreError {
  return new DstoreError('unreachable', 'the daemon is gone')
}
