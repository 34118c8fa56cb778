/** The entry of `set` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const setCommand = (placeFlags: readonly FlagName[]): Command => ({
  group: 'members',
  usage: 'status\nstep-down [--timeout D]',
  summary: 'show the members of a set of Globals, or let another one become active',
  examples: [
    ['dstore set status', 'at any member: which one is active, and how far each one is'],
    ['dstore set status --json | jq -r .active', 'the id of the active member, for a program'],
    ['dstore set step-down', 'at the active member: returns once another one is active'],
    ['dstore set step-down && dstore stop', 'before an upgrade of its machine: docs/set.md'],
  ],
  flags: ['json', ...placeFlags, 'timeout'],
  flagHelp: { timeout: 'how long another member may take to become active (default 1m)' },
  isDoneUnread: ({ json }) => json !== true,
  positionals: [0, 1],
  load: async () => (await import('./set.ts')).set,
})
