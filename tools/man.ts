/**
 * The pages of `man`, made from the table of commands: `dstore.1`, one page for each command, and
 * one on topics. The build writes them into the package.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GROUPS, type Command, type Group } from '../cli/command.ts'
import { COMMANDS } from '../cli/commands.ts'
import { COMMON_FLAGS, FLAGS, type FlagName } from '../cli/flags.ts'
import { formsOf, optionsOf } from '../cli/help/help.ts'
import { TOPICS } from '../cli/help/topics.ts'
import { VERSION } from '../src/node/version.ts'

/** Where the pages are in the package. */
export const MAN_FOLDER = 'dist/man'

/** The pages, by the name of their file. */
export function manPages(): Record<string, string> {
  const commands = Object.entries(COMMANDS).map(
    ([name, command]) => [`dstore-${name}.1`, commandPage(name, command)] as const,
  )
  return { 'dstore.1': mainPage(), ...Object.fromEntries(commands), 'dstore.7': topicsPage() }
}

export function writeManPages(): void {
  mkdirSync(MAN_FOLDER, { recursive: true })
  for (const [name, page] of Object.entries(manPages())) {
    writeFileSync(join(MAN_FOLDER, name), page)
  }
}

/** Names the pages in `package.json`, by which npm links them to where `man` looks. */
export function writeManList(): void {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as object
  const man = Object.keys(manPages()).map((name) => `./${MAN_FOLDER}/${name}`)
  writeFileSync('package.json', `${JSON.stringify({ ...manifest, man }, undefined, 2)}\n`)
}

function mainPage(): string {
  const groups = (Object.keys(GROUPS) as Group[]).flatMap((group) => [
    section(GROUPS[group]),
    ...Object.entries(COMMANDS)
      .filter(([, command]) => command.group === group)
      .map(([name, { summary }]) => item(bold(`dstore-${name}(1)`), summary)),
  ])
  return page('dstore', 1, [
    section('Name'),
    `dstore \\- ${escaped('a content-addressed store: put a file on one machine, get it on any other')}`,
    section('Synopsis'),
    `${bold('dstore')} ${escaped('COMMAND [ARGUMENTS] [OPTIONS]')}`,
    ...groups,
    section('Common options'),
    ...COMMON_FLAGS.map((flag) => option(flag, FLAGS[flag].help)),
    section('See also'),
    bold('dstore(7)'),
  ])
}

function commandPage(name: string, command: Command): string {
  const { summary, examples, flagHelp = {} } = command
  const { own, common } = optionsOf(command)
  return page(`dstore-${name}`, 1, [
    section('Name'),
    `dstore-${name} \\- ${escaped(summary)}`,
    section('Synopsis'),
    formsOf(command, name).map(escaped).join('\n.br\n'),
    section('Examples'),
    ...examples.map(([example, does]) => item(bold(example), does)),
    ...Object.entries(own).flatMap(([title, flags]) => [
      section(title),
      ...flags.map((flag) => option(flag, flagHelp[flag] ?? FLAGS[flag].help)),
    ]),
    section('Common options'),
    `${common.map((flag) => bold(`--${flag}`)).join(', ')}: see ${bold('dstore(1)')}.`,
    section('See also'),
    `${bold('dstore(1)')}, ${bold('dstore(7)')}`,
  ])
}

function topicsPage(): string {
  const topics = Object.entries(TOPICS).flatMap(([name, { text, rows }]) => [
    section(name),
    ...text.flatMap((paragraph) => ['.PP', escaped(paragraph)]),
    ...(rows?.() ?? []).map(([left, right]) => item(bold(left), right)),
  ])
  return page('dstore', 7, [
    section('Name'),
    'dstore \\- keys, sizes, exit codes and variables of dstore',
    ...topics,
    section('See also'),
    bold('dstore(1)'),
  ])
}

function page(title: string, part: number, lines: readonly string[]): string {
  const head = `.TH ${title.toUpperCase()} ${part} "" "dstore ${VERSION}" "dstore"`
  return `${[head, '.nh', '.ad l', ...lines].join('\n')}\n`
}

const section = (title: string): string => `.SH ${escaped(title.toUpperCase())}`

const item = (left: string, right: string): string => `.TP\n${left}\n${escaped(right)}`

/** `-o, --output FILE` with the words that are typed in bold, and what it does. */
function option(flag: FlagName, help: string): string {
  const { short, value } = FLAGS[flag]
  const names = [...(short ? [`-${short}`] : []), `--${flag}`].map(bold).join(', ')
  return item(`${names}${value ? ` \\fI${escaped(value)}\\fR` : ''}`, help)
}

const bold = (text: string): string => `\\fB${escaped(text)}\\fR`

/** Text as roff reads it: nothing in it is a request or an escape. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll(/^\./gm, '\\&.')
}
