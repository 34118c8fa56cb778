/**
 * Requests to one daemon over keep-alive connections (specs/007, "HTTP API"). The command line
 * loads it at every start, so it imports node:http and little else.
 */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { deadline } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import { BEAT_HEADER } from '../api/api.ts'
import { checkWellFormed } from '../../utf8.ts'
import { parseProblem } from '../api/problem.ts'
import { connectTo } from './connection.ts'
import { connectionError, text } from './response.ts'
import type { DaemonResponse } from './response.ts'

/**
 * The daemon ends a call without progress itself; the client waits this much longer to hear why.
 */
const GRACE_MS = 5_000

export interface ClientOptions {
  /**
   * Milliseconds without progress after which a call fails with `timeout`. For a removal, the whole
   * time that it waits for Locals; the node decides by default.
   */
  readonly timeoutMs?: number
  /** Ends every call with `cancelled`. */
  readonly signal?: AbortSignal
  /** Called for every response with a line such as `GET /v1/status 200`, and the time it took. */
  readonly onAnswer?: (call: string, milliseconds: number) => void
}

/** The parts of a request. Query parameters that are undefined are left out. */
export interface RequestParts {
  readonly headers?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: string | Uint8Array
  readonly bytes?: AsyncIterable<Uint8Array>
}

export class HttpClient {
  readonly #agent: Agent
  readonly #options: ClientOptions

  /** Closes the first connection, if no call has used it. */
  readonly #closeUnused: () => void

  private constructor(agent: Agent, options: ClientOptions, closeUnused: () => void) {
    this.#agent = agent
    this.#options = options
    this.#closeUnused = closeUnused
  }

  /** Connects to the daemon on this socket; undefined if none serves it. */
  static async connect(socket: string, options: ClientOptions): Promise<HttpClient | undefined> {
    let first = await connectTo(socket)
    if (first === undefined) return undefined
    // Any number of connections: a value that its caller does not read must not block the next
    // call.
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
    return new HttpClient(agent, options, () => first?.destroy())
  }

  /** The same connections with other options. Only the original client closes them. */
  with(options: ClientOptions): HttpClient {
    return new HttpClient(this.#agent, options, () => undefined)
  }

  close(): void {
    this.#agent.destroy()
    this.#closeUnused()
  }

  /** Sends a request. Resolves with the head of the response, or throws the problem in it. */
  async call(method: string, path: string, sent: RequestParts = {}): Promise<DaemonResponse> {
    const { headers, body, bytes, query = {} } = sent
    const { timeoutMs, signal, onAnswer } = this.#options
    const startedAt = performance.now()
    const idleMs = (timeoutMs ?? CALL_TIMEOUT_MS) + GRACE_MS
    const limit = deadline(idleMs, 'the daemon did not answer', signal)
    const target = path + queryText({ timeout: timeoutMs?.toString(), ...query })
    const request = httpRequest({
      agent: this.#agent,
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
    if (limit.signal.aborted) abort()
    limit.signal.addEventListener('abort', abort)
    try {
      message = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve)
        request.on('error', reject)
        // 102 (Processing): the daemon still works on it.
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
      message.once('close', () => limit.clear())
      const call = `${method} ${target} ${message.statusCode}`
      onAnswer?.(call, performance.now() - startedAt)
      const response = { message, limit }
      if (message.statusCode! < 400) return response
      const error = parseProblem(await text(response))
      if (error.code !== 'protocol') throw error
      throw new DstoreError('protocol', `${error.message} (HTTP ${message.statusCode})`)
    } catch (error) {
      request.destroy()
      limit.clear()
      throw connectionError(error, limit)
    }
  }
}

function queryText(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, checkWellFormed(value, `the ${name}`))
  }
  return given.size === 0 ? '' : `?${given.toString()}`
}

function gone(): DstoreError {
  return new DstoreError('unreachable', 'the daemon has stopped')
}
