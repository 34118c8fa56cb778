/** Who may use the API: over the socket, and over TCP (specs/007, "Over TCP"). */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HTTP_REFUSALS_LOG_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { HttpAddress } from '../config/http-address.ts'
import { TokenCheck } from '../config/http-token.ts'
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
  /** Whether `admit` would not throw. Counts and logs nothing. */
  admits(request: IncomingMessage, isOpen: () => boolean): boolean
}

/** Hosts that address this machine. A page that rebinds its own name to it sends that name. */
const HOSTS: ReadonlySet<string> = new Set(['localhost', 'dstore'])

const isOwnHost = (name: string): boolean => HOSTS.has(name)

/** File permissions decide who reaches the socket; those clients may do everything. */
export const SOCKET_ACCESS: Access = {
  usesFiles: true,
  silenceMs: 0,
  admit: (request) => throwIf(hostFault(request, isOwnHost)),
  admits: (request) => hostFault(request, isOwnHost) === undefined,
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
  readonly #token: TokenCheck
  #refused = 0
  #loggedAt = -Infinity

  constructor(options: TcpAccessOptions) {
    this.silenceMs = options.silenceMs
    this.#options = options
    this.#token = new TokenCheck(options.token)
  }

  /** Requests refused since the start. */
  get refused(): number {
    return this.#refused
  }

  admit(request: IncomingMessage, isOpen: () => boolean): void {
    const fault = this.#fault(request, isOpen)
    if (fault !== undefined) this.#count(request, fault)
    throwIf(fault)
  }

  admits(request: IncomingMessage, isOpen: () => boolean): boolean {
    return this.#fault(request, isOpen) === undefined
  }

  #fault(request: IncomingMessage, isOpen: () => boolean): HttpError | undefined {
    const { headers, method } = request
    const fault = hostFault(request, (name) => this.#isOurs(name))
    if (fault !== undefined) return fault
    const reads = method === 'GET' || method === 'HEAD'
    if (this.#options.isPublic && reads && isOpen()) return undefined
    if (this.#token.accepts(headers.authorization)) return undefined
    const realm = { 'WWW-Authenticate': 'Bearer realm="dstore"' }
    return new HttpError(401, "this needs the daemon's token", realm, 'not-permitted')
  }

  /** An IP address is safe: unlike a name, no page can rebind it. */
  #isOurs(name: string): boolean {
    const bracketed = /^\[(.+)\]$/.exec(name)?.[1]
    const isAddress = bracketed === undefined ? isIP(name) === 4 : isIP(bracketed) === 6
    return isAddress || HOSTS.has(name) || name === this.#options.address.host.toLowerCase()
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

function hostFault(
  request: IncomingMessage,
  isOurs: (name: string) => boolean,
): HttpError | undefined {
  // A proxy may have gone by one `Host` line, and Node by the other.
  const { rawHeaders } = request
  let lines = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') lines++
  }
  if (lines > 1) return new HttpError(400, 'the request names several hosts')
  if (lines === 0 && request.httpVersion !== '1.0') {
    return new HttpError(400, 'the request names no host')
  }
  const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  return isOurs(name) ? undefined : new HttpError(421, `not served here: ${name}`)
}

function throwIf(fault: HttpError | undefined): void {
  if (fault !== undefined) throw fault
}
