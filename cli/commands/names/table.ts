/** The entries of `name`, `tag` and `rule` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

/** What `--expires` means where a name is bound. */
export const EXPIRES = 'unbind the name after this time, such as 7d (default: never)'

export const nameCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'names',
  usage: 'NAME KEY [--expires D]',
  summary: 'bind a write-once name to a key',
  examples: [
    ['dstore name models/v1 bafkr4i...', 'permanent: the name never refers to another key'],
    ['dstore name reports/1 bafkr4i... --expires 30d', 'unbind it after 30 days'],
  ],
  flags: ['expires', 'json', ...callFlags],
  flagHelp: { expires: EXPIRES },
  isDoneUnread: ({ json }) => json !== true,
  positionals: [2, 2],
  load: async () => (await import('./name.ts')).name,
})

export const tagCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'names',
  usage: 'NAME KEY [--keep D] [--expires D]\n--history NAME',
  summary: 'move a name to another key, or show what it was bound to',
  examples: [
    ['dstore tag app/latest app/v2', 'bind the tag, or move it: all at once'],
    ['dstore tag --history app/latest', 'the last 16 keys, the newest first'],
    ['dstore tag app/latest bafyr4i...', 'go back to an earlier key, while it is kept'],
    [
      'dstore tag nightly app/v3 --expires 7d',
      'unbind it after a week; a later move may put that off',
    ],
  ],
  flags: ['history', 'keep', 'expires', 'json', ...callFlags],
  flagHelp: { expires: EXPIRES },
  isDoneUnread: ({ history, json }) => history !== true && json !== true,
  positionals: [1, 2],
  load: async () => (await import('./tag.ts')).tag,
})

export const ruleCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'names',
  usage:
    'set PREFIX [--max-size S] [--max-names N] [--max-age D] [--unused D]\n' +
    'set --unnamed --unused D\nls\nrm PREFIX... | --unnamed',
  summary: 'bound what names below a prefix hold: the least recently used go first',
  examples: [
    ['dstore rule set cache/ --max-size 50GiB --unused 7d', 'a cache that cleans up by itself'],
    ['dstore rule set ci/ --max-age 30d --max-names 10000', 'other bounds, for other names'],
    ['dstore rule ls', 'each rule, what it holds now, and what it has removed'],
    ['dstore rule rm cache/', 'remove the rule; the names stay'],
  ],
  flags: ['max-size', 'max-names', 'max-age', 'unused', 'unnamed', 'json', ...callFlags],
  flagHelp: { 'max-size': 'the sum of the sizes of all values that the names hold' },
  isDoneUnread: ({ json }) => json !== true,
  positionals: [0, Infinity],
  load: async () => (await import('./rule.ts')).rule,
})
