/** Connecting to a daemon's socket, and telling "no daemon" from every other failure. */
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { OnReadOpts, SocketConstructorOpts } from 'node:net'
import { pause } from '../../deadline.ts'
import { systemFault } from '../../errno.ts'
import { DstoreError, systemError, throwIfCancelled } from '../../errors.ts'
import { MIB } from '../../limits.ts'
import { PLATFORM, type Platform } from '../../platform.ts'
import { deniedAt, hintAtOwner } from '../config/owner.ts'
import { socketAddress } from '../config/socket-address.ts'

/** Bytes of a response that a client buffers before they are read. */
export const READ_BUFFER_BYTES: number = MIB

/** How long a connection waits where more arrive than the daemon has accepted, and how often. */
const CONNECT_MS = 10_000
const POLL_MS = 20

/** Tries where a full queue and a stale socket give the same error, as on macOS (R007-178). */
const REFUSED_TRIES = 5

/** Errors of the system where no daemon serves: no socket, a stale one, or one that just died. */
const NO_DAEMON: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTDIR',
  'ECONNRESET',
])

/** Node's types omit that this constructor takes the options of a stream. */
const OPTIONS = { readableHighWaterMark: READ_BUFFER_BYTES } as SocketConstructorOpts

/**
 * An open connection; undefined where no daemon serves; `not-permitted` where this user may not use
 * the socket. With `onread` what arrives is read into one buffer, and not by the stream.
 */
export async function connectTo(
  path: string,
  signal?: AbortSignal,
  { tellsFullQueue }: Pick<Platform, 'tellsFullQueue'> = PLATFORM,
  onread?: OnReadOpts,
): Promise<Socket | undefined> {
  const giveUpAt = performance.now() + CONNECT_MS
  let refusals = tellsFullQueue ? REFUSED_TRIES : 0
  try {
    for (;;) {
      try {
        return await connectOnce(path, onread)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const mayBeFull = code === 'ECONNREFUSED' && ++refusals < REFUSED_TRIES
        const isFull = code === 'EAGAIN' || mayBeFull
        if (!isFull || performance.now() > giveUpAt) throw error
        await pause(POLL_MS * (1 + Math.random()), signal ?? NEVER)
        throwIfCancelled(signal)
      }
    }
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (NO_DAEMON.has(code)) return undefined
    if (code === 'EACCES' || code === 'EPERM') {
      throw deniedSocket(path, cause)
    }
    const system = systemFault(cause)
    if (system?.code === 'busy') throw systemError(system, 'cannot connect to the daemon', cause)
    throw new DstoreError('unreachable', `cannot connect to the daemon: ${message}`, { cause })
  }
}

/** Says whether the socket is another user's, or what on the way to it denies its use. */
function deniedSocket(path: string, cause: unknown): DstoreError {
  const at = deniedAt(path)
  const owner = hintAtOwner(at)
  const isOthers = at === path && owner.hint !== undefined
  const denied = `cannot connect to the daemon: permission denied on ${at}`
  const message = isOthers ? `the daemon's socket is not yours: ${path}` : denied
  const hint = 'change its mode, or choose another directory with --dir'
  return new DstoreError('not-permitted', message, { cause, hint, ...owner })
}

async function connectOnce(path: string, onread: OnReadOpts | undefined): Promise<Socket> {
  const address = socketAddress(path)
  try {
    const socket = new Socket(onread === undefined ? OPTIONS : ({ onread } as typeof OPTIONS))
    socket.connect(address.path)
    await once(socket, 'connect')
    // Users of the connection listen for errors themselves; this covers the time between two uses.
    socket.on('error', () => undefined)
    return socket
  } finally {
    address.release()
  }
}

const NEVER = new AbortController().signal
