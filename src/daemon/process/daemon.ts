/**
 * A node with its API, alone in its state directory. Taken in this order and given back in the reverse: lock, node,
 * socket (specs/007, "Life of a daemon").
 */
import { rmSync } from 'node:fs'
import { once } from 'node:events'
import { totalmem } from 'node:os'
import { GIB } from '../../limits.ts'
import type { Ticket } from '../../membership/ticket.ts'
import type { Node } from '../../node/node.ts'
import type { NodeOptions } from '../../node/open.ts'
import { SOCKET_ACCESS } from '../http/access.ts'
import type { Access } from '../http/access.ts'
import type { ApiContext } from '../http/call.ts'
import { createApiServer } from '../http/server.ts'
import { setUpHeap } from './heap.ts'
import type { ApiServer } from '../http/server.ts'
import { listenOnSocket } from './listen-socket.ts'
import { listenOnTcp } from './listen-tcp.ts'
import type { TcpListener } from './listen-tcp.ts'
import { takeLock } from './lock.ts'
import type { Log } from '../../log.ts'
import { closeDirectory } from './permissions.ts'
import type { Settings } from '../config/settings.ts'
import { readSettings, settle, writeSettings } from '../config/settings.ts'
import type { SocketAddress } from '../config/socket-address.ts'
import { createDirectory } from '../config/state-directory.ts'
import type { StateDirectory } from '../config/state-directory.ts'

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
  setUpHeap()
  const said = ticket === undefined ? options.settings : asLocal(options.settings, ticket)
  // What cannot be is refused before anything is made; what counts is read again under the lock.
  settle(said, readSettings(directory.config))
  createDirectory(directory)
  const lock = takeLock(directory.lock)
  try {
    const settings = settle(said, readSettings(directory.config))
    closeDirectory(directory, settings.socketGroup)
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
    let daemon: Daemon | undefined
    try {
      const settled = await withAddress(settings, node)
      daemon = await serve({ node, settings, directory, lock, log })
      // Only what a node could be opened and served with is worth remembering.
      writeSettings(directory.config, settled)
      return daemon
    } catch (error) {
      await (daemon ?? node).close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Serving {
  readonly node: Node
  readonly settings: Settings
  readonly directory: StateDirectory
  readonly lock: { release(): void }
  readonly log: Log
}

async function serve({ node, settings, directory, lock, log }: Serving): Promise<Daemon> {
  const asked = new AbortController()
  const stopAsked = once(asked.signal, 'abort').then(() => undefined)
  const socket = settings.socket ?? directory.socket
  let tcp: TcpListener | undefined
  const context: ApiContext = {
    node,
    directory: directory.path,
    socket,
    http: () => tcp?.status(),
    stop: () => asked.abort(),
  }
  const createServer = (access: Access): ApiServer => createApiServer(context, access, log)
  if (settings.http !== undefined) {
    const isPublic = settings.httpPublic === true
    const options = { address: settings.http, isPublic, tokenFile: directory.token, log }
    tcp = await listenOnTcp(options, createServer)
  }
  const api = createServer(SOCKET_ACCESS)
  let address: SocketAddress
  try {
    address = await listenOnSocket(api.server, socket, settings.socketGroup)
  } catch (error) {
    await tcp?.close()
    throw error
  }
  const close = async (): Promise<void> => {
    try {
      await Promise.all([api.close(), tcp?.close()])
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
