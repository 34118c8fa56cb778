/**
 * What a node was told, and remembers for its state directory: flag, then `DSTORE_*`, then config file, then default
 * (specs/007, "Settings"). Secrets are never among them.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { DstoreError } from '../../errors.ts'
import {
  CONFIG_FILE_BYTES,
  FORGET_AFTER_MS,
  LEAST_LEASE_MS,
  LONGEST_LEASE_MS,
} from '../../limits.ts'
import type { Role } from '../../node/node.ts'
import { checkJoinAddress, checkListenAddress } from './addresses.ts'
import { checkGroup } from './group.ts'
import { parseHttpAddress } from './http-address.ts'
import { parseDuration, parseSize } from './quantities.ts'

/** Only what was said; what was not is left to the next in line. */
export interface Settings {
  readonly role?: Role
  /** Multiaddr of the Global that a Local belongs to, with its peer id. */
  readonly join?: string
  /** Multiaddrs to listen on. */
  readonly listen?: readonly string[]
  readonly store?: 'memory' | 'disk'
  readonly cacheBytes?: number
  /** The most that the store takes in, in bytes of values. */
  readonly maxBytes?: number
  /** The lease that a Global grants its Locals, in milliseconds; 0 for none. */
  readonly leaseMs?: number
  /** A Global forgets a Local that is out of touch for so long, in milliseconds. */
  readonly forgetAfterMs?: number
  /** Where the API is served, if not in the state directory. */
  readonly socket?: string
  /** The group that may use the socket, too; `none` for none. */
  readonly socketGroup?: string
  /** `HOST:PORT` where the API is served over TCP, besides; `none` for nowhere. */
  readonly http?: string
  /** Reads over TCP need no token. */
  readonly httpPublic?: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** The settings that the environment holds; `usage` or an address error names a bad one. */
export function settingsFromEnvironment(environment: Environment): Settings {
  const {
    DSTORE_GLOBAL: global,
    DSTORE_JOIN: join,
    DSTORE_LISTEN: listen,
    DSTORE_STORE: store,
    DSTORE_CACHE: cache,
    DSTORE_MAX_SIZE: max,
    DSTORE_LEASE: lease,
    DSTORE_FORGET_AFTER: forgetAfter,
    DSTORE_SOCKET: socket,
    DSTORE_SOCKET_GROUP: socketGroup,
    DSTORE_HTTP: http,
    DSTORE_HTTP_PUBLIC: httpPublic,
  } = environment
  return checkSettings({
    ...(global === '1' ? { role: 'global' } : join ? { role: 'local' } : {}),
    ...(join ? { join } : {}),
    ...(listen ? { listen: listen.split(',') } : {}),
    ...(store ? { store: store as 'memory' | 'disk' } : {}),
    ...(cache ? { cacheBytes: parseSize(cache) } : {}),
    ...(max ? { maxBytes: parseSize(max) } : {}),
    ...(lease ? { leaseMs: parseLease(lease) } : {}),
    ...(forgetAfter ? { forgetAfterMs: parseDuration(forgetAfter) } : {}),
    ...(socket ? { socket } : {}),
    ...(socketGroup ? { socketGroup } : {}),
    ...(http ? { http } : {}),
    ...(httpPublic === '1' ? { httpPublic: true } : {}),
  })
}

/** The milliseconds of a lease, 0 for `none`. */
export function parseLease(text: string): number {
  return text === 'none' ? 0 : parseDuration(text)
}

/** What the state directory remembers; nothing where it remembers nothing. A file that is not ours is `usage`. */
export function readSettings(path: string): Settings {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new DstoreError('unreadable', `cannot read ${path}`, { cause: error })
  }
  try {
    if (text.length > CONFIG_FILE_BYTES) throw new Error('too long')
    return checkSettings(shape(JSON.parse(text)))
  } catch (cause) {
    throw new DstoreError('usage', `${path}: ${(cause as Error).message}`, {
      cause,
      hint: 'mend the file, or delete it and give the flags again',
    })
  }
}

/** Remember these settings: a whole file or the old one, also after a crash. */
export function writeSettings(path: string, settings: Settings): void {
  const temporary = `${path}.new`
  writeFileSync(temporary, `${JSON.stringify(settings, undefined, 2)}\n`, {
    mode: 0o600,
    flush: true,
  })
  renameSync(temporary, path)
}

