/** Opening a node in the process of a program: the roles and their options. */
import { LIBRARY_CACHE_BYTES } from '../limits.ts'
import { checkSystem } from '../platform.ts'
import { checkJoinAddresses, checkListenAddress } from '../daemon/config/addresses.ts'
import type { Ticket } from '../membership/ticket.ts'
import type { HeldFiles } from '../store/file/held-files.ts'
import type { Lock } from '../daemon/process/lock.ts'
import { SILENT, type Log } from '../log.ts'
import type { NodeOptions as OpenOptions } from '../node/open.ts'
import type { Dstore } from './dstore.ts'
import { nodeFacade } from './node-facade.ts'

/** Options of every node. */
export interface AnyNode {
  /**
   * State directory; created if missing, and locked by one process at a time. It keeps the node's
   * identity and, except for a Local, its values. Default: keep everything in memory, until
   * `close`.
   */
  readonly dir?: string
  /** Receives the node's log. Default: discard it. */
  readonly log?: Log
}

/** Options of a standalone node: index and values in one process, without a network. */
export interface StandaloneOptions extends AnyNode {
  readonly role?: 'standalone'
  /** Quota of its store, in bytes of values. Default: the space on the disk. */
  readonly maxBytes?: number
}

/** Options of a Global: the node with the canonical index and the durable copy. */
export interface GlobalOptions extends AnyNode {
  readonly role: 'global'
  /** Multiaddrs to listen on. Default: a free port on 127.0.0.1; see `status().listen`. */
  readonly listen?: readonly string[]
  /**
   * TCP port for bulk data, 0 for any free one; it must be free. Default: one above the port that
   * it listens on, or any free one.
   */
  readonly lanePort?: number
  /** Quota of its store, in bytes of values. Default: the space on the disk. */
  readonly maxBytes?: number
  /** Lease: a Local stops serving after this many milliseconds of silence. Default: no lease. */
  readonly leaseMs?: number
  /**
   * Forget a Local after this many milliseconds without contact, so that removals no longer wait
   * for it. Default: a day.
   */
  readonly forgetAfterMs?: number
  /**
   * The wall clock of this machine is right, though it is a day or more off the newest time that
   * this node trusted: see `status().clock`. Default: delete nothing by age until it is trusted.
   */
  readonly trustClock?: boolean
}

/** Options of a Local: a node that fetches values from its Global and caches them in memory. */
export interface LocalOptions extends AnyNode {
  readonly role: 'local'
  /**
   * Secret from `invite()` at a Global that makes this node a member. An identity needs it once;
   * `dir` keeps the identity, and a node without `dir` has a new one each time.
   */
  readonly ticket?: string
  /**
   * Multiaddr, with peer id, of a Global that lists this node as a member: one of its
   * `status().listen`; or several of one Global.
   */
  readonly join?: string | readonly string[]
  /** Memory for cached values, in bytes. Default: 256 MiB. */
  readonly cacheBytes?: number
  /**
   * Folder for cached values in files, which any process can map; `none` for memory only. On a disk
   * it also needs `cacheDirBytes`, and is found again after a restart if `dir` is the same.
   */
  readonly cacheDir?: string
  /** How much they may take, in bytes. Default: on shared memory, within `cacheBytes`. */
  readonly cacheDirBytes?: number
  /**
   * What it keeps in its cache as long as it runs: keys, names, and paths below them, which it
   * follows as `pin` does. It opens before they are fetched. Default: nothing.
   */
  readonly pins?: readonly string[]
  /** Multiaddrs where other Locals can fetch from this one. Default: none. */
  readonly listen?: readonly string[]
  /**
   * Open it although `dir` has a store with values from a time when its node was standalone or
   * Global, which a Local does not serve. Default: fail with `conflict`.
   */
  readonly withoutData?: boolean
  /** TCP port for bulk data, if it listens: see `GlobalOptions`. */
  readonly lanePort?: number
}

/** Options by role: `{}`, `{ role: 'global' }`, `{ role: 'local', ticket }`. */
export type NodeOptions = StandaloneOptions | GlobalOptions | LocalOptions

/**
 * Open a node in this process. A Local whose Global is unreachable opens all the same, and keeps
 * connecting; one that comes with a `ticket` fails with `unreachable`. Errors: `locked` (another
 * process uses `dir`), `unwritable`, `not-permitted` (other users may write to `dir`),
 * `malformed-address`, `address-in-use`; for a Local also `conflict` (see `withoutData`), and
 * `incompatible` and `not-permitted` from its Global. TypeError or RangeError for invalid options.
 * @example const dstore = await createNode({ dir: 'state' })
 */
