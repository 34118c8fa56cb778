/** Connections to NATS servers. */
import type * as transport from '@nats-io/transport-node'
import type { Auth, NatsConnection, TlsOptions } from '@nats-io/transport-node'
import { DstoreError } from '../../errors.ts'
import { type EngineTls, awayError } from '../engine/engine.ts'
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
    throw connectFault(place.label, error)
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

function connectFault(label: string, error: unknown): DstoreError {
  const { name, message } = error as Error
  if (/Authorization|Authentication|Permission/.test(name) || /authorization/i.test(message)) {
    return new DstoreError('not-permitted', `${label}: the server refuses this user`, {
      cause: error,
      hint: 'state a user of an account with JetStream, and its password in the secrets',
    })
  }
  return awayError(label, 'no server answers', error)
}
