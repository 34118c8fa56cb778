/**
 * Addresses of Unix sockets, which hold about 100 bytes: fewer than a path may have. A longer path
 * is shortened by way of its directory: on Linux by a descriptor of it, elsewhere by a symbolic
 * link to it (R007-5).
 */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
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

/** In a temporary directory a user can remove only their own links. */
function byLink(path: string): SocketAddress {
  const directory = resolve(dirname(path))
  statSync(directory)
  const name = newName()
  const isUsable = (one: string): boolean =>
    existsSync(one) && fits(`${one}/${name}/${basename(path)}`)
  const place = [tmpdir(), '/tmp'].find(isUsable)
  if (place === undefined) throw tooLong(path)
  removeLeftLinks(place)
  const link = `${place}/${name}`
  symlinkSync(directory, link)
  return { path: `${link}/${basename(path)}`, release: () => rmSync(link, { force: true }) }
}

/** Names of one process differ; another process with its number may have left one of them. */
let last = Math.floor(Math.random() * 36 ** 4)

function newName(): string {
  last = (last + 1) % 36 ** 4
  return `dstore-${process.pid.toString(36)}-${last.toString(36).padStart(4, '0')}`
}

const LINK = /^dstore-([0-9a-z]+)-[0-9a-z]{4}$/

/** Removes the links of this user that killed processes left. What cannot be removed stays. */
function removeLeftLinks(place: string): void {
  for (const name of readdirSync(place)) {
    const [, pid] = LINK.exec(name) ?? []
    if (pid === undefined || isAlive(Number.parseInt(pid, 36))) continue
    try {
      const found = lstatSync(`${place}/${name}`)
      if (found.isSymbolicLink() && found.uid === process.getuid?.()) unlinkSync(`${place}/${name}`)
    } catch {
      // Another process was first.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES
}

function tooLong(path: string): DstoreError {
  return new DstoreError('unwritable', `the name of the socket is too long: ${basename(path)}`, {
    hint: `give a path of at most ${SOCKET_PATH_BYTES} bytes with --socket`,
  })
}
