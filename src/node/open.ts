/** Opens a node in its role: the one place that assembles the parts of a node. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DstoreError } from '../errors.ts'
import { Gate } from '../membership/gate.ts'
import { KnownMembers } from '../membership/known-members.ts'
import { labelOfHost } from '../membership/label.ts'
import type { Ticket } from '../membership/ticket.ts'
import type { HeldFiles } from '../store/file/held-files.ts'
import { clearPrivate } from '../store/paths/private-folder.ts'
import { readOrCreateSecret } from '../store/file/secret-file.ts'
import { SYSTEM_CLOCKS, grantorClock, holderClock, type Clocks } from './clock.ts'
import { CacheBudget } from './cache/cache-budget.ts'
import type { NodeSet } from './global/set/node-set.ts'
import type { NodeArchive, NodeArchiveOptions } from './global/archive/node-archive.ts'
import { Global } from './global/global.ts'
import { openStore } from './global/store/open-store.ts'
import {
  ADDRESSES_FILE_BYTES,
  GlobalAddresses,
  decodeAddresses,
  encodeAddresses,
  type GlobalAddressesOptions,
  type SavedAddresses,
} from './local/global-addresses.ts'
import { globalConnector } from './local/global-connector.ts'
import { OperationIds } from '../index/local/operation-ids.ts'
import { GlobalLink } from './local/global-link.ts'
import { openInactive } from './inactive/inactive-store.ts'
import type { GlobalLinkOptions } from './local/link-options.ts'
import { Local, type LocalOptions } from './local/local.ts'
import { openFiles, type FilesOptions, type OpenFilesOptions } from './tiers/open-files.ts'
import type { Identity } from '../network/identity.ts'
import { engine } from '../hash/engine/active-engine.ts'
import type { Log } from '../log.ts'
import { pinWord } from './pins/pinned-tree.ts'
import type { PinsOptions } from './pins/pins.ts'
import type { Role, ServedNode } from './node.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL } from '../network/network.ts'
import type { Network, PeerDialer } from '../network/network.ts'
import { backoffMs } from './local/reconnect.ts'

export { loadGlobal } from './global/set/load-global.ts'

export interface NodeOptions extends FilesOptions {
  /**
   * Absolute path of the state directory, which exists. Without one, identity and store last as
   * long as the node.
   */
  readonly dir?: string
  readonly role: Role
  /** What must stay in place for the node to acknowledge anything, such as the lock of `dir`. */
  readonly held?: HeldFiles
  /** Where a Global or a standalone node keeps values. */
  readonly store: 'memory' | 'disk'
  /**
   * Multiaddrs to listen on. Default: a free loopback port at a Global, none at a Local, which then
   * serves no peer.
   */
  readonly listen?: readonly string[]
  /** Multiaddrs, with peer id, of the Global of a Local. */
  readonly join?: string | readonly string[]
  /** Makes a Local a member, and takes precedence over `join`. A secret: do not store it. */
  readonly ticket?: Ticket
  /** The name of this machine: the label of a new member whose ticket has none. */
  readonly hostName?: string
  /** Budget of a Local's cache. */
  readonly cacheBytes: number
  /** What a Local keeps in its cache as long as it runs: keys, names, and paths below them. */
  readonly pins?: readonly string[]
  /** Quota of a Global's store, in bytes of values. Default: none. */
  readonly maxBytes?: number
  /** See `IndexDriverOptions`. */
  readonly leaseMs?: number
  readonly forgetAfterMs?: number
  /** See `GlobalIndexOptions`; not for a Local. */
  readonly trustClock?: boolean
  /** Default: those of the system. */
  readonly clocks?: Clocks
  /** False: transfers use only streams, never lanes. */
  readonly lanes?: boolean
  /** TCP port of lanes, 0 for any free one; it must be free. Default: see `defaultLanePort`. */
  readonly lanePort?: number
  /** Ports of this machine that the default port of lanes must leave for others. */
  readonly reservedPorts?: readonly number[]
  /** Of a Global or standalone node with a store on disk. */
  readonly archive?: NodeArchiveOptions
  /** Of a Global that is the active member of a set, in place of an archive. */
  readonly set?: NodeSet
  readonly log: Log
}

/** A node that is being opened, with the elapsed clock of its role. */
interface Opening extends NodeOptions {
  readonly now: () => number
  readonly wall: () => number
}

/** The same, with the archive open. */
type WithArchive = Omit<Opening, 'archive'> & { readonly archive: NodeArchive | undefined }

/** Of the state directory: copies of values, and folders of links. */
const PATHS_FOLDER = 'paths'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

