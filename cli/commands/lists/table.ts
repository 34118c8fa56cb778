/** The entries of `ls`, `du` and `df` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const lsCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'names',
  usage:
    '[PREFIX] [-l] [--match GLOB] [--sort ORDER] [--limit N]\nKEY[/PATH] | NAME/[PATH] [-l] [--tree]\n--keys',
  summary: 'list names, keys, or what a directory has',
  examples: [
    ['dstore ls models/', 'list the names with this prefix'],
    ['dstore ls -l models/', 'with kind, bytes, when each was bound and expires'],
    ["dstore ls --match '*.bin'", 'names whose last part matches; ** also matches slashes'],
    ['dstore ls -l cache/ --sort size --limit 20', 'the largest first'],
    ['dstore ls models/v1/', 'list the directory that the name models/v1 is bound to'],
    ['dstore ls --tree -l bafyr4i...', 'all that is below a directory, with sizes'],
    ['dstore ls --keys | wc -l', 'count the values'],
  ],
  flags: ['keys', 'long', 'tree', 'match', 'sort', 'limit', 'json', ...callFlags],
  positionals: [0, 1],
  load: async () => (await import('./ls.ts')).ls,
})

export const duCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'names',
  usage: '[PREFIX] [--sort ORDER] [--limit N]',
  summary: 'show how many bytes and names are below each prefix, by level',
  examples: [
    ['dstore du', 'bytes, names and prefix up to the first slash, a line each, and the total'],
    ['dstore du models/ --sort size --limit 10', 'the ten largest below models/'],
  ],
  flags: ['sort', 'limit', 'json', ...callFlags],
  flagHelp: { sort: 'name or size, the largest first (default name)' },
  positionals: [0, 1],
  load: async () => (await import('./du.ts')).du,
})

export const dfCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'node',
  usage: '',
  summary: 'show what Global stores, its quota, what still fits, and what has no name',
  examples: [['dstore df --json', 'as JSON, for a program']],
  flags: ['json', ...callFlags],
  positionals: [0, 0],
  load: async () => (await import('./df.ts')).df,
})
