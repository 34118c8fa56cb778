/** The settings that `config` shows and changes: by flag, how each is written and its default. */
import { formatDuration, formatSize, parseSize } from '../../../src/daemon/config/quantities.ts'
import type { Settings } from '../../../src/daemon/config/settings.ts'

/** One setting; its name is that of its flag. */
export interface Setting {
  /** Its name in `config.json`. */
  readonly key: keyof Settings
  /** Of a value, as `set` takes it; `String` without it. */
  readonly format?: (value: never) => string
  /** What holds where nothing sets it. */
  readonly byDefault: string
}

/** In a unit where that loses nothing: `set` takes the same again. */
const size = (bytes: number): string =>
  parseSize(formatSize(bytes)) === bytes ? formatSize(bytes) : String(bytes)

const time = (ms: number): string => (ms === 0 ? 'none' : formatDuration(ms))
const yes = (is: boolean): string => (is ? 'yes' : 'no')

const text = (key: keyof Settings, byDefault = 'none'): Setting => ({ key, byDefault })
const list = (key: keyof Settings, byDefault = 'none'): Setting => ({
  key,
  format: (all: readonly string[]) => all.join(','),
  byDefault,
})
const bytes = (key: keyof Settings, byDefault: string): Setting => ({
  key,
  format: size,
  byDefault,
})
const flag = (key: keyof Settings): Setting => ({ key, format: yes, byDefault: 'no' })

/** By the name that `config` has for it: that of its flag, and `role`. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  role: text('role', 'standalone'),
  join: list('join'),
  'without-data': flag('withoutData'),
  listen: list('listen', 'of Global, a free port on 127.0.0.1'),
  'lane-port': text('lanePort', 'one above the port to listen on'),
  lease: { key: 'leaseMs', format: time, byDefault: 'none' },
  'forget-after': { key: 'forgetAfterMs', format: time, byDefault: '24h' },
  store: text('store', 'disk'),
  cache: bytes('cacheBytes', 'a quarter of the memory, at most 2GiB'),
  'cache-dir': text('cacheDir', 'of a Local, on shared memory'),
  'cache-dir-size': bytes('cacheDirBytes', 'on shared memory, within cache'),
  pin: list('pins'),
  'max-size': bytes('maxBytes', 'the space on the disk'),
  archive: text('archive'),
  'archive-endpoint': text('archiveEndpoint', 'AWS'),
  'archive-ack': flag('archiveAck'),
  'archive-key': text('archiveKey'),
  'disk-size': bytes('diskBytes', 'all that the disk takes'),
  engine: text('engine'),
  bucket: text('bucket'),
  'bucket-endpoint': text('bucketEndpoint', 'AWS'),
  'set-key': text('setKey'),
  'engine-secrets': text('engineSecrets'),
  member: text('member', 'the name of this machine'),
  socket: text('socket', 'dstore.sock in the state directory'),
  'socket-group': text('socketGroup'),
  http: text('http'),
  'http-host': list('httpHosts'),
  'http-cert': text('httpCert'),
  'http-key': text('httpKey'),
  'http-public': flag('httpPublic'),
  door: list('doors'),
  'hf-upstream': text('hfUpstream'),
}

/** The variable of a setting that is set; the role has one for each that it can be. */
export function variableOf(name: string, settings: Settings): string {
  if (name === 'role') return settings.role === 'local' ? 'DSTORE_JOIN' : 'DSTORE_GLOBAL'
  return `DSTORE_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The value of a setting as text; undefined if nothing sets it. */
export function textOf({ key, format = String }: Setting, settings: Settings): string | undefined {
  const value = settings[key]
  return value === undefined ? undefined : format(value as never)
}
