/** The entry of `hf` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'

export const hfCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'tools',
  usage: 'publish DIR [ORG/]NAME[@REV] [--type TYPE] [--ignore-file FILE] [--keep D] [--expires D]',
  summary: "publish folders for Hugging Face's clients, which reach them by --door hf",
  examples: [
    ['dstore hf publish my-model acme/tiny', 'as the revision main, which moves to it'],
    ['dstore hf publish my-model acme/tiny@v2', 'as another revision'],
    ['dstore hf publish data acme/trees --type dataset', 'a dataset'],
    ['dstore hf publish my-model acme/tiny@0f2e...', 'as a commit of 40 hex digits, for good'],
    [
      'dstore hf publish ~/.cache/huggingface/hub/models--acme--tiny/snapshots/4c71... acme/tiny',
      'what a client has downloaded: links are followed',
    ],
  ],
  flags: ['type', 'ignore-file', 'keep', 'expires', 'json', ...callFlags],
  flagHelp: {
    keep: 'keep what the revision had for this time (default 10m)',
    expires: 'unbind the revision after this time, unless it is bound already',
  },
  positionals: [0, 3],
  load: async () => (await import('./hf.ts')).hf,
})
