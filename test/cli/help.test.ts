import { test } from '../serial.ts'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { COMMANDS } from '../../cli/commands.ts'
import { commandHelp, overview } from '../../cli/help/help.ts'
import { TOPICS, topicHelp } from '../../cli/help/topics.ts'
import { columnsFor, table, wrap, wrapCommand } from '../../cli/help/wrap.ts'
import { COMMON_FLAGS, FLAGS, type FlagName } from '../../cli/flags.ts'
import { BUNDLE, Place } from './command.ts'

const WIDTHS = [40, 80, 120]

/** Every page of help at a width, by what it is about. */
const pages = (columns: number): [string, string][] => [
  ['overview', overview(COMMANDS, columns)],
  ...Object.entries(COMMANDS).map(([name, command]): [string, string] => [
    name,
    commandHelp(command, name, columns),
  ]),
  ...Object.keys(TOPICS).map((name): [string, string] => [name, topicHelp(name, columns)]),
]

/** Lines that go over the edge although they could be broken. */
const tooLong = (text: string, columns: number): string[] =>
  text
    .split('\n')
    .filter((line) => line.length > columns && line.trim().replace(/ \\$/, '').includes(' '))

const words = (text: string): string =>
  text.replaceAll(/ \\\n/g, ' ').replaceAll(/\s+/g, ' ').trim()

for (const columns of WIDTHS) {
  test(`R007-450 no line of help is longer than ${columns} columns, and none loses a word`, (t) => {
    const whole = new Map(pages(Infinity))
    for (const [about, page] of pages(columns)) {
      t.deepEqual(tooLong(page, columns), [], about)
      t.is(words(page), words(whole.get(about)!), about)
    }
  })
}

test('R007-450 the overview has each command once, in a line with what it does', (t) => {
  const page = overview(COMMANDS, 120)
  for (const [name, { summary }] of Object.entries(COMMANDS)) {
    const rows = page.split('\n').filter((line) => line.startsWith(`  ${name} `))
    t.is(rows.length, 1, name)
    t.true(rows[0]!.endsWith(summary), name)
  }
})

test('R007-450 common options are explained in the overview, and only named elsewhere', (t) => {
  const page = overview(COMMANDS, 120)
  for (const flag of COMMON_FLAGS) t.true(page.includes(FLAGS[flag].help), flag)
  for (const [name, command] of Object.entries(COMMANDS)) {
    const help = commandHelp(command, name, 200)
    const explained = (flag: FlagName): string => command.flagHelp?.[flag] ?? FLAGS[flag].help
    for (const flag of command.flags) {
      const isOwn = !COMMON_FLAGS.includes(flag) || command.flagHelp?.[flag] !== undefined
      t.is(help.includes(`  ${explained(flag)}`), isOwn, `${name} --${flag}`)
      t.regex(help, new RegExp(`--${flag}\\b|-${FLAGS[flag].short ?? '--'}\\b`), name)
    }
  }
})

test('R007-450 the width is that of COLUMNS, else of the terminal, else 80, within bounds', (t) => {
  t.is(columnsFor(undefined, {}), 80)
  t.is(columnsFor(100, {}), 100)
  t.is(columnsFor(0, {}), 80)
  t.is(columnsFor(100, { COLUMNS: '50' }), 50)
  t.is(columnsFor(100, { COLUMNS: 'wide' }), 100)
  t.is(columnsFor(undefined, { COLUMNS: '0' }), 80)
  t.is(columnsFor(undefined, { COLUMNS: '3' }), 20)
  t.is(columnsFor(400, {}), 120)
})

test('R007-450 text is broken between words; a command in backticks stays whole if it fits', (t) => {
  t.is(wrap('one two three', 8, '  '), 'one two\n  three')
  t.is(wrap('short\nlines', 8), 'short\nlines')
  t.is(wrap('  indented text', 10), '  indented\n  text')
  t.is(wrap('use `dstore stop`, then', 17), 'use\n`dstore stop`,\nthen')
  t.is(wrap('`a command of its own`', 10), '`a command\nof its\nown`')
  t.is(wrap('a-word-that-is-too-long to break', 10), 'a-word-that-is-too-long\nto break')
  t.is(wrapCommand("  $ run 'a b' c", 14, '  '), "  $ run \\\n    'a b' c")
  t.is(table([['a', 'one two']], 40), '  a  one two')
})

test('R007-450 a command that help breaks over lines is the same to a shell', (t) => {
  const broken = wrapCommand("printf '%s,' one 'two three' four five", 20, '  ')
  t.true(broken.includes('\\\n'))
  const { stdout } = spawnSync('sh', ['-c', broken])
  t.is(stdout.toString(), 'one,two three,four,five,')
})

test('R007-451 help on commands and topics, by either way of asking', async (t) => {
  const place = new Place(t)
  const wide = { env: { COLUMNS: '40' } }
  const asked = await place.run(['help', 'sizes'], wide)
  t.is(asked.stdout.toString(), `${topicHelp('sizes', 40)}\n`)
  const command = await place.run(['has', '--help'], wide)
  t.is(command.stdout.toString(), `${commandHelp(COMMANDS['has']!, 'has', 40)}\n`)
  const unknown = await place.run(['help', 'size'])
  t.is(unknown.exit, 2)
  t.regex(unknown.stderr, /no help on: size\nhint: did you mean `dstore help sizes`\?/)
  for (const name of Object.keys(TOPICS)) t.false(Object.hasOwn(COMMANDS, name), name)
})

const LONG_ERRORS = [
  'get bafkr4i',
  'start --cache much',
  'put --no-such-flag file with many words behind it',
  'status',
]

for (const columns of WIDTHS) {
  const isLinux = process.platform === 'linux'
  test(`R007-452 errors and hints on a terminal of ${columns} columns break between words`, async (t) => {
    const place = new Place(t)
    if (!isLinux || spawnSync('script', ['--version']).error !== undefined) {
      t.log('script of util-linux is not installed')
      t.pass()
      return
    }
    const commands = LONG_ERRORS.map((one) => `"$NODE" "$BUNDLE" ${one} --no-start`)
    const [first] = commands
    // The same once more into a file: there each message is one line (R007-21).
    const program = `stty cols ${columns}; ${commands.join('; ')}; ${first} 2> plain`
    const { stdout } = spawnSync('script', ['-qec', program, '/dev/null'], {
      cwd: place.path,
      env: place.env({ NODE: process.execPath, BUNDLE }),
      timeout: 60_000,
    })
    const shown = stdout.toString().replaceAll('\r', '').trimEnd()
    t.true(shown.split('\n').filter((line) => line.startsWith('dstore: ')).length >= 4, shown)
    t.true(shown.includes('\nhint: '), shown)
    t.deepEqual(tooLong(shown, columns), [])
    t.regex(readFileSync(place.file('plain'), 'utf8'), /^dstore: .+\nhint: .+\n$/)
  })
}