/** The first of `layers` that says something about a setting decides it. */
export function mergeSettings(...layers: readonly Settings[]): Settings {
  return Object.assign({}, ...layers.toReversed()) as Settings
}

/** What a node can be opened with: what was said now, then what is remembered, without what its role has no use for. */
export function settle(said: Settings, remembered: Settings): Settings {
  const merged = mergeSettings(said, remembered)
  const { join, listen, leaseMs, forgetAfterMs, socketGroup, http, httpPublic, ...rest } = merged
  const { role } = rest
  const bounds = said.leaseMs ?? said.forgetAfterMs
  if (bounds !== undefined && role !== 'global') {
    throw new DstoreError('usage', '--lease and --forget-after are for a Global', {
      hint: 'add --global',
    })
  }
  // A Local that is forgotten is waited for no longer, although its lease may go on.
  if ((leaseMs ?? 0) > (forgetAfterMs ?? FORGET_AFTER_MS) / 2) {
    throw new DstoreError('usage', '--forget-after must be at least twice the lease')
  }
  if (said.listen !== undefined && role !== 'global' && role !== 'local') {
    throw new DstoreError('usage', '--listen is for a node with others: this one opens no port', {
      hint: 'add --global or --join',
    })
  }
  if (role === 'local' && join === undefined) {
    throw new DstoreError('usage', 'a Local needs the address of its Global', {
      hint: 'give it with --join, or join with a ticket',
    })
  }
  const overTcp = http !== undefined && http !== 'none'
  if (said.httpPublic === true && !overTcp) {
    throw new DstoreError('usage', '--http-public is for an API over TCP', {
      hint: 'say where with --http',
    })
  }
  // An address that is said anew is closed, unless it is said to be public.
  const isPublic = said.http === undefined ? httpPublic : said.httpPublic
  // What one role was told to listen on opens no port for another.
  const listensOn = said.listen ?? (remembered.role === role ? listen : undefined)
  return {
    ...rest,
    ...(socketGroup === undefined || socketGroup === 'none' ? {} : { socketGroup }),
    ...(overTcp ? { http, ...(isPublic === true && { httpPublic: true }) } : {}),
    ...(role === 'local' && join !== undefined ? { join } : {}),
    ...(listensOn === undefined ? {} : { listen: listensOn }),
    ...(role === 'global' && leaseMs !== undefined ? { leaseMs } : {}),
    ...(role === 'global' && forgetAfterMs !== undefined ? { forgetAfterMs } : {}),
  }
}

/** Refuse settings that contradict each other or that no node can follow. */
export function checkSettings(settings: Settings): Settings {
  const { role, join, listen, store, leaseMs = 0, socketGroup, http } = settings
  if (socketGroup !== undefined) checkGroup(socketGroup)
  if (http !== undefined && http !== 'none') parseHttpAddress(http)
  if (join !== undefined) checkJoinAddress(join)
  for (const address of listen ?? []) checkListenAddress(address)
  if (store !== undefined && store !== 'memory' && store !== 'disk') {
    throw new DstoreError('usage', `no such store: ${String(store)}`, {
      hint: 'write disk or memory',
    })
  }
  if (leaseMs !== 0 && (leaseMs < LEAST_LEASE_MS || leaseMs > LONGEST_LEASE_MS)) {
    const bounds = `${LEAST_LEASE_MS / 1000}s to ${LONGEST_LEASE_MS / 86_400_000}d`
    throw new DstoreError('usage', `a lease is ${bounds}, or none`)
  }
  if (role === 'global' && join !== undefined) {
    throw new DstoreError('usage', 'a node is Global or joins one, not both')
  }
  return settings
}

function shape(value: unknown): Settings {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('not an object')
  for (const [name, setting] of Object.entries(value)) {
    const right = SHAPES.get(name)
    if (right === undefined) throw new Error(`unknown setting: ${name}`)
    if (!right(setting)) throw new Error(`not a ${name}: ${JSON.stringify(setting)}`)
  }
  return value
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

const SHAPES: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['role', (value: unknown) => value === 'standalone' || value === 'global' || value === 'local'],
  ['join', isText],
  ['listen', (value: unknown) => Array.isArray(value) && value.every(isText)],
  ['store', isText],
  ['cacheBytes', isCount],
  ['maxBytes', isCount],
  ['leaseMs', isCount],
  ['forgetAfterMs', isCount],
  ['socket', isText],
  ['socketGroup', isText],
  ['http', isText],
  ['httpPublic', (value: unknown) => typeof value === 'boolean'],
])
