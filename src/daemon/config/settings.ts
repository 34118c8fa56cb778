/**
 * Settings of a node: from flags, then `DSTORE_*` variables, then the state directory's file, then
 * defaults (specs/007, "Settings"). They never hold secrets.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { DstoreError } from '../../errors.ts'
import {
  CONFIG_FILE_BYTES,
  FORGET_AFTER_MS,
  LEAST_LEASE_MS,
  LONGEST_LEASE_MS,
} from '../../limits.ts'
import type { Role } from '../../node/node.ts'
import { faultOf } from '../../store/disk/faults.ts'
import { checkLossless, decodeUtf8 } from '../../utf8.ts'
import { checkJoinAddresses, checkListenAddress } from './addresses.ts'
import {
  ARCHIVE_VARIABLES,
  checkArchive,
  resolveArchive,
  ARCHIVE_SHAPES,
  type ArchiveSettings,
} from './archive/archive-settings.ts'
import { checkDoors, doorsIn, resolveDoors } from './door-settings.ts'
import { parseHttpAddress } from './http-address.ts'
import { checkHostName, checkHttpExtras, pathOrNone, resolveHttp } from './http-settings.ts'
import { unreadableSettings } from './owner.ts'
import {
  SET_VARIABLES,
  checkSet,
  resolveSet,
  SET_SHAPES,
  type SetSettings,
} from './set/set-settings.ts'
import { checkPins, resolvePins } from './pin-settings.ts'
import { checkQuota, parseDuration, parseSize } from './quantities.ts'
import { checkShape } from './setting-shapes.ts'
import { absolutePath } from './working-directory.ts'

/** The settings that one source gives; a missing one is left to the next source. */
export interface Settings extends ArchiveSettings, SetSettings {
  readonly role?: Role
  /** Multiaddrs of a Local's Global, with its peer id. */
  readonly join?: readonly string[]
  /** Multiaddrs to listen on. */
  readonly listen?: readonly string[]
  /** TCP port on which lanes for bulk are accepted; 0 for any free one. */
  readonly lanePort?: number
  /** A Local leaves the store of an earlier role in its directory unserved (R007-146). */
  readonly withoutData?: boolean
  readonly store?: 'memory' | 'disk'
  readonly cacheBytes?: number
  /** Folder for cached values in files; `none` for memory only. */
  readonly cacheDir?: string
  /** Budget of those files, in bytes. */
  readonly cacheDirBytes?: number
  /** What a Local keeps in its cache: keys, names, paths below them; `none` for nothing. */
  readonly pins?: readonly string[]
  /** Quota of the store, in bytes of values. */
  readonly maxBytes?: number
  /** Lease that a Global grants its Locals, in milliseconds; 0 for none. */
  readonly leaseMs?: number
  /** A Global forgets a Local after this many milliseconds without contact. */
  readonly forgetAfterMs?: number
  /** Path of the API's socket, if outside the state directory. */
  readonly socket?: string
  /** Group whose members may use the socket, too; `none` for no group. */
  readonly socketGroup?: string
  /** `HOST:PORT` to serve the API over TCP as well; `none` for not at all. */
  readonly http?: string
  /** Names of this host that clients over TCP may send; `none` for no such name. */
  readonly httpHosts?: readonly string[]
  /** Path of the certificate with which TCP is served over TLS; `none` for no TLS. */
  readonly httpCert?: string
  /** Path of its key. */
  readonly httpKey?: string
  /** Reads over TCP need no token. */
  readonly httpPublic?: boolean
  /** Open doors by name; `none` for no door. */
  readonly doors?: readonly string[]
  /** Where the door of Hugging Face reads through; `none` for nowhere. */
  readonly hfUpstream?: string
}

/** By variable, in the order in which they apply: the settings that its text stands for. */
const VARIABLES: Readonly<Record<string, (text: string) => Settings>> = {
  DSTORE_JOIN: (text) => ({ role: 'local', join: text.split(',') }),
  DSTORE_GLOBAL: (text) => (text === '1' ? { role: 'global' } : {}),
  DSTORE_LISTEN: (text) => ({ listen: text.split(',') }),
  DSTORE_LANE_PORT: (text) => ({ lanePort: parsePort(text) }),
  DSTORE_WITHOUT_DATA: (text) => (text === '1' ? { withoutData: true } : {}),
  DSTORE_STORE: (store) => ({ store: store as 'memory' | 'disk' }),
  DSTORE_CACHE: (text) => ({ cacheBytes: parseSize(text) }),
  DSTORE_CACHE_DIR: (text) => ({ cacheDir: pathOrNone(text, 'the cache folder') }),
  DSTORE_CACHE_DIR_SIZE: (text) => ({ cacheDirBytes: parseSize(text) }),
  DSTORE_PIN: (text) => ({ pins: text.split(',') }),
  DSTORE_MAX_SIZE: (text) => ({ maxBytes: parseSize(text) }),
  DSTORE_LEASE: (text) => ({ leaseMs: parseLease(text) }),
  DSTORE_FORGET_AFTER: (text) => ({ forgetAfterMs: parseDuration(text) }),
  DSTORE_SOCKET: (socket) => ({ socket: absolutePath(socket, 'the socket') }),
  DSTORE_SOCKET_GROUP: (socketGroup) => ({ socketGroup }),
  DSTORE_HTTP: (http) => ({ http }),
  DSTORE_HTTP_HOST: (text) => ({ httpHosts: text.split(',') }),
  DSTORE_HTTP_CERT: (text) => ({ httpCert: pathOrNone(text, 'the certificate') }),
  DSTORE_HTTP_KEY: (text) => ({ httpKey: pathOrNone(text, 'the key') }),
  DSTORE_HTTP_PUBLIC: (text) => (text === '1' ? { httpPublic: true } : {}),
  DSTORE_DOOR: (text) => ({ doors: doorsIn([text]) }),
  DSTORE_HF_UPSTREAM: (hfUpstream) => ({ hfUpstream }),
  ...ARCHIVE_VARIABLES,
  ...SET_VARIABLES,
}

