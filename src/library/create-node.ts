/** A node in the process of a program: the roles, and what each of them can be told. */
import { MIB } from '../limits.ts'
import { checkJoinAddress, checkListenAddress } from '../daemon/config/addresses.ts'
import { parseTicket, type Ticket } from '../membership/ticket.ts'
import type { Lock } from '../daemon/process/lock.ts'
import { SILENT, type Log } from '../log.ts'
import type { NodeOptions as OpenOptions } from '../node/open.ts'
import type { Dstore } from './dstore.ts'
import { OverNode } from './over-node.ts'

/** Memory for values of a Local that a program opens without saying how much. */
const LIBRARY_CACHE_BYTES = 256 * MIB

/** What every node can be told. */
export interface AnyNode {
  /**
   * State directory, made where it is missing and held by one process at a time. It keeps the node's identity, and, but
   * for a Local, its values, durably. A node without one keeps everything in memory, and nothing longer than that.
   */
  readonly dir?: string
  /** Where the node says what happens to it. Default: nowhere. */
  readonly log?: Log
}

/** Both layers in one process, without a network. */
export interface StandaloneOptions extends AnyNode {
  readonly role?: 'standalone'
  /** The most that its store takes in, in bytes of values. Default: what the disk has. */
  readonly maxBytes?: number
}

/** The designated peer that holds the canonical index and the durable copy. */
export interface GlobalOptions extends AnyNode {
  readonly role: 'global'
  /** Multiaddrs to listen on. Default: loopback, a free port, which `status().listen` tells. */
  readonly listen?: readonly string[]
  /** The most that its store takes in, in bytes of values. Default: what the disk has. */
  readonly maxBytes?: number
  /** A Local that hears nothing for so long stops serving, in milliseconds. Default: none. */
  readonly leaseMs?: number
  /** A Local that is out of touch for so long is no longer waited for, in milliseconds. Default: a day. */
  readonly forgetAfterMs?: number
}

/** Fetches from a Global once, keeps in memory, and serves from there. */
export interface LocalOptions extends AnyNode {
  readonly role: 'local'
  /**
   * What makes this node a member of a Global: of `invite()` there. A secret, needed once for an identity, which a `dir`
   * keeps; without one every node is new.
   */
  readonly ticket?: string
  /** Multiaddr of a Global that lists this node already, with its peer id: one of `status().listen` there. */
  readonly join?: string
  /** Memory for values, in bytes. Default: 256 MiB. */
  readonly cacheBytes?: number
  /** Multiaddrs at which other Locals can fetch from this one. Default: none. */
  readonly listen?: readonly string[]
}

/** By its role: `{}`, `{ role: 'global' }`, `{ role: 'local', join }`. */
export type NodeOptions = StandaloneOptions | GlobalOptions | LocalOptions

/**
 * Open a node in this process. A Local whose Global is away is opened all the same, and connects when it can. Errors:
 * `locked` (another process holds the directory), `unwritable`, `malformed-address`, `address-in-use`; of a Local also
 * `incompatible` and `not-permitted`, said by its Global.
 */
export async function createNode(options: NodeOptions = {}): Promise<Dstore> {
  const { dir, log = SILENT } = options
  const told = ofRole(options)
  const lock = dir === undefined ? undefined : await hold(dir)
  try {
    const { openNode } = await import('../node/open.ts')
    const store = dir === undefined ? 'memory' : 'disk'
    const node = await openNode({ ...told, ...lock?.place, store, log })
    return new OverNode(node, () => lock?.release())
  } catch (error) {
    lock?.release()
    throw error
  }
}

type OfRole = Omit<OpenOptions, 'dir' | 'store' | 'log'>

function ofRole(options: NodeOptions): OfRole {
  const { role = 'standalone', dir, log: _, ...rest } = options
  if (dir !== undefined && typeof dir !== 'string')
    throw new TypeError('options.dir must be a path')
  for (const [name, value] of Object.entries(rest)) {
    if (/Bytes$|Ms$/.test(name) && !(Number.isSafeInteger(value) && Number(value) >= 0)) {
      throw new RangeError(`options.${name} must be a whole number`)
    }
  }
  checkListen('listen' in rest ? rest.listen : undefined)
  switch (role) {
    case 'local': {
      const { ticket, join, ...known } = rest as Partial<LocalOptions>
      return { cacheBytes: LIBRARY_CACHE_BYTES, ...known, ...destination(ticket, join), role }
    }
    case 'standalone':
    case 'global':
      return { cacheBytes: 0, ...(rest as Omit<GlobalOptions, 'role'>), role }
    default:
      throw new TypeError('options.role must be standalone, global or local')
  }
}

/** Where a Local belongs: a ticket says so itself. */
function destination(ticket?: string, join?: string): { ticket: Ticket } | { join: string } {
  if (ticket !== undefined) {
    if (typeof ticket !== 'string') throw new TypeError('options.ticket must be a ticket')
    return { ticket: parseTicket(ticket) }
  }
  if (join === undefined) throw new TypeError('options.ticket or options.join must be given')
  return { join: checkJoinAddress(join) }
}

function checkListen(listen: unknown = []): void {
  if (!Array.isArray(listen)) throw new TypeError('options.listen must be a list of multiaddrs')
  for (const address of listen) checkListenAddress(String(address))
}

/** The directory, held until it is released; `locked` where another process has it. */
async function hold(dir: string): Promise<Lock & { readonly place: { readonly dir: string } }> {
  const { createDirectory, stateDirectory } = await import('../daemon/config/state-directory.ts')
  const { takeLock } = await import('../daemon/process/lock.ts')
  const directory = stateDirectory(dir)
  createDirectory(directory)
  const lock = takeLock(directory.lock)
  return { place: { dir: directory.path }, release: () => lock.release() }
}
