/**
 * One node with its API in one state directory (specs/007, "Life of a daemon"). It acquires lock,
 * node and socket in this order, and releases them in reverse.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { hostname, totalmem } from 'node:os'
import { CACHE_BYTES, CACHE_PERCENT, STATE_CHECK_MS } from '../../limits.ts'
import type { Ticket } from '../../membership/ticket.ts'
import type { NodeStatus, ServedNode } from '../../node/node.ts'
import type { NodeOptions } from '../../node/open.ts'
import { SOCKET_ACCESS } from '../http/access.ts'
import type { Access } from '../http/access.ts'
import type { ApiContext } from '../http/call.ts'
import type { DoorContext } from '../http/doors/door-context.ts'
import { DoorCounts } from '../http/doors/door-counts.ts'
import { watched } from '../http/statistics/watched.ts'
import type { Door } from '../http/doors/door.ts'
import { createApiServer } from '../http/server.ts'
import { setUpHeap } from './heap.ts'
import type { ApiServer } from '../http/server.ts'
import { Sessions } from '../http/session/sessions.ts'
import { listenOnSocket } from './listen-socket.ts'
import type { SocketListener } from './listen-socket.ts'
import type { Certificate, CertificateFiles } from './certificate.ts'
import { listenOnTcp, TcpApi } from './listen-tcp.ts'
import type { TcpListener } from './listen-tcp.ts'
import { takeLock } from './lock.ts'
import { DstoreError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { closeDirectory } from './permissions.ts'
import { parseHttpAddress } from '../config/http-address.ts'
import { refuseToHide } from '../config/inactive-store.ts'
import type { Settings } from '../config/settings.ts'
import { readSettings, resolveSettings, writeSettings } from '../config/settings.ts'
import { HeldFiles } from '../../store/file/held-files.ts'
import { daemonArchive } from '../config/archive/daemon-archive.ts'
import type { MemberNode } from './set/member-node.ts'
import { TokenTable } from '../config/tokens/token-table.ts'
import { createDirectory } from '../config/state-directory.ts'
import type { StateDirectory } from '../config/state-directory.ts'

export interface DaemonOptions {
  readonly directory: StateDirectory
  /** From flags and environment; they override the saved settings, and are saved. */
  readonly settings: Settings
  /** Makes a Local a member at its first start. Only the addresses of its Global are saved. */
  readonly ticket?: Ticket
  /** For this start only: restore the archive here, where there is no store. Not saved. */
  readonly takeOver?: boolean
  /** For this start only: the wall clock is right (R004-64). Not saved. */
  readonly trustClock?: boolean
  readonly log: Log
  /** What a start that takes long does at the moment, for people. */
  readonly onStep?: (doing: string) => void
  /** Called under the lock, so that a daemon that may not run does not load libp2p. */
  readonly openNode: (options: NodeOptions) => Promise<ServedNode>
  /** Loads the code of a Global ahead of `openNode`, at a member of a set that stands by. */
  readonly prepare?: () => Promise<void>
  /** Called where doors are open. Missing: the program has none. */
  readonly openDoors?: (names: readonly string[], context: DoorContext) => Promise<readonly Door[]>
}

export interface Daemon {
  readonly node: ServedNode
  /** Path of the socket, as configured. */
  readonly socket: string
  /** Resolves when a client asks the daemon to stop. */
  readonly stopRequested: Promise<void>
  /** Resolves with the reason when the state directory is gone: the daemon must end (R007-110). */
  readonly lost: Promise<DstoreError>
  /** Resolves once another node has taken over the archive: the daemon must end (R011-81). */
  readonly overtaken: Promise<DstoreError>
  /** Of a member of a set: called whenever it becomes active from now on. */
  onActive(listener: (status: NodeStatus) => void): void
  /** Lets calls finish or aborts them, closes the node, removes the socket, releases the lock. */
  close(): Promise<void>
}