export async function createNode(options: NodeOptions = {}): Promise<Dstore> {
  checkSystem()
  const { dir, log = SILENT } = options
  const { withoutData, ...settings } = await optionsOf(options)
  const lock = dir === undefined ? undefined : await lockDirectory(dir)
  try {
    if (lock !== undefined && settings.role === 'local' && withoutData !== true) {
      await (await import('../daemon/config/inactive-store.ts')).refuseToHide(lock.path, WITHOUT)
    }
    const { openNode } = await import('../node/open.ts')
    const store = lock === undefined ? 'memory' : 'disk'
    const place = lock && { dir: lock.path, held: lock.held }
    const node = await openNode({ ...settings, ...place, store, log })
    return nodeFacade(node, () => lock?.release())
  } catch (error) {
    lock?.release()
    throw error
  }
}

const WITHOUT = 'give another `dir`, or `withoutData: true` to leave the store there unserved'

type RoleOptions = Omit<OpenOptions, 'dir' | 'store' | 'log'> & { withoutData?: boolean }

async function optionsOf(options: NodeOptions): Promise<RoleOptions> {
  const { role = 'standalone', dir, log: _, ...rest } = options
  if (dir !== undefined && typeof dir !== 'string')
    throw new TypeError('options.dir must be a path')
  for (const [name, value] of Object.entries(rest)) {
    if (/Bytes$|Ms$/.test(name) && !(Number.isSafeInteger(value) && Number(value) >= 0)) {
      throw new RangeError(`options.${name} must be a whole number`)
    }
  }
  checkPort('lanePort' in rest ? rest.lanePort : undefined)
  checkListen('listen' in rest ? rest.listen : undefined)
  checkPins('pins' in rest ? rest.pins : undefined)
  switch (role) {
    case 'local': {
      const { ticket, join, ...known } = rest as Partial<LocalOptions>
      return {
        cacheBytes: LIBRARY_CACHE_BYTES,
        ...known,
        ...(await destination(ticket, join)),
        role,
      }
    }
    case 'standalone':
    case 'global':
      return { cacheBytes: 0, ...(rest as Omit<GlobalOptions, 'role'>), role }
    default:
      throw new TypeError('options.role must be standalone, global or local')
  }
}

/** How a Local finds its Global; a ticket holds the addresses. */
async function destination(
  ticket?: string,
  join?: string | readonly string[],
): Promise<{ ticket: Ticket } | { join: readonly string[] }> {
  if (ticket !== undefined) {
    if (typeof ticket !== 'string') throw new TypeError('options.ticket must be a ticket')
    const { parseTicket } = await import('../membership/ticket.ts')
    return { ticket: parseTicket(ticket) }
  }
  if (join === undefined) throw new TypeError('options.ticket or options.join must be given')
  return { join: checkJoinAddresses([join].flat()) }
}

function checkPort(port = 0): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return
  throw new RangeError('options.lanePort must be a whole number from 0 to 65535')
}

function checkListen(listen: unknown = []): void {
  if (!Array.isArray(listen)) throw new TypeError('options.listen must be a list of multiaddrs')
  for (const address of listen) checkListenAddress(String(address))
}

function checkPins(pins: unknown = []): void {
  if (Array.isArray(pins) && pins.every((word) => typeof word === 'string')) return
  throw new TypeError('options.pins must be a list of keys and names')
}

interface LockedDirectory extends Pick<Lock, 'release'> {
  readonly path: string
  readonly held: HeldFiles
}

/** Locks the directory until it is released; `locked` if another process has it. */
async function lockDirectory(dir: string): Promise<LockedDirectory> {
  const { checkUmask, createDirectory, stateDirectory } =
    await import('../daemon/config/state-directory.ts')
  const { HeldFiles } = await import('../store/file/held-files.ts')
  const { takeLock } = await import('../daemon/process/lock.ts')
  const directory = stateDirectory(dir)
  checkUmask()
  createDirectory(directory)
  const lock = takeLock(directory.lock)
  const held = new HeldFiles()
  held.add(directory.lock, lock.identity)
  return { path: directory.path, held, release: () => lock.release() }
}
