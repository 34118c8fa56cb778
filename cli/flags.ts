/** All flags. Each means the same for every command (specs/007, "The command line"). */

/** What the value of a flag can be, for completion: some words, or one of these. */
export type FlagValue = readonly string[] | 'file' | 'folder' | 'reference'

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** The name of its value in help. */
  readonly value?: string
  /** Free text without it. */
  readonly takes?: FlagValue
  readonly help: string
}

const text = (value: string, help: string, takes?: FlagValue): Flag => ({
  type: 'string',
  value,
  help,
  ...(takes !== undefined && { takes }),
})
const yes = (help: string): Flag => ({ type: 'boolean', help })

export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  dir: text('DIR', 'the state directory, which selects the node (DSTORE_DIR)', 'folder'),
  socket: text('PATH', 'the socket of the daemon (DSTORE_SOCKET)', 'file'),
  json: yes('print JSON: one object, or one per line'),
  quiet: { ...yes('print no notes and no progress'), short: 'q' },
  verbose: { ...yes('show requests to the daemon, and causes of failures'), short: 'v' },
  timeout: text('D', 'fail after this time without progress, such as 30s (DSTORE_TIMEOUT)'),
  'no-start': yes('do not start a daemon if none is running (DSTORE_NO_START=1)'),
  output: {
    ...text(
      'FILE',
      'write to FILE, which is replaced only when complete; - is standard output',
      'file',
    ),
    short: 'o',
  },
  'output-dir': text(
    'DIR',
    'write each value to a file in DIR, at the path of its name, else its key',
    'folder',
  ),
  update: text(
    'DIR',
    'bring the folder DIR to the state of this directory: write what differs',
    'folder',
  ),
  delete: yes('with --update, also remove what is not in the directory'),
  format: text(
    'tar',
    'a directory as a tar file, to -o or a pipe; of put: as one on standard input',
    ['tar'],
  ),
  'max-rate': text('R', 'fetch at most this many bytes per second, such as 200MiB/s'),
  'files-from': text(
    'LIST',
    'also each key or name in this file, a line each; - is standard input',
    'file',
  ),
  jobs: text('N', 'handle at most N values at a time (default: put 4, get 64)'),
  range: text('A-B', 'only bytes A to B, inclusive; also A- to the end, and -N, the last N'),
  force: yes('also what names or directories hold; with --drop-data, what Global lacks'),
  repair: yes('repair damaged values from a node that holds them'),
  counts: yes('count again what directories hold, and correct wrong counts; at Global'),
  name: text('NAME', 'bind this write-once name in the same change', 'reference'),
  tag: text('NAME', 'bind this tag in the same change, or move it', 'reference'),
  history: yes('show what the tag was bound to, the newest first'),
  keep: text('D', 'keep the target that a tag had for this time (default 10m)'),
  hold: text('D', 'hold the file for this time after the command has ended (default 60s)'),
  exec: yes('run a program, and hold the file while it runs; {} stands for the path'),
  type: text('TYPE', 'model, dataset or space (default model)', ['model', 'dataset', 'space']),
  unnamed: yes('the rule for values without a name'),
  'max-age': text('D', 'since a name was bound, such as 30d'),
  'max-names': text('N', 'how many names there may be'),
  unused: text('D', 'since a name was last used, such as 7d'),
  'ignore-file': text(
    'FILE',
    'leave out what the patterns in FILE match, as in a .gitignore',
    'file',
  ),
  digest: text('HASH', 'print the name by sha2-256, sha2-384 or sha2-512 (mh/...)', [
    'sha2-256',
    'sha2-384',
    'sha2-512',
  ]),
  'name-only': yes('unbind the name, keep its value'),
  keys: yes('list keys instead of names'),
  tree: yes('also list what is below each directory'),
  long: { ...yes('list kinds, sizes and times'), short: 'l' },
  match: text('GLOB', 'only names that match, such as *.bin or cache/**/x?'),
  sort: text('ORDER', 'name, size (largest first) or time (newest first; default name)', [
    'name',
    'size',
    'time',
  ]),
  limit: { ...text('N', 'at most N lines'), short: 'n' },
  since: text('TIME', 'from this time on: 2026-11-30T12:00Z, or 10m for the last ten minutes'),
  after: text(
    'POSITION',
    'resume after the change with this position (see --json); start: all in the log',
  ),
  watch: yes('refresh every second'),
  print: yes('print the address of the page, and open no browser'),
  follow: { ...yes('keep printing as the log grows'), short: 'f' },
  global: yes('run the Global, which holds the index and the durable copy'),
  standalone: yes('run both roles in one process, without a network'),
  join: text('-|@FILE|MULTIADDR', 'run a Local of a Global that gave a ticket or lists this node'),
  'with-data': yes('also upload the store of this directory to Global; repeat it to continue'),
  'without-data': yes('leave the store of this directory where it is, not served'),
  'drop-data': yes('delete the store of this directory, once Global has all of it'),
  listen: {
    ...text('MULTIADDR', 'listen on this address; only members are admitted'),
    multiple: true,
  },
  'lane-port': text('PORT', 'TCP port for bulk data (default: one above the port to listen on)'),
  role: text('ROLE', 'reader, writer or admin (default writer)', ['reader', 'writer', 'admin']),
  label: text('L', 'what to call it in lists and in the log'),
  prefix: text('P', 'confine it to names below this prefix, such as ci/', 'reference'),
  uses: text('N', 'how many nodes may use the ticket (default 1)'),
  expires: text('D', 'how long the ticket is valid (default 24h)'),
  store: text('disk|memory', 'where to keep values; memory is lost when the node stops', [
    'disk',
    'memory',
  ]),
  cache: text('SIZE', 'memory for cached values (default: 1/4, at most 2GiB)'),
  'cache-dir': text('DIR', 'folder for cached values in files; none: memory only', 'folder'),
  'cache-dir-size': text('SIZE', 'how much those files may take, such as 100GiB'),
  pin: {
    ...text('NAME', 'keep this key, name or path on this machine; none: no such', 'reference'),
    multiple: true,
  },
  'max-size': text('SIZE', 'the maximum size of the store'),
  archive: text('s3://B/PREFIX', 'also keep the store in this bucket; none: leave it for good'),
  'archive-endpoint': text('URL', 'the S3 that has the bucket, if it is not AWS; none: AWS'),
  'archive-ack': yes('puts wait until the bucket has them, so that none is lost'),
  'archive-key': text(
    'FILE',
    'the key that encrypts the identity in the bucket; made if missing',
    'file',
  ),
  'disk-size': text('SIZE', 'disk that values over 16 KiB in the bucket may take'),
  'take-over': yes('restore the archive here, and fence the node that had it; for one start'),
  engine: text('URL', 'be a member of the set whose journal is there, in NATS or PostgreSQL'),
  bucket: text('s3://B/PREFIX', 'the bucket of the set: large values and snapshots'),
  'bucket-endpoint': text('URL', 'the S3 that has the bucket, if it is not AWS; none: AWS'),
  'set-key': text('FILE', 'the key of the identity of the set; the first member makes it', 'file'),
  'engine-secrets': text('FILE', 'user, password and certificates for the engine, as JSON', 'file'),
  member: text('NAME', 'what to call this member (default: the name of this machine)'),
  lease: text('D', 'a Local cut off from Global for D stops serving; none: it never does'),
  'forget-after': text('D', 'forget a Local that is away for D (default 24h)'),
  'trust-clock': yes('the wall clock is right, though it is a day or more off; for one start'),
  'socket-group': text('GROUP', 'also let this group use the socket; none: only you'),
  http: text('HOST:PORT', 'also serve the API over TCP, with tokens; none: no TCP'),
  'http-host': {
    ...text('NAME', 'a name of this host that TCP clients may send; none: only its address'),
    multiple: true,
  },
  'http-cert': text('FILE', 'serve TLS over TCP, with this certificate; none: no TLS', 'file'),
  'http-key': text('FILE', 'the key of the certificate', 'file'),
  'http-public': yes('let values and names be read over TCP without the token'),
  door: {
    ...text('NAMES', 'doors to open for other tools: cache, hf, ipfs, dav; none: no door', [
      'cache',
      'hf',
      'ipfs',
      'dav',
      'none',
    ]),
    multiple: true,
  },
  'hf-upstream': text('URL', 'where the door hf reads through what it lacks; none: nowhere'),
  'log-level': text('LEVEL', 'debug, info, warn or error (DSTORE_LOG_LEVEL)', [
    'debug',
    'info',
    'warn',
    'error',
  ]),
}

