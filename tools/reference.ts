/**
 * The pages of `docs/reference`, made from the code: commands from their help, exit codes from the
 * table of errors, the library from its comments. A test compares pages and code;
 * `npm run reference` rewrites the pages.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { COMMANDS } from '../cli/commands.ts'
import { commandHelp, overview } from '../cli/help/help.ts'
import { exitCodes } from '../cli/help/topics.ts'
import { LIMITS, limitsPage } from './guides/limits.ts'
import { TROUBLESHOOTING, troubleshootingPage } from './guides/troubleshooting.ts'

const NOTE = '<!-- Written by `npm run reference`: change the code, not this page. -->'

/** Files whose exported declarations make the library's page, in its order, with its headings. */
const LIBRARY = [
  ['Opening', 'src/library/create-node.ts'],
  ['Connecting', 'src/library/connect.ts'],
  ['Calls', 'src/library/dstore.ts'],
  ['', 'src/library/opened-value.ts'],
  ['Names, tags and rules', 'src/library/name-calls.ts'],
  ['', 'src/hash/foreign-digest.ts'],
  ['Directories', 'src/library/directory-calls.ts'],
  ['', 'src/tree/read/entries.ts'],
  ['Paths', 'src/library/path-calls.ts'],
  ['Pins', 'src/library/pin-calls.ts'],
  ['', 'src/node/pins/node-pins.ts'],
  ['Options and answers', 'src/node/node.ts'],
  ['', 'src/node/node-puts.ts'],
  ['', 'src/node/call-options.ts'],
  ['', 'src/node/node-index.ts'],
  ['', 'src/node/node-lists.ts'],
  ['', 'src/node/node-rules.ts'],
  ['', 'src/node/node-members.ts'],
  ['', 'src/node/node-inactive.ts'],
  ['', 'src/node/node-status.ts'],
  ['', 'src/membership/role.ts'],
  ['', 'src/membership/refusal.ts'],
  ['Keys and ranges', 'src/hash/key.ts'],
  ['', 'src/hash/key-hasher.ts'],
  ['', 'src/hash/tree/tree.ts'],
  ['Errors', 'src/errors.ts'],
  ['Logs', 'src/log.ts'],
] as const

/** The names that the library exports. The rest of those files is internal. */
export function exported(): string[] {
  const lists = readFileSync('src/dstore.ts', 'utf8').matchAll(/^export (?:type )?\{([^}]*)\}/gm)
  const names = [...lists].flatMap(([, list]) => list!.split(',')).map((name) => name.trim())
  return [...names.filter((name) => name !== ''), 'Dstore', 'Value', 'Source']
}

/** The pages, by path. */
export function pages(): Record<string, string> {
  return {
    'docs/reference/commands.md': commandsPage(),
    'docs/reference/exit-codes.md': exitCodesPage(),
    'docs/reference/library.md': libraryPage(),
    [LIMITS]: limitsPage(),
    [TROUBLESHOOTING]: troubleshootingPage(readFileSync(TROUBLESHOOTING, 'utf8')),
  }
}

export function writePages(): void {
  for (const [path, page] of Object.entries(pages())) writeFileSync(path, page)
}

function commandsPage(): string {
  const sections = Object.entries(COMMANDS).map(
    ([name, command]) => `## ${name}\n\n${fenced('', commandHelp(command, name))}`,
  )
  return [
    `# Commands\n\n${NOTE}`,
    'What each prints with `--json` is described in [documents.yaml](../../specs/documents.yaml); the settings that ' +
      'flags, variables and files share, in\n[the spec of the command line](../../specs/007-daemon-and-command-line.md).',
    fenced('', overview(COMMANDS)),
    ...sections,
  ]
    .join('\n\n')
    .concat('\n')
}

function exitCodesPage(): string {
  const inCode = (meaning: string): string => meaning.replace(/^[a-z-]+(?=: )/, '`$&`')
  const rows = exitCodes().map(
    ([exit, meanings]) => `| ${exit} | ${meanings.map(inCode).join('; ')} |`,
  )
  return [
    `# Exit codes\n\n${NOTE}`,
    'An error has one code, the same on the wire, in the API (`code` of the problem document), in the library\n' +
      '(`DstoreError.code`) and here. Who can mend it, whether to try again and the HTTP status are in\n' +
      '[the table of errors](../../specs/000-conventions.md#errors). `has` ends with 1 for "no", and with 5 where\n' +
      'others end with 1. Several arguments: 0 if all succeeded, the common code if all ended alike, else 8.',
    ['| exit | code and meaning |', '| --- | --- |', ...rows].join('\n'),
  ]
    .join('\n\n')
    .concat('\n')
}

function libraryPage(): string {
  const sections = LIBRARY.flatMap(([title, path]) => [
    ...(title === '' ? [] : [`## ${title}`]),
    ...declarations(path),
  ])
  return [
    `# Library\n\n${NOTE}`,
    'Programs to begin with are in [examples](../../examples/README.md). Each call has an example in its comment; there `dstore` is a ' +
      'node,\n`key` the key of a value, `peer` the peer id of a member, `signal` an `AbortSignal`. Tests run all of them.',
    ...sections,
  ]
    .join('\n\n')
    .concat('\n')
}

/** The exported declarations of a file, without bodies, each under its comment. */
function declarations(path: string): string[] {
  const names = new Set(exported())
  const source = readFileSync(path, 'utf8')
  const pattern =
    /^(\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export (?:async )?(interface|type|function|class|const) (\w+)([^]*?)(?=\n\n(?:\/\*\*|export|const|function|async|interface|class|type|\/\/)|\n*$(?![^]))/gm
  return [...source.matchAll(pattern)]
    .filter(([, , , name]) => names.has(name!))
    .map(([whole, , kind]) => {
      if (kind === 'function') return whole.replace(/ \{\n[^]*$/, '')
      if (kind === 'const') return whole.replace(/ = [^]*$/, '')
      return kind === 'class' ? outside(whole) : whole
    })
    .map((text) => fenced('ts', text.trimEnd()))
}

/** A class without its private fields and the bodies of its methods. */
function outside(text: string): string {
  return text
    .replaceAll(/^ {2}(readonly )?#.*\n/gm, '')
    .replaceAll(
      /^( {2}(?:get |async )?\w+\([^]*?\)[^{\n]*| {2}get \w+\(\)[^{\n]*) \{\n[^]*?^ {2}\}\n/gm,
      '$1\n',
    )
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``
}
