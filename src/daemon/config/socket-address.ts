/**
 * Addresses of Unix sockets, which hold about 100 bytes: fewer than a path may have. A longer path
 * is shortened by way of its directory: on Linux by a descriptor of it, elsewhere by a symbolic
 * link to it (R007-5).
 */
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { SOCKET_PATH_BYTES } from '../../limits.ts'
import { PLATFORM, type Platform } from '../../platform.ts'

export interface SocketAddress {
  /** To bind or connect to; valid until `release`. */
  readonly path: string
  release(): void
}

const DESCRIPTORS = '/proc/self/fd'

/** A short enough address for this path. Throws if its directory cannot be opened. */
export function socketAddress(
  path: string,
  { hasDescriptorPaths }: Pick<Platform, 'hasDescriptorPaths'> = PLATFORM,
): SocketAddress {
  if (fits(path)) return { path, release: () => undefined }
  // A Linux without /proc is like any other system.
  return hasDescriptorPaths && existsSync(DESCRIPTORS) ? byDescriptor(path) : byLink(path)
}

function byDescriptor(path: string): SocketAddress {
  const fd = openSync(dirname(path), 'r')
  const short = `${DESCRIPTORS}/${fd}/${basename(path)}`
  if (fits(short)) return { path: short, release: () => closeSync(fd) }
  closeSync(fd)
  throw tooLong(path)
}

/** The link is in a folder of its own, so that no other user can let it lead elsewhere. */
function byLink(path: string): SocketAddress {
  const directory = resolve(dirname(path))
  statSync(directory)
  const place = [tmpdir(), '/tmp'].find((one) => fits(`${one}/dstore-XXXXXX/d/${basename(path)}`))
  if (place === undefined) throw tooLong(path)
  const folder = mkdtempSync(`${place}/dstore-`)
  const release = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    symlinkSync(directory, `${folder}/d`)
  } catch (error) {
    release()
    throw error
  }
  return { path: `${folder}/d/${basename(path)}`, release }
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES
}

function tooLong(path: string): DstoreError {
  return new DstoreError('unwritable', `the name of the socket is too long: ${basename(path)}`, {
    hint: `give a path of at most ${SOCKET_PATH_BYTES} bytes with --socket`,
  })
}
