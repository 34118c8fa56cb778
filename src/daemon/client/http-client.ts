/**
 * Requests to one daemon over keep-alive connections (specs/007, "HTTP API"). The command line
 * loads it at every start, so it imports node:http and little else.
 */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { deadline } from '../../deadline.ts'
import type { Deadline } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { CLIENT_CALLS, CLIENT_STREAMS } from '../../limits.ts'
import { BEAT_HEADER } from '../api/api.ts'
import { parseProblem } from '../api/problem.ts'
import { idleMsOf, isLost, queryText, type ClientOptions } from './client-options.ts'
import { connectTo } from './connection.ts'
import { connectionError, text } from './response.ts'
import type { DaemonResponse } from './response.ts'
import { Slots } from './slots.ts'
import type { Slot } from './slots.ts'

/**
 * How the caller reads a response: `whole`, at once; as a `stream`, at its own pace; as a `late
 * stream`, for which it waits until other streams end.
 */
export type ResponseKind = 'whole' | 'stream' | 'late stream'

/** The parts of a request. Query parameters that are undefined are left out. */
export interface RequestParts {
  readonly headers?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: string | Uint8Array
  readonly bytes?: AsyncIterable<Uint8Array>
  /** Default: `whole`. */
  readonly response?: ResponseKind
  /** Whether a repetition does no harm, if the first request was lost. Any GET is repeatable. */
  readonly isRepeatable?: boolean
}

/** Shared by the clients of one daemon that differ in their options. */
interface Connections {
  /** Keeps connections for later calls. */
  readonly kept: Agent
  /** Opens a connection for each call: one that was kept may be closed just when it is used. */
  readonly fresh: Agent
  readonly calls: Slots
  readonly streams: Slots
}

/** A call that is in progress. */
interface Exchange {
  readonly limit: Deadline
  agent: Agent
  slot: Slot
  /** The daemon answers other calls. */
  readonly onAlive: () => void
  /** Is its slot one of the streams? */
  isStream: boolean
}

export class HttpClient {
  readonly #connections: Connections
  readonly #options: ClientOptions

  /** Closes the first connection, if no call has used it. */
  readonly #closeUnused: () => void

  private constructor(connections: Connections, options: ClientOptions, closeUnused: () => void) {
    this.#connections = connections
    this.#options = options
    this.#closeUnused = closeUnused
  }

