/**
 * TLS for lanes (specs/003-transfer-lane.md, "Handshake"): version 1.3 alone, one cipher, a fresh X25519 exchange, and
 * a pre-shared key in place of certificates on both sides.
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
  // A ticket would let a peer come back without a key, after it was revoked.
  secureOptions: constants.SSL_OP_NO_TICKET,
  // No certificate is good here, whoever signed it.
  ca: [],
}

/** `keyOf` gives the secret for an id, once; `take` gets the sockets that proved to know it. */
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
  // Strangers fail their handshakes all the time: that is not an error of this node.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

/**
 * Connect as the holder of a key. Rejects unless the other end proved to know the key: with `unreachable` where
 * nobody answers, with `not-permitted` where somebody else does. What arrives lands in `intake`, if there is one.
 */
export async function connectLane(
  address: { readonly host: string; readonly port: number },
  key: LaneKey,
  signal: AbortSignal,
  intake?: LaneReceiver,
): Promise<TLSSocket> {
  signal.throwIfAborted()
  const options: ConnectionOptions & { onread?: LaneReceiver['onread'] } = {
    ...COMMON,
    ...address,
    ...(intake && { onread: intake.onread }),
    pskCallback: () => ({ psk: key.secret, identity: toHex(key.id) }),
    // Asked only when a certificate was shown in place of the key.
    checkServerIdentity: () => new Error('a certificate where a key was agreed'),
  }
  const socket = connect(options)
  const stop = (): void => void socket.destroy(new Error('given up'))
  signal.addEventListener('abort', stop, { once: true })
  let answered = false
  socket.once('connect', () => (answered = true))
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
    // What is destroyed late may still have an error to tell.
    socket.on('error', () => {})
    signal.throwIfAborted()
    throw new DstoreError(
      answered ? 'not-permitted' : 'unreachable',
      `no lane to ${address.host}:${address.port}: ${(cause as Error).message.split('\n', 1)[0]!}`,
      { cause },
    )
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Did both ends use the key? A handshake with a key counts as a resumed one, and shows no certificate. To look at
 * `authorized` is not enough: Node sets it from the certificate.
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