/**
 * Errors: `malformed-address`, `address-in-use`, `unwritable`; for a Local also `incompatible` and
 * `impostor` if the address is not its Global's, and `not-permitted` if it is not a member. A Local
 * waits for a Global that is away, unless it has a ticket.
 */
export async function openNode({
  clocks = SYSTEM_CLOCKS,
  ...given
}: NodeOptions): Promise<ServedNode> {
  // Global grants leases, and a Local holds one (R004-60, R004-61).
  const now = given.role === 'local' ? holderClock(clocks) : grantorClock(clocks)
  const options = { ...given, now, wall: clocks.wall }
  reportEngine(given.log)
  if (given.dir !== undefined) clearPaths(given.dir, given.log)
  switch (options.role) {
    case 'standalone': {
      const archive = await archiveOf(options, options.role, clocks)
      return closingOnFailure(archive, () => openGlobal({ ...options, archive }))
    }
    case 'global': {
      // First: it may bring the identity.
      const archive = await archiveOf(options, options.role, clocks)
      return closingOnFailure(archive, async () => {
        const gate = newGate(options, INDEX_PROTOCOL)
        const network = await openNetwork(options, options.listen ?? [LOOPBACK], gate, true)
        return closingOnFailure(network, () => openGlobal({ ...options, archive }, network, gate))
      })
    }
    case 'local': {
      // A bad pin is refused before a ticket is used up.
      for (const word of options.pins ?? []) await pinWord(word)
      const gate = newGate(options, undefined)
      const network = await openNetwork(options, options.listen ?? [], gate)
      return closingOnFailure(network, () => openLocal(options, network, gate))
    }
  }
}

/** Removes what an earlier run made for other processes, whatever its role was. */
function clearPaths(dir: string, log: Log): void {
  clearPrivate(join(dir, PATHS_FOLDER), (fault) => {
    if (fault !== undefined) log.warn('files of an earlier run stay', { fault: fault.message })
  })
}

/** Tells which engine hashes, unless it is the usual one (R002-4, R002-19). */
function reportEngine(log: Log): void {
  const { name, reason, refused } = engine()
  if (refused !== undefined) log.warn(refused)
  if (name === 'native') log.info('hashing with native code', { reason })
  if (name === 'typescript') log.warn('hashing is slow', { reason })
}

function newGate({ log, now }: Opening, admission: string | undefined): Gate {
  return new Gate({
    admission,
    now,
    report: (refused) => log.warn('a peer was refused', { ...refused }),
  })
}

async function archiveOf(
  { archive, dir, log }: Opening,
  role: 'global' | 'standalone',
  clocks: Clocks,
): Promise<NodeArchive | undefined> {
  if (archive === undefined) return undefined
  if (dir === undefined) throw new TypeError('options.dir: an archive needs a directory')
  const { openNodeArchive } = await import('./global/archive/node-archive.ts')
  return openNodeArchive({ dir, role, elapsed: holderClock(clocks), random, log }, archive)
}

