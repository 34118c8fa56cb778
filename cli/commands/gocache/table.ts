/** The entry of `gocache` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const gocacheCommand = (placeFlags: readonly FlagName[]): Command => ({
  group: 'tools',
  usage: '[--max-size SIZE]',
  summary: 'share the build cache of Go; the go command starts it: GOCACHEPROG="dstore gocache"',
  examples: [
    ['GOCACHEPROG="dstore gocache" go build ./...', 'take results from dstore, and store new ones'],
    ['go env -w GOCACHEPROG="dstore gocache"', 'for every go command of this user'],
    ['GOCACHEPROG="dstore gocache -v" go test ./...', 'also say how many results were there'],
  ],
  flags: ['max-size', ...placeFlags, 'timeout'],
  flagHelp: { 'max-size': 'how much may lie on this machine as files (default 10GiB)' },
  positionals: [0, 0],
  load: async () => (await import('./gocache.ts')).gocache,
})
