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
  usage: '[-f]',
  summary: 'show the log of the node in the background',
  examples: [['dstore logs -f', 'keep printing as the log grows']],
  flags: ['follow', ...PLACE_FLAGS],
  positionals: NONE,
  load: async () => (await import('../background.ts')).logs,
}
