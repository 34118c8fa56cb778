/** Help that teaches by example: the overview, and one page for each command. */
import { GROUPS, type Command, type CommandTable, type Group } from '../command.ts'
import { COMMON_FLAGS, FLAGS, NODE_FLAG_GROUPS, type FlagName } from '../flags.ts'
import { COLUMNS, table, wrap, wrapCommand } from './wrap.ts'

/** Every command in its group, then the options that all of them take. */
export function overview(commands: CommandTable, columns: number = COLUMNS): string {
  const all = Object.entries(commands)
  const width = Math.max(...all.map(([name]) => name.length))
  const groups = (Object.keys(GROUPS) as Group[]).map((group) => {
    const own = all.filter(([, command]) => command.group === group)
    const rows = own.map(([name, { summary }]) => [name.padEnd(width), summary] as const)
    return `${GROUPS[group]}:\n${table(rows, columns)}`
  })
  return [
    wrap('dstore: put a file on one machine, get it on any other, every byte verified.', columns),
    table(FIRST_STEPS, columns),
    ...groups,
    `Common options:\n${flagTable(COMMON_FLAGS, {}, columns)}`,
    wrap(
      '`dstore COMMAND --help` shows options and examples. `dstore help TOPIC` explains keys, sizes, exit-codes or environment.',
      columns,
    ),
  ].join('\n\n')
}

const FIRST_STEPS = [
  ['KEY=$(dstore put model.bin)', 'store a file; its key is its BLAKE3 hash'],
  ['dstore get $KEY -o copy.bin', 'fetch it, on this machine or another'],
] as const

/** The forms of a command, what it does, examples, and its options. */
export function commandHelp(command: Command, name: string, columns: number = COLUMNS): string {
  const { summary, examples, flagHelp = {} } = command
  const { own, common } = optionsOf(command)
  const shown = examples.map(([example, does]) => {
    return `${wrapCommand(`  $ ${example}`, columns, '    ')}\n${wrap(`    ${does}`, columns)}`
  })
  const options = Object.entries(own).map(
    ([title, flags]) => `${title}:\n${flagTable(flags, flagHelp, columns)}`,
  )
  return [
    `${formsOf(command, name)
      .map((form) => wrap(form, columns, '    '))
      .join('\n')}\n${wrap(`  ${summary}`, columns)}`,
    shown.join('\n'),
    ...options,
    wrap(commonLine(common), columns, '  '),
  ].join('\n\n')
}

/** Each way to call a command. */
export function formsOf({ usage }: Command, name: string): string[] {
  return usage.split('\n').map((form) => `dstore ${name} ${form}`.trimEnd())
}

/** The options of a command, by heading, and those that it has in common with others. */
export function optionsOf({ flags, flagHelp = {} }: Command): {
  readonly own: Readonly<Record<string, readonly FlagName[]>>
  readonly common: readonly FlagName[]
} {
  const isCommon = (flag: FlagName): boolean =>
    COMMON_FLAGS.includes(flag) && flagHelp[flag] === undefined
  const groups = Object.entries(NODE_FLAG_GROUPS).map(
    ([title, names]) => [title, flags.filter((flag) => names.includes(flag))] as const,
  )
  // A command that only borrows a flag of a node has one list.
  const isNode = groups.filter(([, own]) => own.length > 0).length > 2
  const grouped = isNode ? groups : []
  const inGroup = new Set(grouped.flatMap(([, own]) => own))
  const own = flags.filter((flag) => !isCommon(flag) && !inGroup.has(flag))
  const all = [['Options', own] as const, ...grouped].filter(([, some]) => some.length > 0)
  return { own: Object.fromEntries(all), common: flags.filter(isCommon) }
}

function commonLine(flags: readonly FlagName[]): string {
  const written = flags.map((flag) => (FLAGS[flag].short ? `-${FLAGS[flag].short}` : `--${flag}`))
  return `Common options: see \`dstore --help\` for ${written.join(', ')}`
}

/** `-o, --output FILE`. */
export function spelling(flag: FlagName): string {
  const { short, value } = FLAGS[flag]
  return `${short ? `-${short}, ` : ''}--${flag}${value ? ` ${value}` : ''}`
}

function flagTable(
  flags: readonly FlagName[],
  flagHelp: Readonly<Partial<Record<FlagName, string>>>,
  columns: number,
): string {
  const rows = flags.map((flag) => [spelling(flag), flagHelp[flag] ?? FLAGS[flag].help] as const)
  return table(rows, columns)
}
