/** The flags of all commands: each has one meaning, whichever command takes it (specs/007, "The command line"). */
import { parseArgs } from 'node:util'
import { DstoreError } from '../src/errors.ts'
import { nearest } from './suggest.ts'

interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** What its value is called in help. */
  readonly value?: string
  readonly help: string
}

const text = (value: string, help: string): Flag => ({ type: 'string', value, help })
const yes = (help: string): Flag => ({ type: 'boolean', help })

export const FLAGS: Readonly<Record<FlagName, Flag>> = {
  dir: text('DIR', 'the state directory, and so the node (DSTORE_DIR)'),
  socket: text('PATH', 'where the daemon serves (DSTORE_SOCKET)'),
  json: yes('one JSON object, or one a line'),
  quiet: { ...yes('no notes and no progress'), short: 'q' },
  verbose: { ...yes('say what is asked of the daemon, and what caused a failure'), short: 'v' },
  timeout: text('D', 'give up after this time without progress, such as 30s (DSTORE_TIMEOUT)'),
  'no-start': yes('do not start a daemon where none runs (DSTORE_NO_START=1)'),
  output: { ...text('FILE', 'write to FILE, which changes only when all is there'), short: 'o' },
  'output-dir': text('DIR', 'write each value to a file in DIR, named after its key'),
  range: text('A-B', 'only these bytes, first to last, inclusive; also A- and -LAST'),
  force: yes('also a value that has names: they go with it'),
  repair: yes('fetch what is damaged from a node that holds it'),
  name: text('NAME', 'bind this write-once name in the same change'),
  'name-only': yes('unbind the name; its value stays'),
  keys: yes('list keys'),
  after: text('POSITION', 'go on after the change with this position, which --json shows'),
  watch: yes('look again every second'),
  follow: { ...yes('go on as the log grows'), short: 'f' },
  global: yes('be the Global: hold the index and the durable copy'),
  standalone: yes('be both in one process, without a network'),
  join: text('-|@FILE|MULTIADDR', 'be a Local, by a ticket or of a Global that lists this node'),
  listen: { ...text('MULTIADDR', 'listen on this address; only members get in'), multiple: true },
  role: text('ROLE', 'reader, writer or admin (default writer)'),
  uses: text('N', 'how many nodes the ticket is good for (default 1)'),
  expires: text('D', 'how long the ticket is good (default 24h)'),
  store: text('disk|memory', 'where values are kept; memory keeps nothing'),
  cache: text('SIZE', 'memory for values, such as 2GiB'),
  'max-size': text('SIZE', 'the most that the store takes in'),
  lease: text('D', 'a Local without word from Global for D stops serving; none: serves on'),
  'forget-after': text('D', 'a Local out of touch for D is forgotten (default 24h)'),
  'socket-group': text('GROUP', 'this group may use the socket, too; none: only you'),
  http: text('HOST:PORT', 'serve the API over TCP, too, for who has the token; none: do not'),
  'http-public': yes('over TCP, values and names may be read without the token'),
  'log-level': text('LEVEL', 'debug, info, warn or error (DSTORE_LOG_LEVEL)'),
}

/** What kind of node to run: what `start`, `daemon` and a daemon in the background are told. */
export const NODE_FLAGS = [
  'global',
  'standalone',
  'join',
  'listen',
  'store',
  'cache',
  'max-size',
  'lease',
  'forget-after',
  'socket-group',
  'http',
  'http-public',
  'log-level',
] as const

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
  readonly range?: string
  readonly force?: boolean
  readonly repair?: boolean
  readonly name?: string
  readonly 'name-only'?: boolean
  readonly keys?: boolean
  readonly after?: string
  readonly watch?: boolean
  readonly follow?: boolean
  readonly global?: boolean
  readonly standalone?: boolean
  readonly join?: string
  readonly listen?: readonly string[]
  readonly role?: string
  readonly uses?: string
  readonly expires?: string
  readonly store?: string
  readonly cache?: string
  readonly 'max-size'?: string
  readonly lease?: string
  readonly 'forget-after'?: string
  readonly 'socket-group'?: string
  readonly http?: string
  readonly 'http-public'?: boolean
  readonly 'log-level'?: string
}

export type FlagName = keyof Flags

/**
 * The command, and its flags and arguments with the flags that stood before it: `dstore --dir X status` is
 * `dstore status --dir X`.
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

function flagOf(arg: string): Flag | undefined {
  const name = arg.replace(/^--/, '').replace(/=.*$/s, '')
  if (Object.hasOwn(FLAGS, name)) return FLAGS[name as FlagName]
  return Object.values(FLAGS).find(({ short }) => arg === `-${short}`)
}

/** Flags and arguments of one command; `usage` for what it does not take. */
export function parseFlags(
  command: string,
  names: readonly FlagName[],
  args: readonly string[],
): { readonly flags: Flags; readonly positionals: string[] } {
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
    return { flags: values, positionals }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    throw new DstoreError('usage', `${command}: ${firstSentence(message)}`, {
      cause: error,
      hint: hintFor(command, names, message),
    })
  }
}

/** `--range -100` means the last hundred bytes, not a flag that is called 100. */
function joined(args: readonly string[]): string[] {
  const at = args.indexOf('--range')
  const value = args[at + 1]
  if (at === -1 || value === undefined || !/^-\d/.test(value)) return [...args]
  return [...args.slice(0, at), `--range=${value}`, ...args.slice(at + 2)]
}

function firstSentence(message: string): string {
  const sentence = message.split(/\.\s|\.$|\n/)[0]!
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}

function hintFor(command: string, names: readonly FlagName[], message: string): string {
  const unknown = /Unknown option '--([^']*)'/.exec(message)?.[1]
  const near = unknown === undefined ? undefined : nearest(unknown, names)
  return near === undefined ? `see \`dstore ${command} --help\`` : `did you mean --${near}?`
}
