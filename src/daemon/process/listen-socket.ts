/**
 * Listening on a Unix socket that is never open to other users, not even at first (R007-3, R007-4).
 */
import { chmodSync, lstatSync, rmSync, statSync } from 'node:fs'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import { systemFault } from '../../errno.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { connectTo } from '../client/connection.ts'
import { giveToGroup } from './permissions.ts'
import { socketAddress } from '../config/socket-address.ts'
import { identityOf } from '../../store/disk/files.ts'

/** Connections that the system keeps until they are accepted; Node's default is 511. */
const BACKLOG = 4096

const STICKY = 0o1000
const WRITABLE_BY_OTHERS = 0o022

export interface SocketListener {
  /** Whether the path still leads to this socket, so that closing the server may delete it. */
  isInPlace(): boolean
  /** Call it after the server is closed. */
  release(): void
}

/** Binds the server to this path, for its user and a group, if any. */
export async function listenOnSocket(
  server: Server,
  path: string,
  group: string | undefined,
): Promise<SocketListener> {
  const address = socketAddress(path)
  try {
    checkParent(dirname(path))
    await bind(server, address.path)
    if (group !== undefined) {
      giveToGroup(path, group)
      chmodSync(path, 0o660)
    }
    const bound = identityAt(path)
    return { isInPlace: () => identityAt(path) === bound, release: () => address.release() }
  } catch (error) {
    server.close()
    address.release()
    throw error
  }
}

/** Device and inode of the file at a path; undefined without one. */
function identityAt(path: string): string | undefined {
  try {
    return identityOf(lstatSync(path, { bigint: true }))
  } catch {
    return undefined
  }
}

/** A user who may write to a directory can replace the socket, unless it is sticky like /tmp. */
function checkParent(path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  if ((mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0) return
  throw new DstoreError(
    'not-permitted',
    `the directory of the socket is writable by others: ${path}`,
  )
}

async function bind(server: Server, path: string): Promise<void> {
  await removeStale(path)
  const umask = process.umask(0o177)
  try {
    // Many clients may connect before the event loop accepts the first.
    server.listen({ path, backlog: BACKLOG })
  } finally {
    process.umask(umask)
  }
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const system = systemFault(cause)
    throw new DstoreError(
      code === 'EADDRINUSE' ? 'address-in-use' : (system?.code ?? 'unwritable'),
      `cannot serve on the socket ${path} (${system?.reason ?? code})`,
      { cause, hint: system?.hint ?? 'choose another place with --socket' },
    )
  }
}

/**
 * Removes a socket that a dead process left. Throws for one that is served, and for another file.
 */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new DstoreError('unwritable', `the path of the socket holds another file: ${path}`)
  }
  const probe = await connectTo(path).catch((error: unknown) => {
    // Not even its own user may connect to it, so it serves no client.
    if (asDstoreError(error).code === 'not-permitted') return undefined
    throw error
  })
  probe?.destroy()
  if (probe !== undefined) {
    throw new DstoreError('address-in-use', `another daemon serves on ${path}`)
  }
  rmSync(path, { force: true })
}
