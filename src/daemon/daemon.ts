/**
 * A node with its API, alone in its state directory. Taken in this order and given back in the reverse: lock, node,
 * socket (specs/007, "Life of a daemon").
 */
import { lstatSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { totalmem } from 'node:os'
import type { Server } from 'node:http'
import { DstoreError } from '../errors.ts'
import { GIB } from '../limits.ts'
import type { Ticket } from '../membership/ticket.ts'
import type { Node } from '../node/node.ts'
import type { NodeOptions } from '../node/open.ts'
import { createApiServer } from './http/server.ts'
import { takeLock } from './lock.ts'
import type { Log } from '../node/log.ts'
import type { Settings } from './settings.ts'
import { readSettings, settle, writeSettings } from './settings.ts'
import { socketAddress } from './socket-address.ts'
import { createDirectory } from './state-directory.ts'
import type { StateDirectory } from './state-directory.ts'

export interface DaemonOptions {
  readonly directory: StateDirectory
  /** What was said now, by flag or environment; it goes before what the directory remembers, and is remembered. */
  readonly settings: Settings
  /** Makes a Local a member, the first time. The directory remembers where its Global is, and nothing else of it. */
  readonly ticket?: Ticket
  readonly log: Log
  /** Called under the lock: loading libp2p is not worth it for a daemon that may not run. */
  readonly openNode: (options: NodeOptions) => Promise<Node>
}

export interface Daemon {
  readonly node: Node
  /** Path of the socket, as it was asked for. */
  readonly socket: string
  /** Resolves when a client has asked the daemon to stop. */
  readonly stopAsked: Promise<void>
  /** Finish or cut what is in progress, close the node, remove the socket, release the lock. */
  close(): Promise<void>
}

/** Start serving. Rejects with `locked`, `unwritable`, `usage`, `address-in-use` or what opening the node throws. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { directory, log, ticket } = options
  const said = ticket === undefined ? options.settings : asLocal(options.settings, ticket)
  // What cannot be is refused before anything is made; what counts is read again under the lock.
  settle(said, readSettings(directory.config))
  createDirectory(directory)
  const lock = takeLock(directory.lock)
  try {
    const settings = settle(said, readSettings(directory.config))
    const node = await options.openNode({
      dir: directory.path,
      role: settings.role ?? 'standalone',
      store: settings.store ?? 'disk',
      cacheBytes: settings.cacheBytes ?? defaultCacheBytes(),
      log,
      ...(settings.listen === undefined ? {} : { listen: settings.listen }),
      ...(settings.join === undefined ? {} : { join: settings.join }),
      ...(ticket === undefined ? {} : { ticket }),
      ...(settings.maxBytes === undefined ? {} : { maxBytes: settings.maxBytes }),
      ...(settings.leaseMs ? { leaseMs: settings.leaseMs } : {}),
      ...(settings.forgetAfterMs ? { forgetAfterMs: settings.forgetAfterMs } : {}),
    })
    try {
      // Only what a node could be opened with is worth remembering.
      writeSettings(directory.config, await withAddress(settings, node))
      const socket = settings.socket ?? directory.socket
      return await serve(node, socket, directory, lock, log)
    } catch (error) {
      await node.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function serve(
  node: Node,
  socket: string,
  directory: StateDirectory,
  lock: { release(): void },
  log: Log,
): Promise<Daemon> {
  const asked = new AbortController()
  const stopAsked = once(asked.signal, 'abort').then(() => undefined)
  const stop = (): void => asked.abort()
  const api = createApiServer({ node, directory: directory.path, socket, stop }, log)
  const address = socketAddress(socket)
  try {
    await listen(api.server, address.path)
  } catch (error) {
    address.release()
    throw error
  }
  const close = async (): Promise<void> => {
    try {
      await api.close()
      await node.close()
    } finally {
      rmSync(address.path, { force: true })
      address.release()
      lock.release()
    }
  }
  let closing: Promise<void> | undefined
  return { node, socket, stopAsked, close: () => (closing ??= close()) }
}

/** Bind, so that nobody but the user can connect, not even for a moment. */
async function listen(server: Server, path: string): Promise<void> {
  await removeStale(path)
  const umask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(umask)
  }
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const taken = code === 'EADDRINUSE'
    throw new DstoreError(
      taken ? 'address-in-use' : 'unwritable',
      `cannot serve on the socket ${path} (${code})`,
      { cause, hint: 'choose another place with --socket' },
    )
  }
}

/** Remove a socket that a dead process left; leave one that is served, and what is no socket, alone. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new DstoreError(
      'unwritable',
      `there is something else where the socket should be: ${path}`,
    )
  }
  const probe = connect(path)
  const served = await once(probe, 'connect').then(
    () => true,
    () => false,
  )
  probe.destroy()
  if (served) throw new DstoreError('address-in-use', `another daemon serves on ${path}`)
  rmSync(path, { force: true })
}

/** The settings of a Local of the Global that made a ticket. */
function asLocal(settings: Settings, { peer, addresses }: Ticket): Settings {
  return { ...settings, role: 'local', join: `${addresses[0]!}/p2p/${peer}` }
}

/**
 * A Global that was told no address keeps the one it got, so that its Locals find it after a restart; a Local that had
 * several of a ticket keeps the one at which Global answered.
 */
async function withAddress(settings: Settings, node: Node): Promise<Settings> {
  const { listen, global } = await node.status()
  if (global !== undefined) return { ...settings, join: global.address }
  if (settings.role !== 'global' || settings.listen !== undefined) return settings
  return { ...settings, listen: listen.map((address) => address.replace(/\/p2p\/[^/]+$/, '')) }
}

/** A quarter of the memory that this process may use, at most 2 GiB. */
function defaultCacheBytes(): number {
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return Math.min(Math.floor(memory / 4), 2 * GIB)
}
