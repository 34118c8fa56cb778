/**
 * The tables of `000-conventions.md` as the code has them. A test holds page and code together, both ways;
 * `npm run tables` writes the page's tables anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { ERRORS } from '../src/errors.ts'
import * as limits from '../src/limits.ts'

/** The two files, from the repository's root, where everything here is run. */
export const PAGE = 'specs/000-conventions.md'
const LIMITS_SOURCE = 'src/limits.ts'

/** A heading row, then one row for each entry. */
export type Table = readonly (readonly string[])[]

/** Words for sizes, not limits. */
const MULTIPLIERS = new Set(['KIB', 'MIB', 'GIB'])

/** Tables of the page by the heading that they stand under. */
export function tables(): Record<string, Table> {
  return { Errors: errorTable(), Limits: limitTable() }
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

/** Every exported number of limits.ts, with the comment above it as the reason. */
function limitTable(): Table {
  const source = readFileSync(LIMITS_SOURCE, 'utf8')
  const reasons = new Map(
    [...source.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport const (\w+)/g)].map(
      ([, comment, name]) => [name, comment!.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim()],
    ),
  )
  const rows = Object.entries(limits as Record<string, unknown>)
    .filter(([name]) => !MULTIPLIERS.has(name))
    .toSorted(([a], [b]) => source.indexOf(`const ${a}:`) - source.indexOf(`const ${b}:`))
    .map(([name, value]) => {
      if (typeof value !== 'number') throw new TypeError(`${name} is not a number`)
      return [`\`${name}\``, amount(name, value), reasons.get(name) ?? '']
    })
  return [['Limit', 'Value', 'What it bounds'], ...rows]
}

/** A value in the unit that its name ends in, the largest that divides it; counts are plain numbers. */
export function amount(name: string, value: number): string {
  const unit = name.slice(name.lastIndexOf('_') + 1)
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
  const section = sectionUnder(markdown, heading)
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines
    .filter((_, index) => index !== 1)
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}

/** From a heading of the second level up to the next one. */
function sectionUnder(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`)
  if (start < 0) throw new Error(`no section "${heading}"`)
  const end = markdown.indexOf('\n## ', start + 1)
  return markdown.slice(start, end < 0 ? undefined : end)
}

/** Put the code's tables into the page. What stands around them stays. */
export function writeTables(): void {
  let page = readFileSync(PAGE, 'utf8')
  for (const [heading, [head, ...rows]] of Object.entries(tables())) {
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
    const table = line(head!) + line(head!.map(() => '---')) + rows.map(line).join('')
    const section = sectionUnder(page, heading)
    page = page.replace(section, () => section.replace(/(^\|.*\n)+/m, () => table))
  }
  writeFileSync(PAGE, page)
}
