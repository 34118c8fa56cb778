/**
 * A Unix socket's address has room for about 100 bytes, less than a path may have. On Linux a longer path is reached
 * through the descriptor of its directory, which makes it short; elsewhere it is refused (R007-6).
 */
import { closeSync, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { SOCKET_PATH_BYTES } from '../../limits.ts'

export interface SocketAddress {
  /** To bind or to connect to; good until it is released. */
  readonly path: string
  release(): void
}

/** An address for this path that the system takes. Throws what opening its directory throws. */
export function socketAddress(path: string): SocketAddress {
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES) return { path, release: () => undefined }
  if (process.platform !== 'linux') {
    throw new DstoreError('unwritable', `the path of the socket is too long: ${path}`, {
      hint: `give a path of at most ${SOCKET_PATH_BYTES} bytes with --socket`,
    })
  }
  const fd = openSync(dirname(path), 'r')
  const short = `/proc/self/fd/${fd}/${basename(path)}`
  if (Buffer.byteLength(short) > SOCKET_PATH_BYTES) {
    closeSync(fd)
    throw new DstoreError('unwritable', `the name of the socket is too long: ${basename(path)}`)
  }
  return { path: short, release: () => closeSync(fd) }
}
