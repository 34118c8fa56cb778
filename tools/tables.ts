/**
 * The tables of `specs/000-conventions.md`, made from the code. A test compares page and code in
 * both directions; `npm run tables` rewrites the page.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { ERRORS } from '../src/errors.ts'
import * as limits from '../src/limits.ts'

/** The page, from the root of the repository, which is the working directory. */
export const PAGE = 'specs/000-conventions.md'
/** The source of the limits, in the order of the documents. */
const LIMITS_SOURCES = [
  'conventions',
  'transfer',
  'changes',
  'names',
  'storage',
  'membership',
  'daemon',
  'directories',
  'journal',
  'doors',
  'archive',
  'set',
  'page',
  'events',
]

/** A heading row, then one row for each entry. */
export type Table = readonly (readonly string[])[]

/** Units of size, not limits. */
const MULTIPLIERS = ['KIB', 'MIB', 'GIB']

/** The tables of the page by their headings, in its order. */
export function tables(): Record<string, Table> {
  return { ...limitTables(), '## Errors': errorTable() }
}

function errorTable(): Table {
  const rows = Object.entries(ERRORS).map(([code, kind]) => [
    `\`${code}\``,
    kind.meaning,
    kind.fault,
    kind.retry ? 'yes' : 'no',
    String(kind.status),
    String(kind.exit),
  ])
  return [['Code', 'Meaning', 'Fault', 'Retry', 'HTTP', 'Exit'], ...rows]
}

/** Every limit with its comment: a table for each document heading in the source. */
function limitTables(): Record<string, Table> {
  const [, ...groups] = sourcesOfLimits().split(/^\/\/ (?=\d{3})/m)
  const left = new Map(Object.entries(limits as Record<string, unknown>))
  for (const name of MULTIPLIERS) left.delete(name)
  const made = groups.map((group) => {
    const rows = [...constantsIn(group)].map(([name, comment]) => {
      const value = left.get(name)
      if (typeof value !== 'number') throw new TypeError(`${name} is not a number`)
      left.delete(name)
      return [`\`${name}\``, amount(name, value), comment]
    })
    const title = group.slice(0, group.indexOf('\n'))
    return [`### ${title}`, [['Limit', 'Value', 'What it bounds'], ...rows]] as const
  })
  if (left.size > 0) throw new Error(`limits under no document: ${[...left.keys()].join(', ')}`)
  return Object.fromEntries(made)
}

function sourcesOfLimits(): string {
  return LIMITS_SOURCES.map((name) => readFileSync(`src/limits/${name}.ts`, 'utf8')).join('')
}

/** The constants of a piece of source by name, each with the comment above it. */
function constantsIn(source: string): Map<string, string> {
  const found = source.matchAll(/(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n)?export const (\w+)/g)
  return new Map(
    [...found].map(([, comment, name]) => [
      name!,
      (comment ?? '').replaceAll(/\s*\n\s*\*\s*/g, ' ').trim(),
    ]),
  )
}

/** A value in the largest unit that divides it; the name ends in the unit, and counts have none. */
export function amount(name: string, value: number): string {
  const unit = name
    .replace(/_PER_SECOND$/, '')
    .split('_')
    .at(-1)
  if (unit === 'BYTES') {
    for (const [word, factor] of Object.entries({ GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10 })) {
      if (value >= factor && value % factor === 0) return `${value / factor} ${word}`
    }
    return `${value} bytes`
  }
  if (unit === 'MS') {
    for (const [word, factor] of Object.entries({ h: 3_600_000, s: 1000 })) {
      if (value >= factor && value % factor === 0) return `${value / factor} ${word}`
    }
    return `${value} ms`
  }
  return String(value)
}

/** The table under a heading of a Markdown page: the cells of its rows, without the ruler. */
export function tableUnder(markdown: string, heading: string): Table {
  const lines = sectionUnder(markdown, heading)
    .split('\n')
    .filter((line) => line.startsWith('|'))
  return lines
    .filter((_, index) => index !== 1)
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}

/** From a heading up to the next one of any level. */
export function sectionUnder(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n${heading}\n`)
  if (start < 0) throw new Error(`no heading "${heading}"`)
  const end = markdown.indexOf('\n#', start + 1)
  return markdown.slice(start, end < 0 ? undefined : end)
}

/** A table as Markdown. */
export function markdownOf([head, ...rows]: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return line(head!) + line(head!.map(() => '---')) + rows.map(line).join('')
}

/** Write the code's tables into the page. The text around them stays. */
export function writeTables(): void {
  let page = readFileSync(PAGE, 'utf8')
  const made = Object.entries(tables())
  const limitsOf = made.filter(([heading]) => heading.startsWith('### '))
  const written = limitsOf.map(([heading, table]) => `${heading}\n\n${markdownOf(table)}\n`)
  const first = page.indexOf('\n### ', page.indexOf('\n## Limits\n'))
  const end = page.indexOf('\n## ', first)
  page = `${page.slice(0, first + 1)}${written.join('')}${page.slice(end + 1)}`
  for (const [heading, table] of made.filter(([heading]) => !heading.startsWith('### '))) {
    const section = sectionUnder(page, heading)
    page = page.replace(section, () => section.replace(/(^\|.*\n)+/m, () => markdownOf(table)))
  }
  writeFileSync(PAGE, page)
}
