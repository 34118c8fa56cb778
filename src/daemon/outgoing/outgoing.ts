/** Requests of this daemon to HTTP servers of others. */
import { lookup as resolveHost, type LookupAddress } from 'node:dns'
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { inTime } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import { mayLead, reachOf, type Reach } from './address-reach.ts'

/** Bytes of the head of a response: signed addresses are long. */
const HEADER_BYTES = 32_768

/** Connections to one host. */
const SOCKETS = 16

/** How long a connection is kept for the next request: less than servers do. */
const IDLE_MS = 15_000

/** One request, without a body. Redirects are not followed. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  /** How long the server may take to respond, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** A response. Its receiver reads its bytes, or calls `end`. */
export interface OutgoingResponse {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** Of the server's address. */
  readonly reach: Reach
  readonly bytes: AsyncIterable<Uint8Array>
  /** Closes the connection, if the bytes were not read to their end. */
  end(): void
}

/** Sends requests to hosts whose addresses it may connect to, and to no others. */
export class Outgoing {
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent }
  readonly #mayReach: (reach: Reach) => boolean

  /** Default: any address. A connection that is used again was checked when it began. */
  constructor(from: Reach = 'link') {
    this.#mayReach = (reach) => mayLead(from, reach)
    const options = {
      keepAlive: true,
      maxSockets: SOCKETS,
      maxFreeSockets: SOCKETS,
      timeout: IDLE_MS,
      lookup: this.#lookup,
    }
    this.#agents = { http: new HttpAgent(options), https: new HttpsAgent(options) }
  }

  /** Throws `unreachable`, `timeout`, `not-permitted` for an address, `cancelled`. */
  async send(url: URL, request: OutgoingRequest): Promise<OutgoingResponse> {
    const { method, headers, timeoutMs: ms, signal } = request
    const { hostname } = url
    const address = hostname.replace(/^\[(.*)\]$/, '$1')
    // No look-up is made for an address.
    if (isIP(address) !== 0) this.#check(address)
    const isTls = url.protocol === 'https:'
    const options = {
      method,
      headers,
      agent: isTls ? this.#agents.https : this.#agents.http,
      maxHeaderSize: HEADER_BYTES,
    }
    const sent = isTls ? requestHttps(url, options) : requestHttp(url, options)
    const what = `${hostname} did not respond`
    const response = await inTime<IncomingMessage>({ ms, what, signal }, (resolve, reject) => {
      let isAnswered = false
      sent.on('error', (cause) => reject(faultOf(cause, hostname)))
      sent.on('response', (message) => {
        isAnswered = true
        // Its reader hears of an error that comes later.
        message.on('error', () => undefined)
        resolve(() => message)
      })
      sent.end()
      return () => {
        if (!isAnswered) sent.destroy()
      }
    })
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      reach: reachOf(response.socket.remoteAddress ?? ''),
      bytes: response,
      end: () => void response.destroy(),
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  readonly #lookup: LookupFunction = (hostname, options, done) => {
    resolveHost(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const usable = error ? [] : found.filter(({ address }) => this.#mayReach(reachOf(address)))
      const [first] = usable
      if (error || first === undefined) {
        done(error ?? refused(hostname), '')
      } else if (options.all === true) {
        done(null, usable)
      } else {
        done(null, first.address, first.family)
      }
    })
  }

  #check(address: string): void {
    if (!this.#mayReach(reachOf(address))) throw refused(address)
  }
}

const refused = (host: string): DstoreError =>
  new DstoreError('not-permitted', `the address of ${host} is not one that others may lead to`)

function faultOf(cause: Error, host: string): DstoreError {
  if (cause instanceof DstoreError) return cause
  const { code } = cause as NodeJS.ErrnoException
  // A message may quote what the server sent.
  return new DstoreError('unreachable', `${host} cannot be reached: ${code ?? 'it answered badly'}`)
}
