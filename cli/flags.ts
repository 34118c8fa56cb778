/** All flags. Each means the same for every command (specs/007, "The command line"). */
import { parseArgs } from 'node:util'
import { DstoreError } from '../src/errors.ts'
import { nearest } from './suggest.ts'

interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** The name of its value in help. */
  readonly value?: string
  readonly help: string
}

const text = (value: string, help: string): Flag => ({ type: 'string', value, help })
const yes = (help: string): Flag => ({ type: 'boolean', help })

export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  dir: text('DIR', 'the state directory, which selects the node (DSTORE_DIR)'),
  socket: text('PATH', 'the socket of the daemon (DSTORE_SOCKET)'),
  json: yes('print JSON: one object, or one per line'),
  quiet: { ...yes('print no notes and no progress'), short: 'q' },
  verbose: { ...yes('show requests to the daemon, and causes of failures'), short: 'v' },
  timeout: text('D', 'fail after this time without progress, such as 30s (DSTORE_TIMEOUT)'),
  'no-start': yes('do not start a daemon if none is running (DSTORE_NO_START=1)'),
  output: {
    ...text('FILE', 'write to FILE, which is replaced only when complete; - is standard output'),
    short: 'o',
  },
  'output-dir': text(
    'DIR',
    'write each value to a file in DIR, at the path of its name, else its key',
  ),
  update: text('DIR', 'bring the folder DIR to the state of this directory: write what differs'),
  delete: yes('with --update, also remove what is not in the directory'),
  format: text(
    'tar',
    'a directory as a tar file, to -o or a pipe; of put: as one on standard input',
  ),
  'max-rate': text('R', 'fetch at most this many bytes per second, such as 200MiB/s'),
  'files-from': text(
    'LIST',
    'also each key or name in this file, a line each; - is standard input',
  ),
  jobs: text('N', 'handle at most N values at a time (default: put 4, get 64)'),
  range: text('A-B', 'only bytes A to B, inclusive; also A- to the end, and -N, the last N'),
  force: yes('also what names or directories hold; with --drop-data, what Global lacks'),
  repair: yes('repair damaged values from a node that holds them'),
  counts: yes('count again what directories hold, and correct wrong counts; at Global'),
  name: text('NAME', 'bind this write-once name in the same change'),
  tag: text('NAME', 'bind this tag in the same change, or move it'),
  history: yes('show what the tag was bound to, the newest first'),
  keep: text('D', 'keep the target that a tag had for this time (default 10m)'),
  hold: text('D', 'hold the file for this time after the command has ended (default 60s)'),
  exec: yes('run a program, and hold the file while it runs; {} stands for the path'),
  type: text('TYPE', 'model, dataset or space (default model)'),
  unnamed: yes('the rule for values without a name'),
  'max-age': text('D', 'since a name was bound, such as 30d'),
  'max-names': text('N', 'how many names there may be'),
  unused: text('D', 'since a name was last used, such as 7d'),
  'ignore-file': text('FILE', 'leave out what the patterns in FILE match, as in a .gitignore'),
  digest: text('HASH', 'print the name by sha2-256, sha2-384 or sha2-512 (mh/...)'),
  'name-only': yes('unbind the name, keep its value'),
  keys: yes('list keys instead of names'),
  tree: yes('also list what is below each directory'),
  long: { ...yes('list kinds, sizes and times'), short: 'l' },
  match: text('GLOB', 'only names that match, such as *.bin or cache/**/x?'),
  sort: text('ORDER', 'name, size (largest first) or time (newest first; default name)'),
  limit: text('N', 'at most N lines'),
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
  role: text('ROLE', 'reader, writer or admin (default writer)'),
  label: text('L', 'what to call it in lists and in the log'),
  prefix: text('P', 'confine it to names below this prefix, such as ci/'),
  uses: text('N', 'how many nodes may use the ticket (default 1)'),
  expires: text('D', 'how long the ticket is valid (default 24h)'),
  store: text('disk|memory', 'where to keep values; memory is lost when the node stops'),
  cache: text('SIZE', 'memory for cached values (default: 1/4, at most 2GiB)'),
  'cache-dir': text('DIR', 'folder for cached values in files; none: memory only'),
  'cache-dir-size': text('SIZE', 'how much those files may take, such as 100GiB'),
  pin: {
    ...text('NAME', 'keep this key, name or path on this machine; none: no such'),
    multiple: true,
  },
  'max-size': text('SIZE', 'the maximum size of the store'),
  archive: text('s3://B/PREFIX', 'also keep the store in this bucket; none: leave it for good'),
  'archive-endpoint': text('URL', 'the S3 that has the bucket, if it is not AWS; none: AWS'),
  'archive-ack': yes('puts wait until the bucket has them, so that none is lost'),
  'archive-key': text('FILE', 'the key that encrypts the identity in the bucket; made if missing'),
  'disk-size': text('SIZE', 'disk that values over 16 KiB in the bucket may take'),
  'take-over': yes('restore the archive here, and fence the node that had it; for one start'),
  engine: text('URL', 'be a member of the set whose journal is there, in NATS or PostgreSQL'),
  bucket: text('s3://B/PREFIX', 'the bucket of the set: large values and snapshots'),
  'bucket-endpoint': text('URL', 'the S3 that has the bucket, if it is not AWS; none: AWS'),
  'set-key': text('FILE', 'the key of the identity of the set; the first member makes it'),
  'engine-secrets': text('FILE', 'user, password and certificates for the engine, as JSON'),
  member: text('NAME', 'what to call this member (default: the name of this machine)'),
  lease: text('D', 'a Local cut off from Global for D stops serving; none: it never does'),
  'forget-after': text('D', 'forget a Local that is away for D (default 24h)'),
  'trust-clock': yes('the wall clock is right, though it is a day or more off; for one start'),
  'socket-group': text('GROUP', 'also let this group use the socket; none: only you'),
  http: text('HOST:PORT', 'also serve the API over TCP, with a token; none: do not'),
  'http-host': {
    ...text('NAME', 'a name of this host that TCP clients may send; none: only its address'),
    multiple: true,
  },
  'http-cert': text('FILE', 'serve TLS over TCP, with this certificate; none: do not'),
  'http-key': text('FILE', 'the key of the certificate'),
  'http-public': yes('let values and names be read over TCP without the token'),
  door: {
    ...text('NAMES', 'doors to open for other tools: cache, hf, ipfs, dav; none: no door'),
    multiple: true,
  },
  'hf-upstream': text('URL', 'where the door hf reads through what it lacks; none: nowhere'),
  'log-level': text('LEVEL', 'debug, info, warn or error (DSTORE_LOG_LEVEL)'),
}

