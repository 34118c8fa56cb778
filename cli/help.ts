/** Help that teaches by example. The overview fits a screen of 80 columns and 24 lines. */
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { FLAGS } from './flags.ts'

export function overview(): string {
  const all = Object.entries(COMMANDS)
  const major = all.filter(([, { minor }]) => minor !== true)
  const minor = all.filter(([, command]) => command.minor === true).map(([name]) => name)
  const width = Math.max(...major.map(([name]) => name.length))
  return [
    'dstore: put a file on one machine, get it on any other, every byte verified.',
    '',
    '  KEY=$(dstore put model.bin)       store a file; its key is its BLAKE3 hash',
    '  dstore get $KEY -o copy.bin       fetch it, on this machine or another',
    '',
    ...major.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    ...wrapped('  also: ', minor),
    '',
    '`dstore COMMAND --help` shows flags and examples.',
  ].join('\n')
}

/** The words behind a label, on lines that fit a screen, the later ones indented like the first. */
function wrapped(label: string, words: readonly string[]): string[] {
  const lines: string[] = []
  let line = label.trimEnd()
  for (const word of words) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = ' '.repeat(label.length - 1)
    }
    line += ` ${word}`
  }
  return [...lines, line]
}

const COLUMNS = 80

export function commandHelp(command: Command, name: string): string {
  const { usage, summary, examples, flags, flagHelp = {} } = command
  const forms = usage.split('\n').map((form) => `dstore ${name} ${form}`.trimEnd())
  const left = flags.map((flag) => {
    const { short, value } = FLAGS[flag]
    return `${short ? `-${short}, ` : ''}--${flag}${value ? ` ${value}` : ''}`
  })
  const width = Math.max(...left.map((one) => one.length))
  return [
    `${forms.join('\n')}\n  ${summary}`,
    '',
    ...examples.flatMap(([command, does]) => [`  $ ${command}`, `    ${does}`]),
    '',
    ...flags.map((flag, index) => {
      const help = flagHelp[flag] ?? FLAGS[flag].help
      return `  ${left[index]!.padEnd(width)}  ${help}`
    }),
  ].join('\n')
}
