/** The table of commands: arguments, flags, help and code of each. */
import { ERRORS } from '../src/errors.ts'
import type { CommandTable } from './command.ts'
import { get } from './commands/get.ts'
import { gocacheCommand } from './commands/gocache/table.ts'
import { hfCommand } from './commands/hf/table.ts'
import { dfCommand, duCommand, lsCommand } from './commands/lists/table.ts'
import { EXPIRES, nameCommand, ruleCommand, tagCommand } from './commands/names/table.ts'
import {
  configCommand,
  daemonCommand,
  logsCommand,
  startCommand,
  stopCommand,
} from './commands/node/table.ts'
import { openCommand } from './commands/page/table.ts'
import { pathCommand } from './commands/paths/table.ts'
import { pinCommand, pinsCommand, unpinCommand } from './commands/pins/table.ts'
import { setCommand } from './commands/set/table.ts'
import { tokenCommand } from './commands/tokens/table.ts'
import { has } from './delivery/known.ts'
import { COMMON_FLAGS, NODE_FLAGS, PLACE_FLAGS } from './flags.ts'

const PLACE = PLACE_FLAGS
const CALL = COMMON_FLAGS
/** `join` implies the role: not that of a node that trusts a clock. */
const NOT_OF_JOIN: ReadonlySet<string> = new Set(
  'global standalone join trust-clock archive archive-endpoint archive-ack archive-key disk-size take-over engine bucket bucket-endpoint set-key engine-secrets member'.split(
    ' ',
  ),
)
const MANY: readonly [number, number] = [1, Infinity]
const NONE: readonly [number, number] = [0, 0]

