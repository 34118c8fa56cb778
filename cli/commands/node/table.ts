/** The entries of the commands about the node of this directory in the table of commands. */
import type { Command } from '../../command.ts'
import { NODE_FLAGS, PLACE_FLAGS } from '../../flags.ts'

const NONE: readonly [number, number] = [0, 0]

export const daemonCommand: Command = {
  group: 'node',
  usage: '[--global | --join WHERE] [FLAGS]',
  summary: 'run a node in the foreground',
  examples: [
    ['dstore daemon --global', 'run the Global; its ready line has its address'],
    ['dstore daemon --join @ticket', 'run a Local; later starts need no --join'],
  ],
  flags: [...NODE_FLAGS, ...PLACE_FLAGS],
  isDoneUnread: () => true,
  positionals: NONE,
  load: async () => (await import('../daemon.ts')).daemon,
}

export const startCommand: Command = {
  group: 'node',
  usage: '[--global | --join WHERE] [FLAGS]',
  summary: 'start a node in the background',
  examples: [['dstore start --cache 4GiB', 'flags are remembered for later starts']],
  flags: [...NODE_FLAGS, 'json', ...PLACE_FLAGS],
  isDoneUnread: () => true,
  positionals: NONE,
  load: async () => (await import('../background.ts')).start,
}

export const stopCommand: Command = {
  group: 'node',
  usage: '',
  summary: 'stop the node of this state directory',
  examples: [['dstore stop', 'returns when its process has ended']],
  flags: [...PLACE_FLAGS, 'timeout'],
  isDoneUnread: () => true,
  positionals: NONE,
  load: async () => (await import('../background.ts')).stop,
}

export const logsCommand: Command = {
  group: 'node',
  usage: '[-f] [-n N] [--since TIME] [--json]',
  summary: 'show the log of the node in the background',
  examples: [
    ['dstore logs -f', 'keep printing as the log grows'],
    ['dstore logs -n 20 --since 1h', 'the last 20 lines of the last hour'],
    [`dstore logs --json | jq 'select(.level == "warn")'`, 'a document for each line'],
  ],
  flags: ['follow', 'limit', 'since', 'json', ...PLACE_FLAGS],
  flagHelp: { limit: 'only the last N lines of those that are there' },
  positionals: NONE,
  load: async () => (await import('./logs.ts')).logs,
}

export const configCommand: Command = {
  group: 'node',
  usage: '[show]\nget NAME\nset NAME VALUE...\nunset NAME',
  summary: 'show or change the settings that a node starts with',
  examples: [
    ['dstore config', 'each setting, what it is, and where that comes from'],
    ['dstore config get cache', 'one of them, as `set` takes it'],
    ['dstore config set max-size 200GiB', 'save it for later starts, checked as by `start`'],
    ['dstore config set http-public yes', 'what is a flag without a value'],
    ['dstore config unset max-size', 'go back to its default'],
  ],
  flags: ['json', ...PLACE_FLAGS],
  isDoneUnread: () => false,
  positionals: [0, Infinity],
  load: async () => (await import('./config.ts')).config,
}