/** The settings in the environment; throws `usage` or `malformed-address` for a bad one. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const given = Object.entries(VARIABLES).map(([name, read]) => {
    const text = checkLossless(environment[name] ?? '', name)
    return text === '' ? {} : read(text)
  })
  return checkSettings(Object.assign({}, ...given) as Settings)
}

/** Parses a lease to milliseconds, `none` to 0. */
export function parseLease(text: string): number {
  return text === 'none' ? 0 : parseDuration(text)
}

/** Parses the number of a TCP port; anything else is `usage`. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new DstoreError('usage', `not a port: ${text}`, {
    hint: 'write a number from 1 to 65535, or 0 for any free port',
  })
}

/**
 * The saved settings, empty without a file. `usage` for a file with anything else in it,
 * `not-permitted` or `unreadable` for one that cannot be read.
 */
export function readSettings(path: string): Settings {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw unreadableSettings(path, error)
  }
  try {
    if (bytes.byteLength > CONFIG_FILE_BYTES) throw new Error('too long')
    const text = decodeUtf8(bytes)
    if (text === undefined) throw new Error('not UTF-8')
    return checkSettings(checkShape(withList(JSON.parse(text))))
  } catch (cause) {
    throw new DstoreError('usage', `${path}: ${(cause as Error).message}`, {
      cause,
      hint: 'fix the file, or delete it and give the flags again',
    })
  }
}

/**
 * Saves the settings atomically: after a crash, the file holds the old or the new ones. Writes
 * nothing if it holds them already: a full disk must not keep a node from starting (R007-111).
 */
export function writeSettings(path: string, settings: Settings): void {
  if (existsSync(path) && isDeepStrictEqual(readSettings(path), settings)) return
  const temporary = `${path}.new`
  try {
    writeFileSync(temporary, `${JSON.stringify(settings, undefined, 2)}\n`, {
      mode: 0o600,
      flush: true,
    })
    renameSync(temporary, path)
  } catch (error) {
    if (statSync(temporary, { throwIfNoEntry: false })?.isFile() === true) rmSync(temporary)
    throw faultOf(error, `save the settings in ${path}`)
  }
}

/** Merges settings; for each, the first layer that has it wins. */
export function mergeSettings(...layers: readonly Settings[]): Settings {
  return Object.assign({}, ...layers.toReversed()) as Settings
}

/**
 * The settings to open a node with: the given ones, then the saved ones that still apply to its
 * role. Throws `usage` where they contradict each other.
 */