  /** Connects to the daemon on this socket; undefined if none serves it. */
  static async connect(socket: string, options: ClientOptions): Promise<HttpClient | undefined> {
    let first = await connectTo(socket, options.signal)
    if (first === undefined) return undefined
    const createConnection: Agent['createConnection'] = (_, ready) => {
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
    const connections = {
      kept: Object.assign(new Agent({ keepAlive: true }), { createConnection }),
      fresh: Object.assign(new Agent({ keepAlive: true }), {
        createConnection,
        keepSocketAlive: () => false,
      }),
      calls: new Slots(CLIENT_CALLS, 'calls'),
      streams: new Slots(CLIENT_STREAMS, 'values, listings or uploads'),
    }
    return new HttpClient(connections, options, () => first?.destroy())
  }

  /** The same connections with other options. Only the original client closes them. */
  with(options: ClientOptions): HttpClient {
    return new HttpClient(this.#connections, options, () => undefined)
  }

  close(): void {
    this.#connections.kept.destroy()
    this.#connections.fresh.destroy()
    this.#closeUnused()
  }

  get #idleMs(): number {
    return idleMsOf(this.#options)
  }

  /** Sends a request. Resolves with the head of the response, or throws the problem in it. */
  async call(method: string, path: string, sent: RequestParts = {}): Promise<DaemonResponse> {
    const { calls, streams, kept, fresh } = this.#connections
    const { signal } = this.#options
    const idleMs = this.#idleMs
    let aliveAt = -Infinity
    const limit = deadline(idleMs, 'the daemon did not answer', signal, () => aliveAt)
    const isRepeatable = method === 'GET' || sent.isRepeatable === true
    let exchange: Exchange | undefined
    // While it waits for other calls, it does not wait for the daemon.
    limit.pauseTimer()
    try {
      const isStream = sent.bytes !== undefined || sent.response === 'late stream'
      const slot = await (isStream ? streams : calls).take(idleMs, limit.signal)
      const onAlive = (): void => void (aliveAt = performance.now())
      exchange = { limit, agent: isRepeatable ? kept : fresh, slot, isStream, onAlive }
      limit.progress()
      try {
        return await this.#send(method, path, sent, exchange)
      } catch (error) {
        if (!isRepeatable || limit.signal.aborted || !isLost(error)) throw error
        exchange.agent = fresh
        limit.progress()
        return await this.#send(method, path, sent, exchange)
      }
    } catch (error) {
      exchange?.slot.free()
      limit.clear()
      throw connectionError(error, limit)
    }
  }

  async #send(
    method: string,
    path: string,
    { headers, body, bytes, query = {}, response: kind = 'whole' }: RequestParts,
    exchange: Exchange,
  ): Promise<DaemonResponse> {
    const { streams } = this.#connections
    const { timeoutMs, onAnswer } = this.#options
    const { limit, agent } = exchange
    const startedAt = performance.now()
    const target = path + queryText({ timeout: timeoutMs?.toString(), ...query })
    const request = httpRequest({
      agent,
      method,
      path: target,
      headers: {
        [BEAT_HEADER]: '102',
        ...headers,
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
    })
    let message: IncomingMessage | undefined
    const abort = (): unknown => (message ?? request).destroy(limit.signal.reason as Error)
    const become = (take: () => Slot | undefined): Slot | undefined => {
      if (exchange.isStream) return exchange.slot
      const slot = take()
      if (slot === undefined) return undefined
      exchange.slot.free()
      exchange.isStream = true
      return (exchange.slot = slot)
    }
    const becomeStream = (): Slot | undefined => become(() => streams.tryTake())
    if (limit.signal.aborted) abort()
    limit.signal.addEventListener('abort', abort)
    try {
      message = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve)
        request.on('error', reject)
        // 102 (Processing): the daemon still works on it, and may for long.
        request.once('information', () => become(() => streams.force()))
        request.on('information', () => limit.moved())
        if (bytes === undefined) request.end(body)
        else {
          limit.pauseTimer()
          // The daemon may answer before it has read everything; then the rest does not matter.
          const sentAll = (): unknown => message === undefined && limit.progress()
          pipeline(bytes, request).then(sentAll, reject)
        }
      })
      limit.pauseTimer()
      // A value may pause for longer, as it may wait its turn behind others (R007-118).
      // Most calls end before the first question: an aborted signal for each costs more than it.
      let asking: AbortController | undefined
      const asker = setInterval(() => {
        if (limit.isRunning) this.#ask((asking ??= new AbortController()).signal, exchange.onAlive)
      }, this.#idleMs / 3).unref()
      message.once('close', () => {
        limit.clear()
        clearInterval(asker)
        asking?.abort()
        exchange.slot.free()
      })
      const call = `${method} ${target} ${message.statusCode}`
      onAnswer?.(call, performance.now() - startedAt)
      const response = { message, limit, becomeStream }
      if (message.statusCode! >= 400) {
        const error = parseProblem(await text(response))
        if (error.code !== 'protocol') throw error
        throw new DstoreError('protocol', `${error.message} (HTTP ${message.statusCode})`)
      }
      if (kind === 'stream' && becomeStream() === undefined) throw streams.busy()
      return response
    } catch (error) {
      request.destroy()
      limit.signal.removeEventListener('abort', abort)
      throw error
    }
  }

  /** Asks the daemon anything, on another connection: any answer shows that it works. */
  #ask(signal: AbortSignal, onAnswer: () => void): void {
    const request = httpRequest({ agent: this.#connections.kept, path: '/v1/status', signal })
    request.on('response', (response) => {
      onAnswer()
      response.resume()
    })
    request.on('error', () => undefined)
    request.end()
  }
}

function gone(): DstoreError {
  return new DstoreError('unreachable', 'the daemon has stopped')
}
