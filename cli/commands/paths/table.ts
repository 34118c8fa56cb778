/** The entry of `path` in the table of commands. */
import type { Command } from '../../command.ts'
import type { FlagName } from '../../flags.ts'
import { path } from './path.ts'

export const pathCommand = (callFlags: readonly FlagName[]): Command => ({
  group: 'values',
  usage: 'KEY[/PATH] [--hold D]\nKEY[/PATH] --exec -- CMD {}',
  summary: 'print the path of a file to map, which every process here shares',
  examples: [
    ['dstore path models/v1/model.safetensors', 'fetch it, and hold the file for a minute'],
    ['dstore path models/v1 --hold 1h', 'of a directory: a folder of links to its files'],
    ['dstore path models/v1 --exec -- python serve.py {}', 'hold it for as long as a program runs'],
    ['dstore path tools/v3/bin/lint --exec -- {} src', 'run a program that is stored'],
  ],
  flags: ['hold', 'exec', 'json', ...callFlags],
  isDoneUnread: ({ exec }) => exec === true,
  positionals: [1, Infinity],
  load: () => path,
})
