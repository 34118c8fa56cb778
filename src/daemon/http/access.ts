/** Who may use the API: over the socket, and over TCP (specs/007, "Over TCP"). */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HTTP_REFUSALS_LOG_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import { isHostName } from '../config/http-settings.ts'
import type { HttpAddress } from '../config/http-address.ts'
import type { TokenTable } from '../config/tokens/token-table.ts'
import { HttpError } from './http-error.ts'
import type { Sessions } from './session/sessions.ts'
import { isBasic, PUBLIC_CALLER, SOCKET_CALLER, tokenIn } from './tokens/caller.ts'
import type { Caller } from './tokens/caller.ts'

export interface Access {
  /**
   * Whether clients may have files read and written by path. The mode of the socket is checked as
   * well.
   */
  readonly usesFiles: boolean
  /** Whether its clients are those on the socket. */
  readonly isSocket: boolean
  /** Cuts a connection with a request after this silence in both directions, in ms; 0 for never. */
  readonly silenceMs: number
  /** Whether requests are logged with their callers. */
  readonly isLogged: boolean
  /** Who makes the request. Throws `HttpError` for one to refuse. */
  admit(request: IncomingMessage, need: Need): Caller
  /** The same, or undefined where `admit` would throw. Counts and logs nothing. */
  admits(request: IncomingMessage, need: Need): Caller | undefined
  /** Counts a request that its handler refuses for its caller, and returns the error. */
  refuse(request: IncomingMessage, error: HttpError): HttpError
  /** Whether the token or session of this caller has not been revoked or ended since. */
  isLive(caller: Caller): boolean
}

/** Whether a request needs a token. */
export interface Need {
  /** Never: credentials that come with it are ignored. */
  readonly isFree: () => boolean
  /** Not where reads are public. */
  readonly isOpen: () => boolean
}

/** Hosts that address this machine. A page that rebinds its own name to it sends that name. */
const HOSTS: ReadonlySet<string> = new Set(['localhost', 'dstore'])

const isOwnHost = (name: string): boolean => HOSTS.has(name)

/** File permissions decide who reaches the socket; those clients may do everything. */
export const SOCKET_ACCESS: Access = {
  usesFiles: true,
  isSocket: true,
  silenceMs: 0,
  isLogged: false,
  refuse: (_, error) => error,
  isLive: () => true,
  admit: (request) => {
    const fault = hostFault(request, isOwnHost, () => SOCKET_HOST)
    if (fault !== undefined) throw fault
    return SOCKET_CALLER
  },
  admits: (request) => {
    const fault = hostFault(request, isOwnHost, () => SOCKET_HOST)
    return fault === undefined ? SOCKET_CALLER : undefined
  },
}

export interface TcpAccessOptions {
  readonly address: HttpAddress
  /** Names of the host beside that of the address, in lower case. */
  readonly hosts: readonly string[]
  readonly tokens: TokenTable
  readonly sessions: Sessions
  /** Reads need no token. */
  readonly isPublic: boolean
  readonly silenceMs: number
  readonly log: Log
}

export class TcpAccess implements Access {
  readonly usesFiles = false
  readonly isSocket = false
  readonly isLogged = true
  readonly silenceMs: number
  readonly #options: TcpAccessOptions
  readonly #hosts: ReadonlySet<string>
  #refused = 0
  #loggedAt = -Infinity

  constructor(options: TcpAccessOptions) {
    this.silenceMs = options.silenceMs
    this.#options = options
    this.#hosts = new Set([...HOSTS, options.address.host.toLowerCase(), ...options.hosts])
  }

  /** Requests refused since the start. */
  get refused(): number {
    return this.#refused
  }

  admit(request: IncomingMessage, need: Need): Caller {
    const found = this.#callerOf(request, need)
    if (!(found instanceof HttpError)) return found
    throw this.refuse(request, found)
  }

  admits(request: IncomingMessage, need: Need): Caller | undefined {
    const found = this.#callerOf(request, need)
    return found instanceof HttpError ? undefined : found
  }

  isLive({ hash, isSession }: Caller): boolean {
    const { sessions, tokens } = this.#options
    return hash === undefined || (isSession ? sessions : tokens).has(hash)
  }

  #callerOf(request: IncomingMessage, { isFree, isOpen }: Need): Caller | HttpError {
    const { headers } = request
    const { tokens, sessions, isPublic } = this.#options
    const fault = hostFault(request, (name) => this.#isOurs(name), hostHint)
    if (fault !== undefined) return fault
    if (isFree()) return PUBLIC_CALLER
    const token = tokenIn(headers.authorization)
    // Without a token the same steps are taken: an empty one is none.
    const caller: Caller | undefined = tokens.find(token ?? '') ?? sessions.find(token ?? '')
    if (caller !== undefined) {
      // A page keeps the token of its session from others; a browser sends a password for any.
      const isForeign =
        (isBasic(headers.authorization) || caller.isSession) && isOfOtherOrigin(request)
      return isForeign ? new HttpError(403, FOREIGN, {}, 'not-permitted') : caller
    }
    if (isPublic && isOpen()) return PUBLIC_CALLER
    const message = token === undefined ? 'this needs a token' : WRONG_TOKEN
    return new HttpError(401, message, challengeTo(headers.authorization), 'not-permitted', HINT)
  }

  /** An IP address is safe: unlike a name, no page can rebind it. */
  #isOurs(name: string): boolean {
    const bracketed = /^\[(.+)\]$/.exec(name)?.[1]
    const isAddress = bracketed === undefined ? isIP(name) === 4 : isIP(bracketed) === 6
    return isAddress || this.#hosts.has(name)
  }

  /** Logs one refusal per interval, so that refused clients cannot fill the log. */
  refuse({ socket }: IncomingMessage, error: HttpError): HttpError {
    this.#refused++
    const now = performance.now()
    if (now - this.#loggedAt < HTTP_REFUSALS_LOG_MS) return error
    this.#loggedAt = now
    const { message, status } = error
    const from = socket.remoteAddress
    this.#options.log.warn('refused over HTTP', { from, status, message, refused: this.#refused })
    return error
  }
}

const BEARER = 'Bearer realm="dstore"'

/** For clients that never send a password before they are asked for one. */
const BASIC = 'Basic realm="dstore", charset="UTF-8"'

/**
 * Each scheme has a line of its own: Chromium reads a line as one challenge, and knows no Bearer.
 * A client that sends a token is asked for no password: a browser would ask its user for one, while
 * a page works.
 */
const challengeTo = (authorization = ''): { readonly 'WWW-Authenticate': string[] } => ({
  'WWW-Authenticate': /^Bearer\b/i.test(authorization) ? [BEARER] : [BEARER, BASIC],
})

const SOCKET_HOST = 'over the socket, the host is localhost'

function hostHint(name: string): string | undefined {
  return isHostName(name) ? `start the daemon with --http-host ${name}` : undefined
}

const WRONG_TOKEN = 'the token is wrong, revoked or expired'

const HINT = 'an admin of this node makes one: `dstore token add`'

const FOREIGN = 'a page of another origin sends this with credentials of this node'

/** Whether a browser says that a page of another origin makes the request (R007-322, R013-5). */
export function isOfOtherOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (site === 'cross-site' || site === 'same-site') return true
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== host
}

/** `hintFor` a name that is not ours. */
function hostFault(
  request: IncomingMessage,
  isOurs: (name: string) => boolean,
  hintFor: (name: string) => string | undefined,
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
  if (isOurs(name)) return undefined
  if (name === '') return new HttpError(421, 'the request names no host')
  return new HttpError(421, `not served here: ${name}`, {}, 'usage', hintFor(name))
}