export function resolveSettings(given: Settings, saved: Settings): Settings {
  const merged = mergeSettings(given, saved)
  const { join, listen, lanePort, leaseMs, forgetAfterMs, withoutData, ...others } = merged
  const { httpHosts: _, httpCert: __, httpKey: ___, pins: ____, ...kept } = others
  const { socketGroup, http, httpPublic, doors: _doors, hfUpstream: _upstream, ...more } = kept
  const rest = withoutBuckets(more)
  const { role } = rest
  if ((given.leaseMs ?? given.forgetAfterMs) !== undefined && role !== 'global') {
    throw new DstoreError('usage', '--lease and --forget-after are for a Global', {
      hint: 'add --global',
    })
  }
  if (given.withoutData === true && role !== 'local') {
    throw new DstoreError('usage', '--without-data is for a Local', { hint: 'add --join' })
  }
  checkCacheFolder(given, role)
  // A removal does not wait for a forgotten Local, so its lease must have expired by then.
  if ((leaseMs ?? 0) > (forgetAfterMs ?? FORGET_AFTER_MS) / 2) {
    throw new DstoreError('usage', '--forget-after must be at least twice the lease')
  }
  if (given.listen !== undefined && role !== 'global' && role !== 'local') {
    throw new DstoreError('usage', '--listen is for a node with others: this one opens no port', {
      hint: 'add --global or --join',
    })
  }
  // Addresses saved for one role open no port for another.
  const isSameRole = saved.role === role
  const listensOn = given.listen ?? (isSameRole ? listen : undefined)
  if (given.lanePort !== undefined && role !== 'global' && listensOn === undefined) {
    throw new DstoreError('usage', '--lane-port is for a node that listens', {
      hint: 'add --global, or --listen to a Local',
    })
  }
  const lanesOn = given.lanePort ?? (isSameRole ? lanePort : undefined)
  if (lanesOn && listensOn?.some((address) => address.endsWith(`/tcp/${lanesOn}`))) {
    throw new DstoreError('usage', `--lane-port: the node itself listens on port ${lanesOn}`)
  }
  if (role === 'local' && join === undefined) {
    throw new DstoreError('usage', 'a Local needs the address of its Global', {
      hint: 'give it with --join, or join with a ticket',
    })
  }
  const overTcp = http !== undefined && http !== 'none'
  if (given.httpPublic === true && !overTcp) {
    throw new DstoreError('usage', '--http-public is for an API over TCP', {
      hint: 'say where with --http',
    })
  }
  checkHttpExtras(given, merged, overTcp)
  const set = resolveSet(given, merged)
  checkMember(merged, listensOn)
  // A new address is not public unless the same command says so.
  const isPublic = given.http === undefined ? httpPublic : given.httpPublic
  return {
    ...rest,
    ...(socketGroup === undefined || socketGroup === 'none' ? {} : { socketGroup }),
    ...(overTcp
      ? { http, ...resolveHttp(merged), ...(isPublic === true && { httpPublic: true }) }
      : {}),
    ...(role === 'local' && join !== undefined ? { join } : {}),
    ...(role === 'local' && withoutData === true ? { withoutData } : {}),
    ...resolvePins(given, merged),
    ...resolveDoors(given, merged),
    ...resolveArchive(given, merged),
    ...set,
    ...(listensOn === undefined ? {} : { listen: listensOn }),
    ...(lanesOn === undefined ? {} : { lanePort: lanesOn }),
    ...(role === 'global' && leaseMs !== undefined ? { leaseMs } : {}),
    ...(role === 'global' && forgetAfterMs !== undefined ? { forgetAfterMs } : {}),
  }
}

/** The settings that are about neither an archive nor a set. */
function withoutBuckets<T extends object>(
  settings: T,
): Omit<T, keyof ArchiveSettings | keyof SetSettings> {
  const names = new Set([...ARCHIVE_SHAPES, ...SET_SHAPES].map(([name]) => name))
  const rest = Object.entries(settings).filter(([name]) => !names.has(name))
  return Object.fromEntries(rest) as Omit<T, keyof ArchiveSettings | keyof SetSettings>
}

/** Locals must know where to find a member before it is active. */
function checkMember({ engine, role }: Settings, listen: readonly string[] | undefined): void {
  if (engine === undefined || role !== 'global') return
  if (listen?.length && listen.every((address) => !address.endsWith('/tcp/0'))) return
  throw new DstoreError('usage', 'a member of a set needs an address of its own', {
    hint: 'give --listen, such as /ip4/0.0.0.0/tcp/4480',
  })
}

/** Throws `usage` where the command gives a node a cache folder that it has no use for. */
function checkCacheFolder({ cacheDir, cacheDirBytes }: Settings, role: Role | undefined): void {
  const isGiven = cacheDir !== undefined || cacheDirBytes !== undefined
  if (!isGiven || role === 'local') return
  throw new DstoreError('usage', '--cache-dir and --cache-dir-size are for a Local', {
    hint: 'add --join',
  })
}

/** Returns the settings; throws `usage` or `malformed-address` for an invalid one. */
export function checkSettings(settings: Settings): Settings {
  const { role, join, listen, store, leaseMs = 0, socketGroup, http, pins } = settings
  if (socketGroup !== undefined) checkGroup(socketGroup)
  if (settings.maxBytes !== undefined) checkQuota(settings.maxBytes)
  if (http !== undefined && http !== 'none') parseHttpAddress(http)
  for (const host of settings.httpHosts ?? []) checkHostName(host)
  if (join !== undefined) checkJoinAddresses(join)
  for (const address of listen ?? []) checkListenAddress(address)
  checkPins(pins)
  checkDoors(settings)
  checkArchive(settings)
  checkSet(settings)
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

/** A group's name or number, and nothing that `chgrp` could take for a flag. */
const GROUP = /^[\w.][\w.-]{0,63}$/

/**
 * Returns the group; `usage` if it cannot be one. Whether it exists shows when a file is given to
 * it.
 */
export function checkGroup(group: string): string {
  if (GROUP.test(group)) return group
  throw new DstoreError('usage', `not a group: ${group}`)
}

/** Older files have one address to join. */
function withList(value: unknown): unknown {
  const { join } = (value ?? {}) as { readonly join?: unknown }
  return typeof join === 'string' ? { ...(value as object), join: [join] } : value
}
