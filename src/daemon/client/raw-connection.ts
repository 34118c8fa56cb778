/**
 * One request and its response over a connection of its own, without `node:http`: that makes a new
 * buffer for each 64 KiB of a body, and takes longer to load than a small value to fetch. Here the
 * system fills one buffer, again and again.
 */
import type { Socket } from 'node:net'
import type { Deadline } from '../../deadline.ts'
import { KIB } from '../../limits.ts'
import { PLATFORM } from '../../platform.ts'
import { connectTo } from './connection.ts'
import { ResponseParser, type ResponseHead } from './response-parser.ts'

/** More than a Unix socket passes on at once. */
const BUFFER_BYTES = 256 * KIB

export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** A response whose body the caller reads. */
export interface Answer {
  readonly connection: RawConnection
  readonly head: ResponseHead
  readonly limit: Deadline
  /** Ends the call: the connection, and all that watches it. */
  readonly end: () => void
}

export class RawConnection {
  readonly #socket: Socket
  readonly #parser: ResponseParser
  readonly #onInterim: { call: () => void }
  /** Parts of the body in the buffer, which is filled again once they are taken. */
  #parts: Uint8Array[] = []
  #fault: unknown
  #isClosed = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket, parser: ResponseParser, onInterim: { call: () => void }) {
    this.#socket = socket
    this.#parser = parser
    this.#onInterim = onInterim
  }

  /** Connects to the daemon on this socket; undefined if none serves it. */
  static async open(path: string, signal?: AbortSignal): Promise<RawConnection | undefined> {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
    const take = (length: number): boolean => connection.receive(buffer, length)
    const socket = await connectTo(path, signal, PLATFORM, { buffer, callback: take })
    if (socket === undefined) return undefined
    const onInterim = { call: () => undefined }
    const parser = new ResponseParser(() => onInterim.call())
    const connection = new RawConnection(socket, parser, onInterim)
    connection.#listen()
    return connection
  }

  /** Sends the request, and resolves with the head of the response. To be called once. */
  async request(request: RawRequest, limit: Deadline): Promise<ResponseHead> {
    this.#onInterim.call = () => limit.moved()
    const abort = (): void => this.destroy()
    limit.signal.addEventListener('abort', abort)
    if (limit.signal.aborted) abort()
    this.#socket.write(encode(request))
    while (this.#parser.head === undefined) await this.#more(limit)
    return this.#parser.head
  }

  /**
   * The body; each part is valid until the next is asked for. Throws if the connection ends before
   * the body. The trailers are there when it has ended.
   */
  async *body(limit: Deadline): AsyncGenerator<Uint8Array> {
    for (;;) {
      const parts = this.#parts
      this.#parts = []
      yield* parts
      if (this.#parser.isComplete && this.#parts.length === 0) return
      if (this.#parts.length === 0) await this.#more(limit)
    }
  }

  get trailers(): ReadonlyMap<string, string> {
    return this.#parser.trailers
  }

  destroy(reason?: Error): void {
    this.#socket.destroy(reason)
  }

  /** For `onread` of the socket: false stops reading, as the buffer is in use. */
  receive(buffer: Uint8Array, length: number): boolean {
    try {
      this.#parts = this.#parser.push(buffer.subarray(0, length))
    } catch (error) {
      this.#fault = error
      this.#socket.destroy()
    }
    this.#wake()
    return this.#parts.length === 0
  }

  #listen(): void {
    this.#socket.on('error', (error) => (this.#fault ??= error))
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => {
        this.#isClosed = true
        this.#wake()
      })
    }
  }

  /** Waits for more of the response; only this time counts for the limit. */
  async #more(limit: Deadline): Promise<void> {
    limit.progress()
    try {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (this.#isClosed) resolve()
        else this.#socket.resume()
      })
    } finally {
      limit.pauseTimer()
    }
    if (limit.signal.aborted) throw limit.signal.reason
    // What came before a fault is passed on before it.
    if (this.#parts.length > 0) return
    if (this.#fault !== undefined) throw this.#fault
    if (this.#isClosed && !this.#parser.isComplete) throw new ConnectionEnded()
  }
}

/** The daemon closed the connection before the end of its response. */
class ConnectionEnded extends Error {
  readonly code = 'ECONNRESET'
  override readonly message = 'the daemon closed the connection'
}

function encode({ method, target, headers, body }: RawRequest): string {
  const fields = Object.entries(headers)
  if (body !== undefined) fields.push(['Content-Length', String(Buffer.byteLength(body))])
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n${body ?? ''}`
}
