/**
 * Gets many small values over connections that stay open, without `node:http`, which takes several
 * times as long for each as the value itself. Whatever is out of the ordinary is left to the full
 * client: a GET may be repeated (R007-116).
 */
import type { Socket } from 'node:net'
import { concat } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { KIB } from '../../limits.ts'
import { PLATFORM } from '../../platform.ts'
import { BEAT_HEADER, KEY_HEADER, SIZE_HEADER } from '../api/api.ts'
import { parseProblem } from '../api/problem.ts'
import { idleMsOf, queryText, type ClientOptions } from './client-options.ts'
import { connectTo } from './connection.ts'
import { ResponseParser, type ResponseHead } from './response-parser.ts'
import { valuePath } from './value-path.ts'

/** The largest value that is small, in bytes. */
export const SMALL_VALUE_BYTES: number = 64 * KIB

/** More than the head and the body of a response. */
const RESPONSE_BYTES = 2 * SMALL_VALUE_BYTES

interface Response {
  readonly head: ResponseHead
  readonly body: Uint8Array
}

export class SmallValues {
  readonly #path: string
  readonly #options: ClientOptions
  readonly #query: string
  readonly #idle: KeptConnection[] = []
  readonly #busy = new Set<KeptConnection>()
  readonly #watch: NodeJS.Timeout
  readonly #abort = (): void => this.close()
  #isClosed = false

  /** `path`: the socket of a daemon. */
  constructor(path: string, options: ClientOptions) {
    this.#path = path
    this.#options = options
    this.#query = queryText({ timeout: options.timeoutMs?.toString() })
    const idleMs = idleMsOf(options)
    this.#watch = setInterval(() => this.#endSilent(idleMs), Math.min(idleMs / 4, 1000)).unref()
    options.signal?.addEventListener('abort', this.#abort)
  }

  /**
   * A value of `size` bytes, at most `SMALL_VALUE_BYTES`; undefined if the full client is to get
   * it. Errors: those of the daemon, `timeout`.
   */
  async get(key: string, size: number): Promise<Uint8Array | undefined> {
    const { signal, onAnswer } = this.#options
    const target = valuePath(key) + this.#query
    const startedAt = performance.now()
    const connection = this.#openIdle() ?? (await KeptConnection.open(this.#path, signal))
    if (connection === undefined) return undefined
    // It was closed while this connection opened, and nothing would close that any more.
    if (this.#isClosed) {
      connection.close()
      return undefined
    }
    this.#busy.add(connection)
    let response: Response | undefined
    try {
      const request = `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${BEAT_HEADER}: 102\r\n\r\n`
      response = await connection.exchange(request)
    } finally {
      this.#busy.delete(connection)
    }
    if (connection.isOpen) this.#idle.push(connection)
    if (response === undefined) return undefined
    const { head, body } = response
    onAnswer?.(`GET ${target} ${head.status}`, performance.now() - startedAt)
    if (head.status >= 400) {
      const problem = parseProblem(Buffer.from(body).toString())
      if (problem.code === 'protocol') return undefined
      throw problem
    }
    const isIt = head.headers.get(KEY_HEADER) === key && head.headers.get(SIZE_HEADER) === `${size}`
    return head.status === 200 && isIt && body.byteLength === size ? body : undefined
  }

  /** Closes every connection: calls in progress resolve to undefined. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#watch)
    this.#options.signal?.removeEventListener('abort', this.#abort)
    for (const connection of [...this.#idle, ...this.#busy]) connection.close()
  }

  /** An idle connection that the daemon has not closed, as far as is known. */
  #openIdle(): KeptConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined || connection.isOpen) return connection
    }
  }

  #endSilent(idleMs: number): void {
    const now = performance.now()
    for (const connection of this.#busy) {
      if (now - connection.movedAt <= idleMs) continue
      connection.close(new DstoreError('timeout', 'the daemon did not answer'))
    }
  }
}

interface Exchange {
  readonly parser: ResponseParser
  readonly parts: Uint8Array[]
  readonly resolve: (response: Response | undefined) => void
  readonly reject: (fault: DstoreError) => void
}

class KeptConnection {
  readonly #socket: Socket
  #exchange: Exchange | undefined
  /** When something came last, by `performance.now()`. */
  movedAt = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    for (const event of ['end', 'close', 'error']) socket.on(event, () => this.close())
  }

  /** Undefined if no daemon serves the socket. */
  static async open(path: string, signal?: AbortSignal): Promise<KeptConnection | undefined> {
    const buffer = Buffer.allocUnsafeSlow(SMALL_VALUE_BYTES)
    const take = (length: number): boolean => {
      connection.#receive(buffer.subarray(0, length))
      return true
    }
    const socket = await connectTo(path, signal, PLATFORM, { buffer, callback: take })
    if (socket === undefined) return undefined
    const connection = new KeptConnection(socket)
    return connection
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  /** Sends a request; undefined if the connection ends, or what comes is not its response. */
  exchange(request: string): Promise<Response | undefined> {
    this.movedAt = performance.now()
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return resolve(undefined)
      this.#exchange = { parser: new ResponseParser(), parts: [], resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  /** Ends it: the call in progress fails with the fault, or without one with undefined. */
  close(fault?: DstoreError): void {
    this.#socket.destroy()
    const exchange = this.#exchange
    this.#exchange = undefined
    if (fault === undefined) exchange?.resolve(undefined)
    else exchange?.reject(fault)
  }

  #receive(bytes: Uint8Array): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.close()
    const { parser, parts } = exchange
    this.movedAt = performance.now()
    try {
      for (const part of parser.push(bytes)) parts.push(Uint8Array.from(part))
    } catch {
      return this.close()
    }
    if (parts.reduce((sum, part) => sum + part.byteLength, 0) > RESPONSE_BYTES) return this.close()
    if (!parser.isComplete) return
    this.#exchange = undefined
    exchange.resolve({ head: parser.head!, body: concat(parts) })
  }
}
