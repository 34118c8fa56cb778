/** Connections to NATS servers. */
import type * as transport from '@nats-io/transport-node'
import type { Auth, NatsConnection, TlsOptions } from '@nats-io/transport-node'
import { DstoreError } from '../../errors.ts'
import { type EngineTls, connectionFault } from '../engine/engine.ts'
import { loadPackage } from '../engine/packages.ts'
import type { EnginePlace } from '../engine/place.ts'

/** What of the package is used. */
export type Nats = Pick<
  typeof transport,
  'connect' | 'createInbox' | 'credsAuthenticator' | 'headers'
>

/** A user of the servers, or one of an operator's, with the text of a `.creds` file. */
export interface NatsUser {
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly credentials?: string
}

export interface ConnectOptions {
  readonly nats: Nats
  readonly place: EnginePlace
  readonly user: NatsUser
  /** Is it a user of the system account? */
  readonly isSystem?: boolean
  readonly tls?: EngineTls | undefined
}

const CONNECT_MS = 5_000
const RECONNECT_MS = 100
/** A server that does not answer two of these is given up: its machine may be gone. */
const PING_MS = 2_000

export const loadNats = (): Promise<Nats> => loadPackage('@nats-io/transport-node')

/** Tries the servers in turn, also later, whenever a connection breaks. */
export async function connectNats(options: ConnectOptions): Promise<NatsConnection> {
  const { nats, place, user, tls } = options
  try {
    return await nats.connect({
      servers: place.hosts.map(({ host, port }) => `${host}:${port}`),
      name: 'dstore',
      timeout: CONNECT_MS,
      reconnect: true,
      maxReconnectAttempts: -1,
      // Else it closes for good once servers refuse the user twice, as while passwords are changed.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: RECONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      // Addresses that servers tell of may not lead to them from here.
      ignoreClusterUpdates: true,
      ...authOf(nats, user),
      ...(place.scheme === 'tls' || tls !== undefined ? { tls: tlsOf(tls) } : {}),
    })
  } catch (error) {
    throw connectFault(options, error)
  }
}

function authOf(nats: Nats, { user, password, credentials }: NatsUser): object {
  if (credentials !== undefined) {
    return { authenticator: nats.credsAuthenticator(new TextEncoder().encode(credentials)) }
  }
  if (user === undefined) return {}
  return { user, pass: password ?? '' } satisfies Partial<Auth>
}

const tlsOf = (tls: EngineTls = {}): TlsOptions => ({ handshakeFirst: false, ...tls })

function connectFault({ place, isSystem }: ConnectOptions, error: unknown): DstoreError {
  const { label } = place
  const { name, message } = error as Error
  if (/Authorization|Authentication|Permission/.test(name) || /authorization/i.test(message)) {
    const who = isSystem === true ? 'the user of the system account' : 'this user'
    return new DstoreError('not-permitted', `${label}: the server refuses ${who}`, {
      cause: error,
      hint:
        isSystem === true
          ? 'state systemUser and systemPassword in the secrets as the configuration of the servers has them'
          : 'state a user of an account with JetStream, and its password in the secrets',
    })
  }
  return connectionFault(label, causeOf(error), /\btls\b/i)
}

/** What the system or TLS said, where the client wraps it. */
function causeOf(error: unknown): unknown {
  const { cause } = error as Error
  return cause instanceof Error && (cause as { code?: unknown }).code !== undefined ? cause : error
}
