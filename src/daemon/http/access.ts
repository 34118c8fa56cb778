/** The two ways into the API, and what each lets in: the socket, and TCP (specs/007, "Over TCP"). */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HTTP_REFUSALS_LOG_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { HttpAddress } from '../config/http-address.ts'
import { showsToken } from '../config/http-token.ts'
import { HttpError } from './call.ts'

export interface Access {
  /** May files be read by path for those who come in here? The socket's mode has a say, too. */
  readonly readsFiles: boolean
  /** How long a connection with a request may be silent both ways, in milliseconds; 0 for ever. */
  readonly silenceMs: number
  /** Throws where the request may not come in; `isOpen`: its path tells nothing but values and their names. */
  admit(request: IncomingMessage, isOpen: () => boolean): void
}

/** A browser that was lured here by a name of its own would send that name. */
const NAMES: ReadonlySet<string> = new Set(['localhost', 'dstore'])

/** Whoever reaches the socket may do everything: the file system has decided. */
export const SOCKET_ACCESS: Access = {
  readsFiles: true,
  silenceMs: 0,
  admit: ({ headers }) => checkHost(headers.host, (name) => NAMES.has(name)),
}

export interface TcpRules {
  readonly address: HttpAddress
  readonly token: string
  /** Do reads need no token? */
  readonly isPublic: boolean
  readonly silenceMs: number
  readonly log: Log
}

export class TcpAccess implements Access {
  readonly readsFiles = false
  readonly silenceMs: number
  readonly #rules: TcpRules
  #refused = 0
  #toldAt = -Infinity

  constructor(rules: TcpRules) {
    this.silenceMs = rules.silenceMs
    this.#rules = rules
  }

  /** Requests that were turned away, since the start. */
  get refused(): number {
    return this.#refused
  }

  admit(request: IncomingMessage, isOpen: () => boolean): void {
    const { address, token } = this.#rules
    const { headers, method } = request
    try {
      // An IP address is nobody's name, so that none can be made to lead here.
      checkHost(headers.host, (name) => {
        const bracketed = /^\[(.+)\]$/.exec(name)?.[1]
        const isAddress = bracketed === undefined ? isIP(name) === 4 : isIP(bracketed) === 6
        return isAddress || NAMES.has(name) || name === address.host.toLowerCase()
      })
      const reads = method === 'GET' || method === 'HEAD'
      if (this.#rules.isPublic && reads && isOpen()) return
      if (showsToken(headers.authorization, token)) return
      const realm = { 'WWW-Authenticate': 'Bearer realm="dstore"' }
      throw new HttpError(401, 'this needs the token of the daemon', realm, 'not-permitted')
    } catch (error) {
      this.#count(request, error as HttpError)
      throw error
    }
  }

  /** A line now and then: who is turned away must not be able to fill the log. */
  #count({ socket }: IncomingMessage, { message, status }: HttpError): void {
    this.#refused++
    const now = performance.now()
    if (now - this.#toldAt < HTTP_REFUSALS_LOG_MS) return
    this.#toldAt = now
    const from = socket.remoteAddress
    this.#rules.log.warn('refused over HTTP', { from, status, message, refused: this.#refused })
  }
}

function checkHost(host: string | undefined, isOurs: (name: string) => boolean): void {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  if (!isOurs(name)) throw new HttpError(421, `not served here: ${name}`)
}
