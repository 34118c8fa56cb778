/** Connecting to a daemon's socket, and telling "no daemon" from every other failure. */
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { SocketConstructorOpts } from 'node:net'
import { DstoreError } from '../../errors.ts'
import { MIB } from '../../limits.ts'
import { socketAddress } from '../config/socket-address.ts'

/** What a client of a daemon takes of an answer before it is read. */
export const ANSWER_AHEAD_BYTES: number = MIB

/** What the system says where nobody serves: no socket, one that a dead process left, or one that died meanwhile. */
const NOBODY: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTDIR',
  'ECONNRESET',
])

/** What comes while its reader is busy is given to it in one piece. Node's types do not know that sockets are streams here. */
const READING = { readableHighWaterMark: ANSWER_AHEAD_BYTES } as SocketConstructorOpts

/** An open connection; undefined where no daemon serves. `not-permitted` where it is somebody else's. */
export async function connectTo(path: string): Promise<Socket | undefined> {
  try {
    const address = socketAddress(path)
    try {
      const socket = new Socket(READING)
      socket.connect(address.path)
      await once(socket, 'connect')
      // Whoever uses it hears of errors in his own way; between two uses there must be somebody, too.
      socket.on('error', () => undefined)
      return socket
    } finally {
      address.release()
    }
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (NOBODY.has(code)) return undefined
    if (code === 'EACCES' || code === 'EPERM') {
      throw new DstoreError('not-permitted', `the daemon's socket is not yours: ${path}`, { cause })
    }
    throw new DstoreError('unreachable', `cannot connect to the daemon: ${message}`, { cause })
  }
}
