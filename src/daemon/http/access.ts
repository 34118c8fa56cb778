/** Who may use the API: over the socket, and over TCP (specs/007, "Over TCP"). */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HTTP_REFUSALS_LOG_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { HttpAddress } from '../config/http-address.ts'
import { showsToken } from '../config/http-token.ts'
import { HttpError } from './http-error.ts'

export interface Access {
  /**
   * Whether clients may have files read and written by path. The mode of the socket is checked as
   * well.
   */
  readonly usesFiles: boolean
  /** Cuts a connection with a request after this silence in both directions, in ms; 0 for never. */
  readonly silenceMs: number
  /**
   * Throws `HttpError` for a request to refuse. `isOpen` tells whether its path is open to reads.
   */
  admit(request: IncomingMessage, isOpen: () => boolean): void
}

/** Hosts that address this machine. A page that rebinds its own name to it sends that name. */
const HOSTS: ReadonlySet<string> = new Set(['localhost', 'dstore'])

/** File permissions decide who reaches the socket; those clients may do everything. */
export const SOCKET_ACCESS: Access = {
  usesFiles: true,
  silenceMs: 0,
  admit: (request) => checkHost(request, (name) => HOSTS.has(name)),
}

export interface TcpAccessOptions {
  readonly address: HttpAddress
  readonly token: string
  /** Reads need no token. */
  readonly isPublic: boolean
  readonly silenceMs: number
  readonly log: Log
}

export class TcpAccess implements Access {
  readonly usesFiles = false
  readonly silenceMs: number
  readonly #options: TcpAccessOptions
  #refused = 0
  #loggedAt = -Infinity

  constructor(options: TcpAccessOptions) {
    this.silenceMs = options.silenceMs
    this.#options = options
  }

  /** Requests refused since the start. */
  get refused(): number {
    return this.#refused
  }

  admit(request: IncomingMessage, isOpen: () => boolean): void {
    const { address, token, isPublic } = this.#options
    const { headers, method } = request
    try {
      // An IP address is safe: unlike a name, no page can rebind it.
      checkHost(request, (name) => {
        const bracketed = /^\[(.+)\]$/.exec(name)?.[1]
        const isAddress = bracketed === undefined ? isIP(name) === 4 : isIP(bracketed) === 6
        return isAddress || HOSTS.has(name) || name === address.host.toLowerCase()
      })
      const reads = method === 'GET' || method === 'HEAD'
      if (isPublic && reads && isOpen()) return
      if (showsToken(headers.authorization, token)) return
      const realm = { 'WWW-Authenticate': 'Bearer realm="dstore"' }
      throw new HttpError(401, "this needs the daemon's token", realm, 'not-permitted')
    } catch (error) {
      this.#count(request, error as HttpError)
      throw error
    }
  }

  /** Logs one refusal per interval, so that refused clients cannot fill the log. */
  #count({ socket }: IncomingMessage, { message, status }: HttpError): void {
    this.#refused++
    const now = performance.now()
    if (now - this.#loggedAt < HTTP_REFUSALS_LOG_MS) return
    this.#loggedAt = now
    const from = socket.remoteAddress
    this.#options.log.warn('refused over HTTP', { from, status, message, refused: this.#refused })
  }
}

function checkHost(request: IncomingMessage, isOurs: (name: string) => boolean): void {
  // A proxy may have gone by one `Host` line, and Node by the other.
  const lines = request.rawHeaders.filter((text, at) => at % 2 === 0 && /^host$/i.test(text))
  if (lines.length > 1) throw new HttpError(400, 'the request names several hosts')
  if (lines.length === 0 && request.httpVersion !== '1.0') {
    throw new HttpError(400, 'the request names no host')
  }
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (!isOurs(name)) throw new HttpError(421, `not served here: ${name}`)
}