async function openGlobal(
  options: WithArchive,
  network?: Network,
  gate?: Gate,
): Promise<ServedNode> {
  const store = await openStore(options)
  try {
    const { log, now, wall, leaseMs, forgetAfterMs, trustClock, dir, groupId, archive, set } =
      options
    const times = { now, wall, leaseMs, forgetAfterMs, trustClock }
    const paths = { pathsRoot: dir && join(dir, PATHS_FOLDER), groupId }
    return await Global.open({
      store,
      network,
      gate,
      log,
      random,
      archive,
      set,
      ...paths,
      ...times,
    })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openLocal(
  options: Opening,
  network: Network & PeerDialer,
  gate: Gate,
): Promise<ServedNode> {
  const { log, now, cacheBytes, ticket, dir } = options
  const given = givenAddresses(options)
  const { parseDialAddress } = await import('../network/multiaddr.ts')
  const { usableAddresses: usable } = await import('../network/host-addresses.ts')
  const [globalPeer, ...others] = new Set(given.map((one) => parseDialAddress(one).peer))
  if (globalPeer === undefined || others.length > 0) {
    throw new DstoreError('usage', 'the addresses to join are of different nodes')
  }
  const members = new KnownMembers((peer) => network.disconnect(peer))
  gate.follow((peer) => peer === globalPeer || members.has(peer))
  const file = await openAddressFile(dir, log)
  const addresses = new GlobalAddresses({ ...file, peer: globalPeer, given, usable })
  const connect = globalConnector({ dialer: network, addresses: () => addresses.all, now })
  const onWelcome: GlobalLinkOptions['onWelcome'] = (peer, at, named) => {
    if (at !== undefined) addresses.welcomed(at, named)
    network.prepare?.(peer)
  }
  const onNamed: GlobalLinkOptions['onNamed'] = (at, named) => addresses.welcomed(at, named)
  const host = labelOfHost(options.hostName ?? '')
  const operations = new OperationIds(random(8))
  const known = { network, gate, members, globalPeer, addresses }
  const parts = { ...known, log, random, host, operations }
  let evicted: OpenFilesOptions['onEvicted'] = () => undefined
  const { peerId } = network
  const onEvicted: typeof evicted = (value) => evicted(value)
  const budget = new CacheBudget(cacheBytes)
  const pins = { ...(await openPinFile(dir, log)), permanent: options.pins }
  const files = await openFiles({ ...options, peerId, budget, random, onEvicted })
  const inactive = await closingOnFailure(files.tier, () => inactiveIn(dir, log))
  const link = new GlobalLink(
    { ...parts, connect, onWelcome, onNamed, backoffMs, now },
    ticket?.secret,
  )
  const local = new Local({ ...parts, files, link, budget, inactive, pins })
  evicted = (value) => local.evicted(value)
  // The link resets what is held at its first welcome: files of an earlier run must be known then.
  return closingOnFailure(local, async () => {
    const failure = await link.start()
    const isAway = failure?.code === 'unreachable' || failure?.code === 'timeout'
    if (failure !== undefined && (!isAway || ticket !== undefined)) throw failure
    await local.listen()
    return local
  })
}

/** A store of an earlier role. */
async function inactiveIn(dir: string | undefined, log: Log): Promise<LocalOptions['inactive']> {
  const opened = dir === undefined ? undefined : await openInactive(dir, log)
  return dir === undefined || opened === undefined ? undefined : { directory: dir, opened }
}

/** The addresses of Global that the user gave, with its peer id. */
function givenAddresses({ join, ticket }: NodeOptions): readonly string[] {
  if (ticket !== undefined) return ticket.addresses.map((one) => `${one}/p2p/${ticket.peer}`)
  const given = typeof join === 'string' ? [join] : (join ?? [])
  if (given.length > 0) return given
  throw new DstoreError('usage', 'a Local needs a Global to join')
}

/** What Global named lasts as long as the state directory. */
async function openAddressFile(
  dir: string | undefined,
  log: Log,
): Promise<Pick<GlobalAddressesOptions, 'saved' | 'save'>> {
  if (dir === undefined) return { saved: undefined, save: async () => undefined }
  const path = join(dir, 'global.json')
  const { readText, replaceText } = await import('../store/file/text-file.ts')
  let saved: SavedAddresses | undefined
  try {
    const text = await readText(path, ADDRESSES_FILE_BYTES)
    saved = text === undefined ? undefined : decodeAddresses(text)
  } catch (error) {
    log.warn('the addresses that Global named are not used', { error: String(error) })
  }
  const save = (some: SavedAddresses): Promise<void> =>
    replaceText(path, encodeAddresses(some)).catch((error: unknown) => {
      log.warn('the addresses that Global named are not saved', { error: String(error) })
    })
  return { saved, save }
}

/** Pins last as long as the state directory. */
async function openPinFile(
  dir: string | undefined,
  log: Log,
): Promise<Pick<PinsOptions, 'saved' | 'save'>> {
  if (dir === undefined) return {}
  const { openPins } = await import('./pins/pin-file.ts')
  return openPins(join(dir, 'pins.json'), log)
}

/** libp2p is loaded here, because it takes long and a standalone node does without. */
async function openNetwork(
  { dir, lanes = true, lanePort, reservedPorts, log, now }: Opening,
  listen: readonly string[],
  gate: Gate,
  isHeld = false,
): Promise<Network & PeerDialer> {
  const { createNetwork } = await import('../network/libp2p-network.ts')
  const { LaneNetwork } = await import('../network/lane/lane-network.ts')
  const identity = await identityIn(dir)
  const network = await createNetwork({ identity, listen, gate, isHeld })
  if (!lanes) return network
  return new LaneNetwork({
    network,
    listen,
    bulk: TRANSFER_PROTOCOL,
    log,
    now,
    random,
    ...(lanePort !== undefined && { lanePort }),
    ...(reservedPorts !== undefined && { reservedPorts }),
  })
}

async function identityIn(dir: string | undefined): Promise<Identity> {
  const { newIdentity, encodeIdentity, decodeIdentity } = await import('../network/identity.ts')
  if (dir === undefined) return newIdentity()
  const secret = await readOrCreateSecret(join(dir, 'identity.key'), async () =>
    encodeIdentity(await newIdentity()),
  )
  return decodeIdentity(secret)
}

async function closingOnFailure<T>(
  part: { close(): Promise<void> } | undefined,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open()
  } catch (error) {
    await part?.close()
    throw error
  }
}

const random = (bytes: number): Uint8Array => randomBytes(bytes)