export const COMMANDS: CommandTable = {
  put: {
    group: 'values',
    usage:
      'FILE|DIR... | -\nFILE|DIR --name NAME [--expires D]\nFILE|DIR --tag NAME [--keep D] [--expires D]\nDIR... [--follow] [--ignore-file FILE]\n[FILE|DIR...] [--files-from LIST] [--name PREFIX/]\n- --format tar',
    summary: 'store files and folders, and print their keys',
    examples: [
      ['dstore put model.bin', 'store a file, print its key'],
      ['dstore put my-model --name models/v1', 'store a folder, and bind a write-once name to it'],
      ['dstore put my-model --tag models/latest', 'move a name to it, or bind it'],
      ['dstore put report.html --name reports/1 --expires 30d', 'unbind the name after 30 days'],
      ['find . -name "*.bin" | dstore put --files-from - --name v1/', 'name each v1/ and its path'],
      ['dstore put snapshots/main --follow', 'store what links out of the folder point to'],
      ['dstore put src --ignore-file .gitignore', 'leave out what its patterns match'],
      ['curl -s https://example.com | dstore put -', 'store standard input'],
      ['tar c -C src . | dstore put --format tar -', 'store what a tar file has as a directory'],
    ],
    flags: [
      ...(['name', 'tag', 'expires', 'keep'] as const),
      ...(['follow', 'ignore-file', 'format', 'files-from', 'jobs', 'json'] as const),
      ...CALL,
    ],
    flagHelp: {
      follow: 'store what links out of a folder point to',
      expires: EXPIRES,
      name: 'bind this write-once name; NAME/ and its path for each of several',
      'files-from': 'also each file or folder in this list, a line each; - is standard input',
    },
    positionals: MANY,
    load: async () => (await import('./commands/put.ts')).put,
  },
  get: {
    group: 'values',
    usage:
      'KEY[/PATH] [-o FILE] [--range A-B]\nKEY[/PATH] -o DIR\n' +
      'KEY[/PATH] --format tar [-o FILE]\nKEY[/PATH] --update DIR [--delete]\n[KEY...] [--files-from LIST] --output-dir DIR',
    summary: 'fetch values and directories; every byte is verified against its key',
    examples: [
      ['dstore get bafkr4i... -o model.bin', 'write a file: all of it or nothing'],
      ['dstore get bafkr4i... | tar x', 'write to standard output'],
      ['dstore get models/v1 -o model', 'write a directory to a folder: all of it or nothing'],
      ['dstore get models/v1/config.json', 'one file of a directory'],
      ['dstore get models/v1 --format tar | tar x', 'a directory as a tar file'],
      ['dstore get models/v2 --update model --delete', 'write only what differs from the folder'],
      ['dstore get models/v1 --range 0-99', 'fetch the first hundred bytes of a named value'],
      [
        'dstore ls --keys | dstore get --files-from - --output-dir all',
        'a file for each, many at once',
      ],
    ],
    flags: [
      'output',
      'output-dir',
      'update',
      'delete',
      'format',
      'files-from',
      'jobs',
      'range',
      'json',
      ...CALL,
    ],
    isDoneUnread: ({ output, 'output-dir': folder, update, json }) =>
      (output ?? folder ?? update) !== undefined && json !== true,
    positionals: MANY,
    load: () => get,
  },
  path: pathCommand(CALL),
  cid: {
    group: 'values',
    usage: 'FILE|DIR... | -\nDIR... [--follow] [--ignore-file FILE]\nFILE... --digest HASH',
    summary: 'print the keys of files and folders without storing them',
    examples: [
      ['dstore cid model.bin', 'the digest in the key is what b3sum prints'],
      ['dstore cid my-model', 'the key that `dstore put my-model` prints'],
      [
        'dstore cid model.bin --digest sha2-256',
        'its name by SHA-256: `dstore put --name` takes it',
      ],
    ],
    flags: ['follow', 'ignore-file', 'digest', 'json', 'quiet', 'verbose'],
    flagHelp: { follow: 'hash what links out of a folder point to' },
    positionals: MANY,
    load: async () => (await import('./commands/cid.ts')).cid,
  },
  has: {
    group: 'values',
    usage: 'KEY...\n[KEY...] --files-from LIST',
    summary: 'check whether values exist: exit code 0 for yes, 1 for no',
    examples: [['dstore has bafkr4i... && echo yes', 'use in a script']],
    flags: ['files-from', 'json', ...CALL],
    // R007-29: 1 is for certain, so a failure is another code.
    exits: { [ERRORS['not-found'].exit]: 1, [ERRORS.internal.exit]: ERRORS.unreachable.exit },
    isDoneUnread: ({ json }) => json !== true,
    positionals: MANY,
    load: () => has,
  },
  stat: {
    group: 'values',
    usage: 'KEY...\n[KEY...] --files-from LIST',
    summary: 'show the size of a value, and how much of it this node holds',
    examples: [['dstore stat bafkr4i... --json', 'as JSON, for a program']],
    flags: ['files-from', 'json', ...CALL],
    positionals: MANY,
    load: async () => (await import('./commands/values.ts')).stat,
  },
  name: nameCommand(CALL),
  tag: tagCommand(CALL),
  ls: lsCommand(CALL),
  du: duCommand(CALL),
  df: dfCommand(CALL),
  rm: {
    group: 'values',
    usage: 'KEY... [--force]\nNAME... [--name-only]',
    summary: 'remove values and names everywhere',
    examples: [
      ['dstore rm bafkr4i...', 'remove a value from Global and from every cache'],
      ['dstore rm models/v1', 'unbind a name; the last name takes its value with it'],
    ],
    flags: ['force', 'name-only', 'json', ...CALL],
    positionals: MANY,
    load: async () => (await import('./commands/rm.ts')).rm,
  },
  rule: ruleCommand(CALL),
  watch: {
    group: 'names',
    usage: '',
    summary: 'show every change as it happens',
    examples: [
      ['dstore watch --after start', 'from the oldest change in the log: up to 7 days'],
      ['dstore watch --json', 'as JSON, for a program'],
    ],
    flags: ['after', 'json', ...CALL],
    positionals: NONE,
    load: async () => (await import('./commands/watch.ts')).watch,
  },
  prefetch: {
    group: 'cache',
    usage: 'KEY... [--max-rate R]\n[KEY...] --files-from LIST',
    summary: 'fetch values into the cache of this node',
    examples: [
      ['dstore prefetch bafkr4i...', 'the next get reads from memory'],
      ['dstore prefetch models/v1 --max-rate 200MiB/s', 'leave the network to others'],
    ],
    flags: ['files-from', 'max-rate', ...CALL],
    isDoneUnread: () => true,
    positionals: MANY,
    load: async () => (await import('./tree/cached.ts')).prefetch,
  },
  evict: {
    group: 'cache',
    usage: 'KEY...\n[KEY...] --files-from LIST',
    summary: 'evict values from the cache of this node only',
    examples: [['dstore evict bafkr4i...', 'the next get fetches it again']],
    flags: ['files-from', ...CALL],
    isDoneUnread: () => true,
    positionals: MANY,
    load: async () => (await import('./tree/cached.ts')).evict,
  },
  pin: pinCommand(CALL),
  unpin: unpinCommand(CALL),
  pins: pinsCommand(CALL),
  verify: {
    group: 'values',
    usage: '[--repair]\n--counts',
    summary: 'verify every stored value; exit code 4 if one is damaged',
    examples: [
      ['dstore verify --repair', 'also repair damaged values from a node that holds them'],
      ['dstore verify --counts', 'count what directories hold, and correct wrong counts'],
    ],
    flags: ['repair', 'counts', 'json', ...CALL],
    positionals: NONE,
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  export: {
    group: 'values',
    usage: '[KEY...] > FILE.tar\n[KEY...] -o FILE.tar',
    summary: 'write values and their names to a tar file; without KEY, all',
    examples: [
      ['dstore export > backup.tar', 'back up everything: one file per value, named after its key'],
      ['dstore export models/v1 | ssh host dstore import', 'copy one value to another store'],
    ],
    flags: ['output', ...CALL],
    isDoneUnread: ({ output }) => output !== undefined,
    positionals: [0, Infinity],
    load: async () => (await import('./commands/archive.ts')).exportValues,
  },
  import: {
    group: 'values',
    usage: '[FILE.tar | -]',
    summary: 'store the values of an export, each verified against its key',
    examples: [['dstore import backup.tar', 'print the keys; values that exist already are kept']],
    flags: ['json', ...CALL],
    positionals: [0, 1],
    load: async () => (await import('./commands/archive.ts')).importValues,
  },
  repl: {
    group: 'tools',
    usage: '',
    summary: 'open a prompt with SET, GET and DEL',
    examples: [
      ['dstore repl', 'SET hi hello here, GET hi on another node; .help lists all'],
      ["echo 'GET hi' | dstore repl", 'run statements from a script'],
    ],
    flags: CALL,
    positionals: NONE,
    load: async () => (await import('./commands/repl.ts')).repl,
  },
  invite: {
    group: 'members',
    usage: '[-o FILE] [--role ROLE] [--uses N] [--expires D] [--label L]',
    summary: 'create a ticket that lets other nodes join this Global',
    examples: [
      [
        'dstore invite -o ticket',
        'for one node, valid for a day, in a file that only you can read',
      ],
      ['dstore invite --role reader --uses 20', 'for twenty nodes that only read'],
    ],
    flags: ['output', 'role', 'uses', 'expires', 'label', 'json', ...CALL],
    flagHelp: { label: 'what to call the nodes (default: the name of each machine)' },
    isDoneUnread: ({ output, json }) => output !== undefined && json !== true,
    positionals: NONE,
    load: async () => (await import('./commands/members.ts')).invite,
  },
  join: {
    group: 'members',
    usage: '[TICKET | - | @FILE | MULTIADDR] [FLAGS]\n--with-data [TICKET]\n--drop-data [--force]',
    summary: 'join a Global and start a node in the background',
    examples: [
      ['dstore join @ticket', 'with a ticket from a file'],
      ['ssh global dstore invite | dstore join', 'with a ticket from standard input'],
      ['dstore join --with-data @ticket', 'and upload the values and names of this directory'],
      ['dstore join --with-data', 'the same at a Local, and after an interruption'],
      ['dstore join --without-data @ticket', 'leave them here; `start --standalone` serves them'],
      ['dstore join --drop-data', 'delete them here, once Global has them all'],
    ],
    flags: [
      'with-data',
      'drop-data',
      'force',
      ...NODE_FLAGS.filter((flag) => !NOT_OF_JOIN.has(flag)),
      'json',
      ...PLACE,
      'timeout',
    ],
    isDoneUnread: () => true,
    positionals: [0, 1],
    load: async () => (await import('./commands/join.ts')).join,
  },
  open: openCommand(CALL),
  members: {
    group: 'members',
    usage: '\nadd MEMBER... [--role ROLE]\nrm MEMBER...',
    summary: 'list, add and remove member nodes, by label or peer id',
    examples: [
      ['dstore members -v', 'list label, role, state, since when, and peer id of each'],
      ['dstore members add 12D3KooW...', 'admit a node without a ticket, by its peer id'],
      ['dstore members rm build-7', 'remove a node and cut its connections everywhere'],
    ],
    flags: ['role', 'json', ...CALL],
    positionals: [0, Infinity],
    load: async () => (await import('./commands/members.ts')).members,
  },
  token: tokenCommand(CALL),
  set: setCommand(PLACE),
  gocache: gocacheCommand(PLACE),
  hf: hfCommand(CALL),
  daemon: daemonCommand,
  start: startCommand,
  stop: stopCommand,
  status: {
    group: 'node',
    usage: '[--watch]',
    summary: 'show what the node is and does',
    examples: [
      ['dstore status --watch', 'refresh every second, with rates and their course'],
      ['dstore status --json', 'as JSON, for a program'],
    ],
    flags: ['watch', 'json', ...PLACE, 'timeout'],
    positionals: NONE,
    load: async () => (await import('./commands/status.ts')).status,
  },
  doctor: {
    group: 'node',
    usage: '',
    summary: 'find what is wrong with this node; exit code 8 if there is a problem',
    examples: [
      ['dstore doctor', 'a line for each check; with a fault, what to do about it'],
      ['dstore doctor --json | jq -r ".findings[].id"', 'as JSON, for a program'],
      ['dstore doctor && dstore put f', 'notes and warnings count as success'],
    ],
    flags: ['json', ...PLACE, 'timeout'],
    positionals: NONE,
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  config: configCommand,
  logs: logsCommand,
  completion: {
    group: 'tools',
    usage: 'bash | zsh | fish',
    summary: 'print a shell script that completes commands, names and keys',
    examples: [
      ['eval "$(dstore completion bash)"', 'for this shell; put it into ~/.bashrc for every shell'],
    ],
    flags: [...PLACE],
    positionals: MANY,
    load: async () => (await import('./commands/completion.ts')).completion,
  },
}
