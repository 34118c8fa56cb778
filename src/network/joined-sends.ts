/**
 * What Noise sends, in fewer writes. The package gives the transport a list, the length of each message and the message as
 * pieces of their own, and the transport makes a call to the system and a packet of each: 56 for a piece of 1 MiB, a sixth
 * of what it costs to send it. To copy what was just encrypted, and lies in the processor's cache, is cheaper.
 */
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

/** Up to here the copy lies in memory that Node keeps at hand. */
const SMALL_BYTES = 4096

/** The longest message of Noise, and its length before it: what is longer is several. */
const MESSAGE_BYTES = 2 + 65_535

type Sendable = Parameters<MessageStream['send']>[0]

/**
 * In one piece, or as it was where that is not worth a copy: one message of more than `SMALL_BYTES`, for which new memory
 * would have to be found.
 */
export function joined(data: Sendable): Sendable {
  if (data instanceof Uint8Array) return data
  const isWorthIt = data.byteLength <= SMALL_BYTES || data.byteLength > MESSAGE_BYTES
  return isWorthIt ? Buffer.concat([...data]) : data
}

/** The same connection, that joins what it is given to send. */
function joining(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection)
  connection.send = (data) => send(joined(data))
  return connection
}

/** The same encrypter, over connections that join what it sends. */
export function overJoined<T>(encrypter: ConnectionEncrypter<T>): ConnectionEncrypter<T> {
  return {
    protocol: encrypter.protocol,
    secureOutbound: (connection, options) => encrypter.secureOutbound(joining(connection), options),
    secureInbound: (connection, options) => encrypter.secureInbound(joining(connection), options),
  }
}
