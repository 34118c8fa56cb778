/**
 * Addresses of Unix sockets, which hold about 100 bytes: fewer than a path may have. On Linux, a
 * descriptor of the directory shortens a longer path; elsewhere it is refused (R007-5).
 */
import { closeSync, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { SOCKET_PATH_BYTES } from '../../limits.ts'

export interface SocketAddress {
  /** To bind or connect to; valid until `release`. */
  readonly path: string
  release(): void
}

/** A short enough address for this path. Throws if its directory cannot be opened. */
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
