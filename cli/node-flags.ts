/** The flags that configure a node, as settings and as parameters of another process. */
import { DstoreError } from '../src/errors.ts'
import type { ArchiveSettings } from '../src/daemon/config/archive/archive-settings.ts'
import type { SetSettings } from '../src/daemon/config/set/set-settings.ts'
import { doorsIn } from '../src/daemon/config/door-settings.ts'
import { parseDuration, parseSize } from '../src/daemon/config/quantities.ts'
import { checkSettings, parseLease, parsePort } from '../src/daemon/config/settings.ts'
import type { Settings } from '../src/daemon/config/settings.ts'
import { pathOrNone } from '../src/daemon/config/http-settings.ts'
import { absolutePath } from '../src/daemon/config/working-directory.ts'
import { NODE_FLAGS } from './flags.ts'
import type { Flags } from './flags.ts'

/**
 * The flags as settings; `--join` must be multiaddrs here (see ticket-input.ts). Errors: `usage`,
 * `malformed-address`, `not-permitted` (R007-7, R007-23).
 */
export function settingsFromFlags(flags: Flags): Settings {
  const { global, standalone, join, listen, store, cache, socket, lease } = flags
  const { 'max-size': max, 'lane-port': lanePort, 'forget-after': forgetAfter } = flags
  const { 'http-host': httpHosts, 'http-cert': httpCert, 'http-key': httpKey } = flags
  const { pin, http, 'http-public': httpPublic, 'socket-group': socketGroup } = flags
  const { 'cache-dir': cacheDir, 'cache-dir-size': cacheSize } = flags
  checkOneRole(flags)
  return checkSettings({
    ...(global && { role: 'global' }),
    ...(standalone && { role: 'standalone' }),
    ...(join !== undefined && { role: 'local', join: join.split(',') }),
    ...(flags['without-data'] && { withoutData: true }),
    ...(listen !== undefined && { listen }),
    ...(lanePort !== undefined && { lanePort: parsePort(lanePort) }),
    ...(store !== undefined && { store: store as 'disk' | 'memory' }),
    ...(cache !== undefined && { cacheBytes: parseSize(cache) }),
    ...(cacheDir !== undefined && { cacheDir: pathOrNone(cacheDir, 'the cache folder') }),
    ...(cacheSize !== undefined && { cacheDirBytes: parseSize(cacheSize) }),
    ...(pin !== undefined && { pins: pin }),
    ...(max !== undefined && { maxBytes: parseSize(max) }),
    ...archiveFromFlags(flags),
    ...setFromFlags(flags),
    ...(lease !== undefined && { leaseMs: parseLease(lease) }),
    ...(forgetAfter !== undefined && { forgetAfterMs: parseDuration(forgetAfter) }),
    ...(socket !== undefined && { socket: absolutePath(socket, 'the socket') }),
    ...(socketGroup !== undefined && { socketGroup }),
    ...(http !== undefined && { http }),
    ...(httpHosts !== undefined && { httpHosts }),
    ...(httpCert !== undefined && { httpCert: pathOrNone(httpCert, 'the certificate') }),
    ...(httpKey !== undefined && { httpKey: pathOrNone(httpKey, 'the key') }),
    ...(httpPublic && { httpPublic }),
    ...(flags.door !== undefined && { doors: doorsIn(flags.door) }),
    ...(flags['hf-upstream'] !== undefined && { hfUpstream: flags['hf-upstream'] }),
  })
}

function archiveFromFlags(flags: Flags): ArchiveSettings {
  const { archive, 'archive-endpoint': url, 'archive-key': key, 'disk-size': disk } = flags
  return {
    ...(archive !== undefined && { archive }),
    ...(url !== undefined && { archiveEndpoint: url }),
    ...(flags['archive-ack'] && { archiveAck: true }),
    ...(key !== undefined && { archiveKey: pathOrNone(key, 'the key file') }),
    ...(disk !== undefined && { diskBytes: parseSize(disk) }),
  }
}

function setFromFlags(flags: Flags): SetSettings {
  const { engine, bucket, 'bucket-endpoint': url, 'set-key': key, member } = flags
  const { 'engine-secrets': secrets } = flags
  return {
    ...(engine !== undefined && { engine }),
    ...(bucket !== undefined && { bucket }),
    ...(url !== undefined && { bucketEndpoint: url }),
    ...(key !== undefined && { setKey: absolutePath(key, 'the key file') }),
    ...(secrets !== undefined && { engineSecrets: absolutePath(secrets, 'the secrets') }),
    ...(member !== undefined && { member }),
  }
}

/** Flags whose value is a path, or `none`: what messages call the file. */
const PATH_FLAGS: Readonly<Record<string, string>> = {
  'archive-key': 'the key file',
  'cache-dir': 'the cache folder',
  'http-cert': 'the certificate',
  'http-key': 'the key',
  'engine-secrets': 'the secrets',
  'set-key': 'the key file',
}

/**
 * The same flags, checked, for a daemon that reads where to join from its standard input. It runs
 * in another working directory, so paths are absolute (R007-337).
 */
export function nodeParameters(flags: Flags): string[] {
  const { join, ...rest } = flags
  checkOneRole(flags)
  settingsFromFlags(rest)
  const parameters = join === undefined ? [] : ['--join=-']
  for (const name of NODE_FLAGS) {
    const value = flags[name]
    if (name === 'join' || value === undefined || value === false) continue
    if (value === true) parameters.push(`--${name}`)
    else for (const one of [value].flat()) parameters.push(`--${name}=${absoluteIn(name, one)}`)
  }
  return parameters
}

/**
 * The parameters for the paths in the environment, which a daemon would look for in its own
 * working directory. A flag overrides its variable.
 */
export function pathParameters(
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const found: string[] = []
  for (const name of Object.keys(PATH_FLAGS)) {
    const path = environment[`DSTORE_${name.toUpperCase().replace('-', '_')}`] ?? ''
    const isGiven = parameters.some((one) => one.startsWith(`--${name}=`))
    if (path !== '' && !isGiven) found.push(`--${name}=${absoluteIn(name, path)}`)
  }
  return found
}

function absoluteIn(name: string, value: string): string {
  const what = PATH_FLAGS[name]
  return what === undefined ? value : pathOrNone(value, what)
}

/** Throws `usage` for more than one role. */
export function checkOneRole({ global, standalone, join }: Flags): void {
  if ([global, standalone, join].filter((role) => role !== undefined).length < 2) return
  throw new DstoreError('usage', 'a node has one role: --global, --join or --standalone')
}
