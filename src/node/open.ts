/** Opens a node in the role that it is told: the one place where the parts of a node are put together. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DstoreError } from '../errors.ts'
import { Gate } from '../membership/gate.ts'
import { KnownMembers } from '../membership/known-members.ts'
import type { Ticket } from '../membership/ticket.ts'
import type { Recovery } from '../store/disk/disk.ts'
import { createMemoryStore } from '../store/memory/memory.ts'
import { readOrCreateSecret } from '../store/file/secret-file.ts'
import type { Store } from '../store/store.ts'
import type { Channel } from '../wire/channel.ts'
import { createClock } from './clock.ts'
import { Global } from './global/global.ts'
import { GlobalLink } from './local/global-link.ts'
import { Local } from './local/local.ts'
import type { Identity } from '../network/identity.ts'
import type { Log } from '../log.ts'
import type { Node, Role } from './node.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL, type Network } from '../network/network.ts'
import { backoffMs } from './local/reconnect.ts'

export interface NodeOptions {
  /** State directory, absolute; it exists. Identity and store live in it; without one, both are gone at the end. */
  readonly dir?: string
  readonly role: Role
  /** What a Global or a standalone node keeps values in. */
  readonly store: 'memory' | 'disk'
  /** Multiaddrs to listen on. Default: of a Global loopback, any free port; of a Local none, so that it gives nothing. */
  readonly listen?: readonly string[]
  /** Multiaddr, with peer id, of the Global that a Local is a member of, or becomes one by its ticket. */
  readonly join?: string
  /** Makes a Local a member, the first time. It goes before `join`, and is to be stored nowhere. */
  readonly ticket?: Ticket
  /** Budget of a Local's cache. */
  readonly cacheBytes: number
  /** Bytes of values that a Global's store takes in; no bound where undefined. */
  readonly maxBytes?: number
  /** Bounds that Global sets for its Locals, in milliseconds: see `IndexHostOptions`. */
  readonly leaseMs?: number
  readonly forgetAfterMs?: number
  /** False: transfers go over streams alone, as where the other side has no lanes. */
  readonly lanes?: boolean
  readonly log: Log
}

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

/**
 * Errors: `malformed-address`, `address-in-use`, `unwritable`, and for a Local those that say that the address it was
 * told is not its Global, or that it is no member (`incompatible`, `impostor`, `not-permitted`). A Global that is merely
 * away is waited for, but not by who comes with a ticket.
 */
export async function openNode(options: NodeOptions): Promise<Node> {
  switch (options.role) {
    case 'standalone':
      return openGlobal(options, undefined, undefined)
    case 'global': {
      const gate = newGate(options, INDEX_PROTOCOL)
      const network = await openNetwork(options, options.listen ?? [LOOPBACK], gate, true)
      return closingOnFailure(network, () => openGlobal(options, network, gate))
    }
    case 'local': {
      const gate = newGate(options, undefined)
      const network = await openNetwork(options, options.listen ?? [], gate)
      return closingOnFailure(network, () => openLocal(options, network, gate))
    }
  }
}

function newGate({ log }: NodeOptions, admission: string | undefined): Gate {
  return new Gate({
    admission,
    now,
    report: (refused) => log.warn('a peer was refused', { ...refused }),
  })
}

async function openGlobal(
  options: NodeOptions,
  network: Network | undefined,
  gate: Gate | undefined,
): Promise<Node> {
  const store = await openStore(options)
  try {
    const { log, leaseMs, forgetAfterMs } = options
    return await Global.open({ store, network, gate, log, now, random, leaseMs, forgetAfterMs })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openLocal(options: NodeOptions, network: Network, gate: Gate): Promise<Node> {
  const { log, cacheBytes, ticket } = options
  const addresses = globalAddresses(options)
  const { parseDialAddress } = await import('../network/multiaddr.ts')
  const globalPeer = parseDialAddress(addresses[0]!).peer
  const members = new KnownMembers((peer) => network.disconnect(peer))
  gate.follow((peer) => peer === globalPeer || members.has(peer))
  let globalAddress = addresses[0]!
  const dial = async (signal: AbortSignal): Promise<Channel> => {
    const [address, channel] = await dialFirst(network, addresses, signal)
    globalAddress = address
    return channel
  }
  const link = new GlobalLink({ dial, backoffMs, members, log, now, random }, ticket?.secret)
  const failure = await link.start()
  const isAway = failure?.code === 'unreachable' || failure?.code === 'timeout'
  if (failure !== undefined && (!isAway || ticket !== undefined)) {
    await link.close()
    throw failure
  }
  const parts = { network, link, gate, members, globalAddress, globalPeer }
  const local = new Local({ ...parts, cacheBytes, log, random })
  await local.listen()
  return local
}

/** Where Global may be, with its peer id. */
function globalAddresses({ join, ticket }: NodeOptions): readonly string[] {
  if (ticket !== undefined) return ticket.addresses.map((one) => `${one}/p2p/${ticket.peer}`)
  if (join === undefined) throw new DstoreError('usage', 'a Local needs a Global to join')
  return [join]
}

/** A channel to the first address at which Global answers; the fault of the first where it does at none. */
async function dialFirst(
  network: Network,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<[address: string, channel: Channel]> {
  let fault: unknown
  for (const address of addresses) {
    try {
      return [address, await network.dial(address, INDEX_PROTOCOL, { signal })]
    } catch (error) {
      fault ??= error
      signal.throwIfAborted()
    }
  }
  throw fault
}

async function openStore({ dir, store, maxBytes, log }: NodeOptions): Promise<Store> {
  const bound = maxBytes === undefined ? {} : { maxBytes }
  if (store === 'memory') return createMemoryStore(bound)
  if (dir === undefined) throw new TypeError('options.dir: a store on disk needs a directory')
  const { openDiskStore } = await import('../store/disk/disk.ts')
  const disk = await openDiskStore({ directory: dir, ...bound })
  reportRecovery(disk.recovery, log)
  return disk
}

function reportRecovery({ deletedFiles, damaged }: Recovery, log: Log): void {
  if (deletedFiles > 0) log.info('deleted what unfinished puts and removals left', { deletedFiles })
  for (const location of damaged) log.error('a value is damaged or missing on disk', { location })
}

/** libp2p takes a while to load: a standalone node does without. */
async function openNetwork(
  { dir, lanes = true, log }: NodeOptions,
  listen: readonly string[],
  gate: Gate,
  isHeld = false,
): Promise<Network> {
  const { createNetwork } = await import('../network/libp2p-network.ts')
  const { LaneNetwork } = await import('../network/lane/lane-network.ts')
  const identity = await identityIn(dir)
  const network = await createNetwork({ identity, listen, gate, isHeld })
  if (!lanes) return network
  return new LaneNetwork({ network, listen, bulk: TRANSFER_PROTOCOL, log, now, random })
}

async function identityIn(dir: string | undefined): Promise<Identity> {
  const { newIdentity, encodeIdentity, decodeIdentity } = await import('../network/identity.ts')
  if (dir === undefined) return newIdentity()
  const secret = await readOrCreateSecret(join(dir, 'identity.key'), async () =>
    encodeIdentity(await newIdentity()),
  )
  return decodeIdentity(secret)
}

async function closingOnFailure(network: Network, open: () => Promise<Node>): Promise<Node> {
  try {
    return await open()
  } catch (error) {
    await network.close()
    throw error
  }
}

const now = createClock()

const random = (bytes: number): Uint8Array => randomBytes(bytes)
