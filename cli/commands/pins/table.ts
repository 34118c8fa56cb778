/** The entries of `pin`, `unpin` and `pins` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const pinCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'cache',
  usage: 'KEY|NAME[/PATH]... [--max-rate R]',
  summary: 'fetch values and keep them on this machine until they are unpinned',
  examples: [
    ['dstore pin models/v1', 'returns when all of it is here; nothing evicts it, nor a restart'],
    ['dstore pin app/latest', 'a tag: what it is moved to is fetched, and replaces the former'],
    ['dstore pin models/v1/tokenizer.json', 'one file of a directory'],
    ['dstore pin models/v1 --max-rate 200MiB/s', 'leave the network to others'],
  ],
  flags: ['max-rate', 'json', ...callFlags],
  isDoneUnread: ({ json }) => json !== true,
  positionals: [1, Infinity],
  load: async () => (await import('./pin.ts')).pin,
})

export const unpinCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'cache',
  usage: 'KEY|NAME[/PATH]...',
  summary: 'let the cache of this machine evict what was pinned',
  examples: [['dstore unpin models/v1', 'it stays until its room is needed']],
  flags: callFlags,
  isDoneUnread: () => true,
  positionals: [1, Infinity],
  load: async () => (await import('./pin.ts')).unpin,
})

export const pinsCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'cache',
  usage: '',
  summary: 'list what is pinned on this machine, and how much of it is here',
  examples: [
    ['dstore pins', 'a line for each: state, what is here, size, and what was pinned'],
    ['dstore pins --json | jq -r \'select(.state != "held").word\'', 'as JSON, for a program'],
  ],
  flags: ['json', ...callFlags],
  positionals: [0, 0],
  load: async () => (await import('./pin.ts')).pins,
})
