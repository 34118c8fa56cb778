/** The table of commands: arguments, flags, help and code of each. */
import type { CommandTable } from './command.ts'
import { cid } from './commands/cid.ts'
import { get } from './commands/get.ts'
import { put } from './commands/put.ts'
import { join, logs, start, status, stop } from './commands/background.ts'
import { invite, members } from './commands/members.ts'
import { ls, name } from './commands/names.ts'
import { rm } from './commands/rm.ts'
import { evict, has, prefetch, stat } from './commands/values.ts'
import { watch } from './commands/watch.ts'
import { NODE_FLAGS } from './flags.ts'

const PLACE = ['dir', 'socket', 'quiet', 'verbose'] as const
const CALL = [...PLACE, 'timeout', 'no-start'] as const
/** `join` implies the role. */
const ROLES: ReadonlySet<string> = new Set(['global', 'standalone', 'join'])
const MANY: readonly [number, number] = [1, Infinity]
const NONE: readonly [number, number] = [0, 0]

export const COMMANDS: CommandTable = {
  put: {
    usage: 'FILE... | -\nFILE --name NAME',
    summary: 'store files; prints their keys',
    examples: [
      ['dstore put model.bin', 'store a file, print its key'],
      ['dstore put model.bin --name models/v1', 'and bind a name to it, for good'],
      ['tar c src | dstore put -', 'store what comes on standard input'],
    ],
    flags: ['name', 'json', ...CALL],
    positionals: MANY,
    load: () => put,
  },
  get: {
    usage: 'KEY [-o FILE] [--range A-B]\nKEY... --output-dir DIR',
    summary: 'fetch values, every byte checked against its key',
    examples: [
      ['dstore get bafkr4i... -o model.bin', 'into a file, which appears whole or not at all'],
      ['dstore get bafkr4i... | tar x', 'to standard output'],
      ['dstore get models/v1 --range 0-99', 'the first hundred bytes of what a name stands for'],
    ],
    flags: ['output', 'output-dir', 'range', ...CALL],
    positionals: MANY,
    load: () => get,
  },
  cid: {
    minor: true,
    usage: 'FILE... | -',
    summary: 'print the keys of files without storing them',
    examples: [['dstore cid model.bin', 'its digest is what b3sum prints']],
    flags: ['json', 'quiet', 'verbose'],
    positionals: MANY,
    load: () => cid,
  },
  has: {
    usage: 'KEY...',
    summary: 'is it there? exit code 0 for yes, 1 for no',
    examples: [['dstore has bafkr4i... && echo yes', 'ask in a script']],
    flags: ['json', ...CALL],
    positionals: MANY,
    load: () => has,
  },
  stat: {
    usage: 'KEY...',
    summary: 'size of a value, and how much of it is here',
    examples: [['dstore stat bafkr4i... --json', 'for a program']],
    flags: ['json', ...CALL],
    positionals: MANY,
    load: () => stat,
  },
  name: {
    usage: 'NAME KEY',
    summary: 'bind a write-once name to a key',
    examples: [['dstore name models/v1 bafkr4i...', 'for good: it never stands for another']],
    flags: ['json', ...CALL],
    positionals: [2, 2],
    load: () => name,
  },
  ls: {
    usage: '[PREFIX]\n--keys',
    summary: 'list names, or every key',
    examples: [
      ['dstore ls models/', 'the names that begin with it'],
      ['dstore ls --keys | wc -l', 'how many values there are'],
    ],
    flags: ['keys', 'json', ...CALL],
    positionals: [0, 1],
    load: () => ls,
  },
  rm: {
    usage: 'KEY... [--force]\nNAME... [--name-only]',
    summary: 'remove values and names everywhere',
    examples: [
      ['dstore rm bafkr4i...', 'and from every cache'],
      ['dstore rm models/v1', 'a name, and its value with the last one'],
    ],
    flags: ['force', 'name-only', 'json', ...CALL],
    positionals: MANY,
    load: () => rm,
  },
  watch: {
    minor: true,
    usage: '',
    summary: 'show every change as it happens',
    examples: [['dstore watch --json', 'for a program']],
    flags: ['after', 'json', ...CALL],
    positionals: NONE,
    load: () => watch,
  },
  prefetch: {
    minor: true,
    usage: 'KEY...',
    summary: 'fetch values into the cache of this node',
    examples: [['dstore prefetch bafkr4i...', 'the next get is at memory speed']],
    flags: CALL,
    positionals: MANY,
    load: () => prefetch,
  },
  evict: {
    minor: true,
    usage: 'KEY...',
    summary: 'drop values from the cache of this node alone',
    examples: [['dstore evict bafkr4i...', 'it is fetched again when it is wanted']],
    flags: CALL,
    positionals: MANY,
    load: () => evict,
  },
  verify: {
    usage: '[--repair]',
    summary: 'read everything back against its key; exit code 4 for damage',
    examples: [['dstore verify --repair', 'and fetch what is damaged from a node that holds it']],
    flags: ['repair', 'json', ...CALL],
    positionals: NONE,
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  export: {
    minor: true,
    usage: '[KEY...] > FILE.tar\n[KEY...] -o FILE.tar',
    summary: 'values with their names as a tar file; without KEY, all of them',
    examples: [
      ['dstore export > backup.tar', 'everything; a file for each value, named after its key'],
      ['dstore export models/v1 | ssh host dstore import', 'one value, to a store elsewhere'],
    ],
    flags: ['output', ...CALL],
    positionals: [0, Infinity],
    load: async () => (await import('./commands/archive.ts')).exportValues,
  },
  import: {
    minor: true,
    usage: '[FILE.tar | -]',
    summary: 'store what an export wrote, each value checked against its key',
    examples: [['dstore import backup.tar', 'prints the keys; what is there already stays']],
    flags: ['json', ...CALL],
    positionals: [0, 1],
    load: async () => (await import('./commands/archive.ts')).importValues,
  },
  repl: {
    usage: '',
    summary: 'a prompt: SET, GET and DEL',
    examples: [
      ['dstore repl', 'SET hi hello here, GET hi there; .help says more'],
      ["echo 'GET hi' | dstore repl", 'statements from a script'],
    ],
    flags: CALL,
    positionals: NONE,
    load: async () => (await import('./commands/repl.ts')).repl,
  },
  invite: {
    usage: '[--role ROLE] [--uses N] [--expires D]',
    summary: 'make a ticket, with which another node joins this Global',
    examples: [
      ['dstore invite > ticket', 'for one node, within a day; it is a secret'],
      ['dstore invite --role reader --uses 20', 'for twenty nodes that only read'],
    ],
    flags: ['role', 'uses', 'expires', 'json', ...CALL],
    positionals: NONE,
    load: () => invite,
  },
  join: {
    usage: '[TICKET | - | @FILE | MULTIADDR] [FLAGS]',
    summary: 'join a Global and run a node in the background',
    examples: [
      ['dstore join @ticket', 'with the ticket in a file'],
      ['ssh global dstore invite | dstore join', 'or on standard input'],
    ],
    flags: [...NODE_FLAGS.filter((flag) => !ROLES.has(flag)), 'json', ...PLACE],
    positionals: [0, 1],
    load: () => join,
  },
  members: {
    minor: true,
    usage: '\nadd PEERID... [--role ROLE]\nrm PEERID...',
    summary: 'list, add and remove the nodes that may take part',
    examples: [
      ['dstore members', 'peer id, role, state and since when'],
      ['dstore members rm 12D3KooW...', 'its connections are cut everywhere'],
    ],
    flags: ['role', 'json', ...CALL],
    positionals: [0, Infinity],
    load: () => members,
  },
  daemon: {
    usage: '[--global | --join WHERE] [FLAGS]',
    summary: 'run a node in the foreground',
    examples: [
      ['dstore daemon --global', 'the Global; its ready line says where it is'],
      ['dstore daemon --join @ticket', 'a Local of it; later without --join'],
    ],
    flags: [...NODE_FLAGS, ...PLACE],
    positionals: NONE,
    load: async () => (await import('./commands/daemon.ts')).daemon,
  },
  start: {
    usage: '[--global | --join WHERE] [FLAGS]',
    summary: 'run a node in the background',
    examples: [['dstore start --cache 4GiB', 'remembered for the next start']],
    flags: [...NODE_FLAGS, 'json', ...PLACE],
    positionals: NONE,
    load: () => start,
  },
  stop: {
    usage: '',
    summary: 'end the node of this state directory',
    examples: [['dstore stop', 'returns when it is gone']],
    flags: [...PLACE, 'timeout'],
    positionals: NONE,
    load: () => stop,
  },
  status: {
    usage: '[--watch]',
    summary: 'what the node is and does',
    examples: [
      ['dstore status --watch', 'refreshed in place'],
      ['dstore status --json', 'for a program'],
    ],
    flags: ['watch', 'json', ...PLACE, 'timeout'],
    positionals: NONE,
    load: () => status,
  },
  logs: {
    minor: true,
    usage: '[-f]',
    summary: 'what the node in the background reported',
    examples: [['dstore logs -f', 'and what it will']],
    flags: ['follow', ...PLACE],
    positionals: NONE,
    load: () => logs,
  },
  completion: {
    minor: true,
    usage: 'bash | zsh | fish',
    summary: 'print a script that completes commands, names and keys',
    examples: [['eval "$(dstore completion bash)"', 'for this shell; in ~/.bashrc for every one']],
    flags: [...PLACE],
    positionals: MANY,
    load: async () => (await import('./commands/completion.ts')).completion,
  },
}