const words = (text: string): readonly FlagName[] => text.split(' ') as FlagName[]

/** Flags that configure a node, by what they are about. */
export const NODE_FLAG_GROUPS: Readonly<Record<string, readonly FlagName[]>> = {
  'Role and network': words(
    'global standalone join without-data listen lane-port lease forget-after trust-clock',
  ),
  Storage: words('store cache cache-dir cache-dir-size pin max-size'),
  'Archive in a bucket': words(
    'archive archive-endpoint archive-ack archive-key disk-size take-over',
  ),
  'Member of a set': words('engine bucket bucket-endpoint set-key engine-secrets member'),
  'API and doors': words(
    'socket-group http http-host http-cert http-key http-public door hf-upstream',
  ),
  Log: words('log-level'),
}

/** `start` and `join` pass them on to the daemon in the background. */
export const NODE_FLAGS: readonly FlagName[] = Object.values(NODE_FLAG_GROUPS).flat()

/** Which daemon is meant, and what to say on the way. */
export const PLACE_FLAGS: readonly FlagName[] = words('dir socket quiet verbose')

/** Flags that mean the same for every command, and are explained once. */
export const COMMON_FLAGS: readonly FlagName[] = [...PLACE_FLAGS, 'timeout', 'no-start']

/** The flags of one call, of the types that `FLAGS` declares. */
export interface Flags {
  readonly dir?: string
  readonly socket?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
  readonly timeout?: string
  readonly 'no-start'?: boolean
  readonly output?: string
  readonly 'output-dir'?: string
  readonly update?: string
  readonly delete?: boolean
  readonly format?: string
  readonly 'max-rate'?: string
  readonly 'files-from'?: string
  readonly jobs?: string
  readonly range?: string
  readonly force?: boolean
  readonly repair?: boolean
  readonly counts?: boolean
  readonly name?: string
  readonly tag?: string
  readonly history?: boolean
  readonly keep?: string
  readonly hold?: string
  readonly exec?: boolean
  readonly type?: string
  readonly unnamed?: boolean
  readonly 'max-age'?: string
  readonly 'max-names'?: string
  readonly unused?: string
  readonly 'ignore-file'?: string
  readonly digest?: string
  readonly 'name-only'?: boolean
  readonly keys?: boolean
  readonly tree?: boolean
  readonly long?: boolean
  readonly match?: string
  readonly sort?: string
  readonly limit?: string
  readonly since?: string
  readonly after?: string
  readonly watch?: boolean
  readonly print?: boolean
  readonly follow?: boolean
  readonly global?: boolean
  readonly standalone?: boolean
  readonly join?: string
  readonly 'with-data'?: boolean
  readonly 'without-data'?: boolean
  readonly 'drop-data'?: boolean
  readonly listen?: readonly string[]
  readonly 'lane-port'?: string
  readonly role?: string
  readonly label?: string
  readonly prefix?: string
  readonly uses?: string
  readonly expires?: string
  readonly store?: string
  readonly cache?: string
  readonly 'cache-dir'?: string
  readonly 'cache-dir-size'?: string
  readonly pin?: readonly string[]
  readonly 'max-size'?: string
  readonly archive?: string
  readonly 'archive-endpoint'?: string
  readonly 'archive-ack'?: boolean
  readonly 'archive-key'?: string
  readonly engine?: string
  readonly bucket?: string
  readonly 'bucket-endpoint'?: string
  readonly 'set-key'?: string
  readonly 'engine-secrets'?: string
  readonly member?: string
  readonly 'disk-size'?: string
  readonly 'take-over'?: boolean
  readonly lease?: string
  readonly 'forget-after'?: string
  readonly 'trust-clock'?: boolean
  readonly 'socket-group'?: string
  readonly http?: string
  readonly 'http-host'?: readonly string[]
  readonly 'http-cert'?: string
  readonly 'http-key'?: string
  readonly 'http-public'?: boolean
  readonly door?: readonly string[]
  readonly 'hf-upstream'?: string
  readonly 'log-level'?: string
}

export type FlagName = keyof Flags

/** The flag that an argument writes, with its value or without; undefined for no flag. */
export function flagOf(arg: string): Flag | undefined {
  const name = arg.replace(/^--/, '').replace(/=.*$/s, '')
  if (Object.hasOwn(FLAGS, name)) return FLAGS[name as FlagName]
  return Object.values(FLAGS).find(({ short }) => arg === `-${short}`)
}
