/** Serving the API over TCP to clients with the token (specs/007, "Over TCP"). */
import { once } from 'node:events'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { systemFault } from '../../errno.ts'
import { DstoreError, systemError } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { HTTP_SILENCE_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { HttpStatus } from '../api/api.ts'
import { formatHttpAddress, isLoopback, parseHttpAddress } from '../config/http-address.ts'
import { readToken } from '../config/http-token.ts'
import type { TokenTable } from '../config/tokens/token-table.ts'
import { TcpAccess } from '../http/access.ts'
import type { Access } from '../http/access.ts'
import type { ApiServer } from '../http/server.ts'
import { pageAddress } from '../http/session/page-address.ts'
import type { Sessions } from '../http/session/sessions.ts'
import { readCertificate, watchCertificate } from './certificate.ts'
import type { Certificate, CertificateFiles } from './certificate.ts'

export interface TcpOptions {
  /** `HOST:PORT`. */
  readonly address: string
  /** Reads of values and names need no token. */
  readonly isPublic: boolean
  /** Created if missing. */
  readonly tokenFile: string
  readonly tokens: TokenTable
  readonly sessions: Sessions
  /** Names of the host that clients may send, beside that of the address. */
  readonly hosts: readonly string[]
  /** Undefined: without TLS. */
  readonly certificate: CertificateFiles | undefined
  readonly log: Log
}

export interface TcpListener {
  close(): Promise<void>
  status(): HttpStatus
}

type Reason = readonly [code: ErrorCode, what: string, hint: string]

const REASONS: ReadonlyMap<string | undefined, Reason> = new Map<string | undefined, Reason>([
  ['EADDRINUSE', ['address-in-use', 'something else listens there', 'choose another port']],
  ['EACCES', ['not-permitted', 'permission denied', 'choose a port above 1023']],
])

/** Rejects with `address-in-use`, `not-permitted`, `malformed-address`, or as `readToken`. */
export async function listenOnTcp(
  { address: text, isPublic, tokenFile, tokens, sessions, hosts, certificate, log }: TcpOptions,
  createServer: (access: Access, tls?: Certificate) => ApiServer,
): Promise<TcpListener> {
  const wanted = parseHttpAddress(text)
  tokens.acceptFile(await readToken(tokenFile))
  const access = new TcpAccess({
    address: wanted,
    hosts: hosts.map((host) => host.toLowerCase()),
    tokens,
    sessions,
    isPublic,
    silenceMs: HTTP_SILENCE_MS,
    log,
  })
  const tls = certificate && readCertificate(certificate)
  const api = createServer(access, tls)
  const { server } = api
  server.listen(wanted)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const system = systemFault(cause)
    if (system?.code === 'busy') throw systemError(system, `cannot serve HTTP on ${text}`, cause)
    const [reason, what, hint] = REASONS.get(code) ?? [
      'malformed-address',
      `it is no address of this machine (${code})`,
      'serve on 127.0.0.1, on 0.0.0.0 for every network, or on an address of this machine',
    ]
    throw new DstoreError(reason, `cannot serve HTTP on ${text}: ${what}`, { cause, hint })
  }
  const { port } = server.address() as AddressInfo
  const address = formatHttpAddress({ ...wanted, port })
  log.info('serving HTTP', { address, token: tokenFile })
  if (isPublic) log.warn('public: reads of values and names need no token', { address })
  if (!isLoopback(wanted) && tls === undefined)
    log.warn('HTTP is not encrypted: the network can read the token', { address })
  const url = `${tls === undefined ? 'http' : 'https'}://${address}`
  const unwatch =
    certificate &&
    watchCertificate(certificate, (next) => (server as SecureServer).setSecureContext(next), log)
  return {
    close: () => {
      unwatch?.()
      return api.close()
    },
    status: () => ({ url, public: isPublic, tokenFile, refused: access.refused }),
  }
}

/** The only listener of a daemon on TCP: from its start on, or from the first call for the page. */
export class TcpApi {
  readonly #listen: (address: string) => Promise<TcpListener>
  readonly #hosts: readonly string[]
  #listener: TcpListener | undefined
  #opening: Promise<TcpListener> | undefined
  #isClosed = false

  /** `hosts` are the names of this machine that clients may send. */
  constructor(listen: (address: string) => Promise<TcpListener>, hosts: readonly string[]) {
    this.#listen = listen
    this.#hosts = hosts
  }

  /** The address that a browser opens. Listens there unless it listens. Errors: `listenOnTcp`. */
  async open(address: string): Promise<string> {
    if (this.#isClosed) throw new DstoreError('unreachable', 'the daemon is stopping')
    this.#opening ??= this.#listen(address)
    try {
      this.#listener = await this.#opening
    } catch (error) {
      // Another port may be free.
      this.#opening = undefined
      throw error
    }
    return pageAddress(this.#listener.status().url, this.#hosts)
  }

  status(): HttpStatus | undefined {
    return this.#listener?.status()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const listener = await this.#opening?.catch(() => undefined)
    await listener?.close()
  }
}
