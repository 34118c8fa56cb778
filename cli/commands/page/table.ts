/** The entry of `open` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const openCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'tools',
  usage: '[--print] [--role ROLE]',
  summary: 'open the page of this node in the browser',
  examples: [
    ['dstore open', 'see machines, names, changes and transfers, and remove values'],
    ['dstore open --role reader', 'a page that changes nothing'],
    ['dstore open --print', 'print an address that works once, within two minutes'],
  ],
  flags: ['print', 'role', 'json', ...callFlags],
  flagHelp: { role: 'what the page may do: reader, writer or admin (default admin)' },
  positionals: [0, 0],
  load: async () => (await import('./open.ts')).open,
})