/** Flags that configure a node: `start` and `join` pass them on to the daemon in the background. */
export const NODE_FLAGS: readonly FlagName[] = (
  'global standalone join without-data listen lane-port store cache cache-dir cache-dir-size pin max-size ' +
  'archive archive-endpoint archive-ack archive-key disk-size take-over engine bucket bucket-endpoint set-key engine-secrets member lease forget-after trust-clock socket-group http http-host http-cert http-key http-public door hf-upstream log-level'
).split(' ') as FlagName[]

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

/**
 * The command, then its flags and arguments, with the flags before it moved behind it:
 * `dstore --dir X status` is `dstore status --dir X`.
 */
export function splitCommand(args: readonly string[]): [command: string | undefined, ...string[]] {
  let at = 0
  while (args[at]?.startsWith('-') === true) {
    const flag = flagOf(args[at]!)
    if (flag === undefined) break
    at += flag.type === 'string' && !args[at]!.includes('=') ? 2 : 1
  }
  return [args[at], ...args.slice(0, at), ...args.slice(at + 1)]
}

/** The flag that an argument writes, with its value or without; undefined for no flag. */
export function flagOf(arg: string): Flag | undefined {
  const name = arg.replace(/^--/, '').replace(/=.*$/s, '')
  if (Object.hasOwn(FLAGS, name)) return FLAGS[name as FlagName]
  return Object.values(FLAGS).find(({ short }) => arg === `-${short}`)
}

/** Flags and arguments of one command; `usage` for a flag that it does not take. */
export function parseFlags(
  command: string,
  names: readonly FlagName[],
  args: readonly string[],
): { readonly flags: Flags; readonly positionals: string[]; readonly raw: boolean } {
  const options = Object.fromEntries(
    names.map((name) => {
      const { type, short, multiple } = FLAGS[name]
      return [name, { type, ...(short && { short }), ...(multiple && { multiple }) }]
    }),
  )
  try {
    const { values, positionals } = parseArgs({
      args: joined(args),
      options,
      allowPositionals: true,
    })
    return { flags: outputOf(values), positionals, raw: values['output'] === '-' }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    throw new DstoreError('usage', `${command}: ${firstSentence(message)}`, {
      cause: error,
      hint: hintAtDash(args, message, names) ?? hintFor(command, names, message),
    })
  }
}

/** The same flags; `-o -` is standard output, as without the flag (R007-26). */
function outputOf({ output, ...others }: Flags): Flags {
  return output === undefined || output === '-' ? others : { ...others, output }
}

/** The arguments before `--`: what follows belongs to another program. */
export function ownOf(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--')
  return end === -1 ? args : args.slice(0, end)
}

/** Joins `--range -100`, the last hundred bytes: `parseArgs` would take -100 for flags. */
function joined(args: readonly string[]): string[] {
  const at = ownOf(args).indexOf('--range')
  const value = args[at + 1]
  if (at === -1 || value === undefined || !/^-\d/.test(value)) return [...args]
  return [...args.slice(0, at), `--range=${value}`, ...args.slice(at + 2)]
}

function firstSentence(message: string): string {
  const sentence = message.split(/\.\s|\.$|\n/)[0]!
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

/** How to write an argument that begins with a dash. */
function hintAtDash(
  args: readonly string[],
  message: string,
  names: readonly FlagName[],
): string | undefined {
  const flag = /'(--?[\w-]+)[^']*' argument is ambiguous/.exec(message)?.[1]
  if (flag !== undefined) {
    const name = Object.entries(FLAGS).find(([, { short }]) => flag === `-${short}`)?.[0]
    const value = args[args.indexOf(flag) + 1] ?? ''
    return `for a value that begins with a dash, write ${name ? `--${name}` : flag}=${value}`
  }
  const letter = /Unknown option '-([^-'])/.exec(message)?.[1]
  if (letter === undefined) return undefined
  const own = names.find((name) => name.startsWith(letter))
  const meant = own === undefined ? '' : `did you mean --${own}? or `
  return `${meant}write -- before arguments that begin with a dash`
}

function hintFor(command: string, names: readonly FlagName[], message: string): string {
  const unknown = /Unknown option '--([^']*)'/.exec(message)?.[1]
  const near = unknown === undefined ? undefined : nearest(unknown, names)
  return near === undefined ? `see \`dstore ${command} --help\`` : `did you mean --${near}?`
}
