/** The entry of `token` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const tokenCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'members',
  usage:
    'add [--role ROLE] [--label L] [--expires D] [--prefix P] [-o FILE]\nls\nrm LABEL|TOKEN...',
  summary: 'make, list and revoke the tokens of the API over TCP',
  examples: [
    ['dstore token add --role reader --label ci', 'print a token that only reads'],
    ['dstore token add --role writer --prefix ci/ -o token', 'for names below ci/, in a file'],
    ['dstore token ls', 'list each label, role, prefix and last use'],
    ['dstore token rm ci', 'revoke it at once'],
  ],
  flags: ['role', 'label', 'expires', 'prefix', 'output', 'json', ...callFlags],
  flagHelp: {
    role: 'reader, writer or admin (default reader)',
    label: 'what to call it in lists and in the log',
    expires: 'how long the token is valid (default: until it is revoked)',
    prefix: 'confine it to names below this prefix, such as ci/',
  },
  isDoneUnread: ({ output, json }) => output !== undefined && json !== true,
  positionals: [0, Infinity],
  load: async () => (await import('./token.ts')).token,
})
