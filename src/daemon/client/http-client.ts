/**
 * Requests to one daemon, over connections that are kept. It must load fast: node:http and nothing else
 * (specs/007-daemon-and-command-line.md, "HTTP API").
 */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { DstoreError } from '../../errors.ts'
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import { connectionFault, stuck, text } from './response.ts'
import type { Patience } from './response.ts'
import { connectTo } from './connection.ts'
import { parseProblem } from '../api/problem.ts'

/** The daemon itself ends a call without progress; the client waits this much longer for it to say so. */
const GRACE_MS = 5_000

export interface ClientOptions {
  /**
   * Time without progress after which a call fails with `timeout`, in milliseconds; of a removal the whole time that
   * it waits for Locals. Where it is not given, the node decides how long a removal waits.
   */
  readonly timeoutMs?: number
  /** Ends every call with `cancelled`. */
  readonly signal?: AbortSignal
  /** Told of every answer: `GET /v1/status 200`, after so many milliseconds. */
  readonly onAnswer?: (call: string, milliseconds: number) => void
}

/** What a request carries. A parameter that is undefined is left out. */
export interface Sent {
  readonly headers?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: string | Uint8Array
  readonly bytes?: AsyncIterable<Uint8Array>
}

export class HttpClient {
  readonly patience: Patience
  readonly #agent: Agent
  readonly #timeoutMs: number | undefined
  readonly #onAnswer: ClientOptions['onAnswer']

  /** Lets go of a connection that no call has used. */
  readonly #dropUnused: () => void

  private constructor(agent: Agent, options: ClientOptions, dropUnused: () => void) {
    const { timeoutMs, signal, onAnswer } = options
    this.#agent = agent
    this.#onAnswer = onAnswer
    this.#dropUnused = dropUnused
    this.#timeoutMs = timeoutMs
    this.patience = { idleMs: (timeoutMs ?? CALL_TIMEOUT_MS) + GRACE_MS, signal }
  }

  /** Connect to the daemon on this socket; undefined where there is none. */
  static async connect(socket: string, options: ClientOptions): Promise<HttpClient | undefined> {
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
    return new HttpClient(agent, options, () => first?.destroy())
  }

  /** The same connections, for calls with bounds of their own. Only the first caller closes them. */
  with(options: ClientOptions): HttpClient {
    return new HttpClient(this.#agent, options, () => undefined)
  }

  close(): void {
    this.#agent.destroy()
    this.#dropUnused()
  }

  /** Send a request; its answer, once the head is there and it is no problem. */
  async call(method: string, path: string, sent: Sent = {}): Promise<IncomingMessage> {
    const { headers, body, bytes, query = {} } = sent
    const { signal } = this.patience
    const startedAt = performance.now()
    const target = path + queryText({ timeout: this.#timeoutMs?.toString(), ...query })
    const request = httpRequest({
      agent: this.#agent,
      method,
      path: target,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      },
      ...(signal === undefined ? {} : { signal }),
    })
    let late: NodeJS.Timeout | undefined
    const wait = (): void => {
      clearTimeout(late)
      late = setTimeout(() => request.destroy(stuck(this.patience)), this.patience.idleMs).unref()
    }
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', reject)
      // 102: it goes on.
      request.on('information', wait)
      // The daemon may answer long before it has everything: what the sending comes to then does not matter.
      if (bytes !== undefined) pipeline(bytes, request).then(wait, reject)
    })
    if (bytes === undefined) {
      request.end(body)
      wait()
    }
    try {
      const response = await answered
      const call = `${method} ${target} ${response.statusCode}`
      this.#onAnswer?.(call, performance.now() - startedAt)
      if (response.statusCode! < 400) return response
      const fault = parseProblem(await text(response, this.patience))
      if (fault.code !== 'protocol') throw fault
      throw new DstoreError('protocol', `${fault.message} (HTTP ${response.statusCode})`)
    } catch (error) {
      request.destroy()
      throw connectionFault(error, this.patience)
    } finally {
      clearTimeout(late)
    }
  }
}

function queryText(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, value)
  }
  return given.size === 0 ? '' : `?${given.toString()}`
}

function gone(): DstoreError {
  return new DstoreError('unreachable', 'the daemon is gone')
}
