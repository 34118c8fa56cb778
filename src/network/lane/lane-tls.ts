/**
 * TLS for lanes (specs/003-transfer-lane.md, "Handshake"): only version 1.3, one cipher, a fresh
 * X25519 exchange, and a pre-shared key in place of certificates on both sides.
 */
import { constants } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import type {
  CommonConnectionOptions,
  ConnectionOptions,
  SecureContextOptions,
  Server,
  TLSSocket,
} from 'node:tls'
import { toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { LANE_HANDSHAKE_MS } from '../../limits.ts'
import type { LaneReceiver } from './lane-receive.ts'
import type { LaneKey } from './lane-keys.ts'

const VERSION = 'TLSv1.3'
const CIPHER = 'TLS_AES_128_GCM_SHA256'

const COMMON: SecureContextOptions & CommonConnectionOptions = {
  minVersion: VERSION,
  maxVersion: VERSION,
  ciphers: CIPHER,
  ecdhCurve: 'X25519',
  // A session ticket would let a revoked peer reconnect without a key.
  secureOptions: constants.SSL_OP_NO_TICKET,
  // No certificate is valid here, whatever its issuer.
  ca: [],
}

/** `keyOf` returns the secret of an id, once; `take` gets each socket that proved to know it. */
export function laneServer(
  keyOf: (socket: TLSSocket, id: string) => Uint8Array | undefined,
  take: (socket: TLSSocket) => void,
): Server {
  const server = createServer(
    {
      ...COMMON,
      handshakeTimeout: LANE_HANDSHAKE_MS,
      pskCallback: (socket, id) => keyOf(socket, id) ?? null,
    },
    (socket) => {
      if (isPreShared(socket)) take(socket)
      else socket.destroy()
    },
  )
  // A failed handshake of a stranger is expected, and no error of this node.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

/**
 * Connects with a key, and receives into `receiver` if given. Errors: `unreachable` if nothing
 * answers, `not-permitted` unless the other end proves to know the key.
 */
export async function connectLane(
  address: { readonly host: string; readonly port: number },
  key: LaneKey,
  signal: AbortSignal,
  receiver?: LaneReceiver,
): Promise<TLSSocket> {
  signal.throwIfAborted()
  const options: ConnectionOptions & { onread?: LaneReceiver['onread'] } = {
    ...COMMON,
    ...address,
    ...(receiver && { onread: receiver.onread }),
    pskCallback: () => ({ psk: key.secret, identity: toHex(key.id) }),
    // Called only when the server shows a certificate in place of the key.
    checkServerIdentity: () => new Error('a certificate in place of the key'),
  }
  const socket = connect(options)
  const stop = (): void => void socket.destroy(new Error('cancelled'))
  signal.addEventListener('abort', stop, { once: true })
  let isConnected = false
  socket.once('connect', () => (isConnected = true))
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed during the handshake')))
    })
    if (!isPreShared(socket)) throw new Error('the other end did not use the key')
    return socket
  } catch (cause) {
    socket.destroy()
    // A destroyed socket may still emit an error.
    socket.on('error', () => {})
    signal.throwIfAborted()
    throw new DstoreError(
      isConnected ? 'not-permitted' : 'unreachable',
      `no lane to ${address.host}:${address.port}: ${(cause as Error).message.split('\n', 1)[0]!}`,
      { cause },
    )
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Did both ends use the key? Such a handshake counts as a resumed session and has no certificate.
 * `authorized` does not say: Node sets it from the certificate.
 */
function isPreShared(socket: TLSSocket): boolean {
  const { raw } = socket.getPeerCertificate() as { raw?: unknown }
  return (
    socket.isSessionReused() &&
    raw === undefined &&
    socket.getProtocol() === VERSION &&
    socket.getCipher().standardName === CIPHER
  )
}