/**
 * Starts serving. Rejects with `locked`, `unwritable`, `usage`, `address-in-use`, or as `openNode`.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { directory, ticket } = options
  setUpHeap()
  const given = ticket === undefined ? options.settings : asLocal(options.settings, ticket)
  // Refuse bad settings before creating anything; the lock protects the second, decisive read.
  resolveSettings(given, readSettings(directory.config))
  createDirectory(directory)
  const lock = takeLock(directory.lock)
  const held = new HeldFiles()
  held.add(directory.lock, lock.identity)
  // A commit compares, too; this one is for a daemon that starts, or that nothing is asked of.
  const watcher = setInterval(() => held.look(), STATE_CHECK_MS)
  const release = (): void => {
    clearInterval(watcher)
    lock.release()
  }
  try {
    // The process ends with what it has begun: no client finds a daemon without its directory.
    const lost = held.lost.then((fault) => Promise.reject(fault))
    return await Promise.race([start(given, { held, release }, options), lost])
  } catch (error) {
    release()
    throw error
  }
}

interface Held {
  readonly held: HeldFiles
  /** Releases the lock. */
  readonly release: () => void
}

async function start(
  given: Settings,
  { held, release }: Held,
  options: DaemonOptions,
): Promise<Daemon> {
  const { directory, log, ticket, trustClock = false } = options
  const settings = resolveSettings(given, readSettings(directory.config))
  if (trustClock && settings.role === 'local') {
    throw new DstoreError('usage', '--trust-clock is for a node that keeps the index', {
      hint: 'give it to the Global of this Local',
    })
  }
  if (settings.role === 'local' && settings.withoutData !== true) {
    await refuseToHide(directory.path)
  }
  const takeOver = options.takeOver === true
  const archive = daemonArchive({ directory, settings, given, takeOver, log })
  closeDirectory(directory, settings.socketGroup)
  const tokens = new TokenTable(directory.tokens)
  const nodeOptions: NodeOptions = {
    dir: directory.path,
    hostName: hostname(),
    held,
    role: settings.role ?? 'standalone',
    store: settings.store ?? 'disk',
    cacheBytes: settings.cacheBytes ?? defaultCacheBytes(),
    ...cacheFolder(settings, directory),
    log,
    ...(settings.listen === undefined ? {} : { listen: settings.listen }),
    ...(settings.lanePort === undefined ? {} : { lanePort: settings.lanePort }),
    ...(settings.http === undefined
      ? {}
      : { reservedPorts: [parseHttpAddress(settings.http).port] }),
    ...(settings.join === undefined ? {} : { join: settings.join }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(settings.pins === undefined ? {} : { pins: settings.pins }),
    ...(settings.maxBytes === undefined ? {} : { maxBytes: settings.maxBytes }),
    ...(settings.leaseMs ? { leaseMs: settings.leaseMs } : {}),
    ...(trustClock && { trustClock }),
    ...(settings.forgetAfterMs ? { forgetAfterMs: settings.forgetAfterMs } : {}),
    ...(archive.options && { archive: archive.options }),
  }
  const member = await memberOf(settings, nodeOptions, tokens, options)
  const node = member?.node ?? (await options.openNode(nodeOptions))
  let daemon: Daemon | undefined
  try {
    const saved = member === undefined ? await withAddress(settings, node) : settings
    const mirror = member === undefined ? await archive.settle(node.kept) : undefined
    if (mirror !== undefined) tokens.settle(mirror)
    daemon = await serve(node, settings, { held, release, tokens, member }, options)
    // Its socket answers already, while it loads what it lacks.
    await member?.start()
    // A take-over is not the time to read code.
    if (member !== undefined) await options.prepare?.()
    // Save only settings that a node was opened and served with (R007-6).
    writeSettings(directory.config, saved)
    archive.served()
    return daemon
  } catch (error) {
    await (daemon ?? node).close()
    throw error
  }
}

/** A member of a set, which stands by or is active; undefined for other nodes. */
async function memberOf(
  settings: Settings,
  node: NodeOptions,
  tokens: TokenTable,
  { directory, log, openNode, onStep }: DaemonOptions,
): Promise<MemberNode | undefined> {
  if (settings.engine === undefined) return undefined
  const { startMember } = await import('./set/start-member.ts')
  return startMember({ directory, settings, node, tokens, log, openNode, onStep })
}

/** Where cached values lie in files, and who may read them. */
function cacheFolder(
  { cacheDir, cacheDirBytes, socketGroup }: Settings,
  { path }: StateDirectory,
): Pick<NodeOptions, 'cacheDir' | 'cacheDirBytes' | 'groupId'> {
  return {
    ...(cacheDir !== undefined && { cacheDir }),
    ...(cacheDirBytes !== undefined && { cacheDirBytes }),
    // `closeDirectory` has given the directory to the group.
    ...(socketGroup && { groupId: statSync(path).gid }),
  }
}

interface ServeParts extends Held {
  readonly tokens: TokenTable
  readonly member: MemberNode | undefined
}

/** Serves an open node. The daemon releases the lock when it closes. */
async function serve(
  node: ServedNode,
  settings: Settings,
  { held, release, tokens, member }: ServeParts,
  { directory, log, openDoors }: DaemonOptions,
): Promise<Daemon> {
  const stopping = new AbortController()
  const stopRequested = once(stopping.signal, 'abort').then(() => undefined)
  const socket = settings.socket ?? directory.socket
  const { doors: names = [] } = settings
  const doors =
    (names.length > 0 && (await openDoors?.(names, doorContext(node, settings, log)))) || []
  const sessions = new Sessions({ now: Date.now, randomBytes, isToken: (hash) => tokens.has(hash) })
  const hosts = settings.httpHosts ?? []
  const listen = (address: string): Promise<TcpListener> =>
    listenOnTcp(
      {
        address,
        isPublic: settings.httpPublic === true,
        tokenFile: directory.token,
        tokens,
        sessions,
        hosts,
        certificate: certificateIn(settings),
        log,
      },
      createServer,
    )
  const tcp = new TcpApi(listen, hosts)
  const described = {
    node,
    directory: directory.path,
    socket,
    doorRoots: doors.map(({ root }) => root),
    http: () => tcp.status(),
  }
  const { statistics, events } = watched(described, doors)
  const context: ApiContext = {
    ...described,
    doorCounts: new DoorCounts(),
    statistics,
    events,
    tokens,
    sessions,
    member,
    openHttp: (port) => tcp.open(`127.0.0.1:${port}`),
    stop: () => stopping.abort(),
  }
  const createServer = (access: Access, tls?: Certificate): ApiServer =>
    createApiServer({ ...context, doors }, access, log, undefined, tls)
  if (settings.http !== undefined) await tcp.open(settings.http)
  const api = createServer(SOCKET_ACCESS)
  let listener: SocketListener
  try {
    listener = await listenOnSocket(api.server, socket, settings.socketGroup)
  } catch (error) {
    await tcp.close()
    throw error
  }
  statistics.start()
  const close = async (): Promise<void> => {
    statistics.stop()
    try {
      // Calls that wait for the archive end before the drain gives up on them.
      node.ending?.()
      // Closing deletes what is at the path of the socket, which may be that of another daemon.
      const closed = listener.isInPlace() ? api.close() : api.drain()
      await Promise.all([closed, tcp.close()])
      await node.close()
      tokens.close()
    } finally {
      listener.release()
      release()
    }
  }
  let closing: Promise<void> | undefined
  const { lost } = held
  const overtaken = member?.ended ?? node.kept?.lost ?? new Promise<DstoreError>(() => undefined)
  return {
    node,
    socket,
    stopRequested,
    lost,
    overtaken,
    onActive: (listener) => {
      if (member !== undefined) member.onActive = listener
    },
    close: () => (closing ??= close()),
  }
}

/** What doors need of this daemon. The token of an upstream is no setting: those are not secret. */
function doorContext(node: ServedNode, { hfUpstream: url }: Settings, log: Log): DoorContext {
  const token = process.env['DSTORE_HF_UPSTREAM_TOKEN'] ?? ''
  return { node, log, ...(url !== undefined && { hfUpstream: { url, ...(token && { token }) } }) }
}

/** The files for TLS, if the settings name them. */
function certificateIn({ httpCert, httpKey }: Settings): CertificateFiles | undefined {
  if (httpCert === undefined || httpKey === undefined) return undefined
  return { cert: httpCert, key: httpKey }
}

/** The settings of a Local that joins the Global which issued the ticket. */
function asLocal(settings: Settings, { peer, addresses }: Ticket): Settings {
  return { ...settings, role: 'local', join: addresses.map((one) => `${one}/p2p/${peer}`) }
}

/**
 * Adds the address that a Global without one was assigned, so that its Locals find it after a
 * restart.
 */
async function withAddress(settings: Settings, node: ServedNode): Promise<Settings> {
  const { listen } = await node.status()
  if (settings.role !== 'global' || settings.listen !== undefined) return settings
  return { ...settings, listen: listen.map((address) => address.replace(/\/p2p\/[^/]+$/, '')) }
}

/** A share of the memory available to this process, bounded. */
function defaultCacheBytes(): number {
  const limit = process.constrainedMemory()
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return Math.min(Math.floor((memory * CACHE_PERCENT) / 100), CACHE_BYTES)
}
