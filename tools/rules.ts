/**
 * The numbered rules of the specs. `npm run rules` lists those that no test names; `npm run tables`
 * writes the index of rules at the head of each spec.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A rule as a page sets it: "- `R001-2` What MUST be". */
export interface Rule {
  readonly id: string
  readonly page: string
  /** The nearest heading above it. */
  readonly section: string
  readonly text: string
}

/** The specs, in order. */
export function specPages(): string[] {
  return readdirSync('specs')
    .filter((name) => name.endsWith('.md'))
    .toSorted()
}

/** Every rule that a page sets, in order. */
export function rules(): Rule[] {
  return specPages().flatMap((page) => rulesOf(page, readFileSync(join('specs', page), 'utf8')))
}

/** The rules in the text of one page. A rule begins a line, in a list or not, bold or as code. */
export function rulesOf(page: string, markdown: string): Rule[] {
  const found: Rule[] = []
  let section = ''
  for (const line of markdown.split('\n')) {
    section = /^#+ (.*)$/.exec(line)?.[1] ?? section
    const [, id, text] = /^(?:[-*] )?[`*]*(R\d{3}-\d+)[`*.:]* +(.*)$/.exec(line) ?? []
    if (id !== undefined) found.push({ id, page, section, text: text! })
  }
  return found
}

const INDEX_HEADING = '\n## Index of rules\n'

/** The index of a page's rules: their numbers in order, with the section where each stands. */
export function ruleIndex(page: string, markdown: string): string {
  const groups: { readonly section: string; readonly numbers: number[] }[] = []
  const numberOf = (rule: Rule): number => Number(rule.id.split('-')[1])
  for (const rule of rulesOf(page, markdown).toSorted((a, b) => numberOf(a) - numberOf(b))) {
    const last = groups.at(-1)
    if (last?.section === rule.section) last.numbers.push(numberOf(rule))
    else groups.push({ section: rule.section, numbers: [numberOf(rule)] })
  }
  const lines = groups.map(({ section, numbers }) => {
    return `- ${spans(numbers)}: [${section}](#${anchor(section)})\n`
  })
  const prefix = `R${page.slice(0, 3)}-`
  return `${INDEX_HEADING}\nWhere each rule \`${prefix}n\` stands, by its number.\n\n${lines.join('')}`
}

/** Numbers in order, runs of them as spans: "1 to 4, 7". */
function spans(numbers: readonly number[]): string {
  const found: [number, number][] = []
  for (const number of numbers) {
    const last = found.at(-1)
    if (last !== undefined && number === last[1] + 1) last[1] = number
    else found.push([number, number])
  }
  const shown = found.map(([from, to]) => {
    return from === to ? [from] : [from, to].join(to === from + 1 ? ', ' : ' to ')
  })
  return shown.join(', ')
}

/** A heading's anchor, as GitHub makes it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}

/** A page with its index of rules, before its first section. */
export function withRuleIndex(page: string, markdown: string): string {
  const start = markdown.indexOf(INDEX_HEADING)
  const end = markdown.indexOf('\n## ', start + 1)
  const bare = start < 0 ? markdown : markdown.slice(0, start) + markdown.slice(end)
  if (rulesOf(page, bare).length === 0) return bare
  const first = bare.indexOf('\n## ')
  return bare.slice(0, first) + ruleIndex(page, bare) + bare.slice(first)
}

/** Write the index of rules into specs, by default into all of them. */
export function writeRuleIndexes(pages: readonly string[] = specPages()): void {
  for (const page of pages) {
    const path = join('specs', page)
    writeFileSync(path, withRuleIndex(page, readFileSync(path, 'utf8')))
  }
}

/** The folders of tests, and what their sources end with. */
const TESTS = [
  ['test', '.ts'],
  ['clients/python/tests', '.py'],
] as const

/** The rules that tests name. */
export function idsInTests(): Set<string> {
  const sources = TESTS.flatMap(([folder, suffix]) => sourcesIn(folder, suffix))
  return new Set(sources.flatMap((source) => source.match(/R\d{3}-\d+/g) ?? []))
}

/** The texts of files, without those of packages that tests install; follows no links. */
function sourcesIn(folder: string, suffix: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sourcesIn(path, suffix)
    return entry.isFile() && entry.name.endsWith(suffix) ? [readFileSync(path, 'utf8')] : []
  })
}

/** A line for each rule that no test names, then how many are named. */
export function report(): string {
  const set = rules()
  const named = idsInTests()
  const bare = set.filter(({ id }) => !named.has(id))
  const lines = bare.map(({ id, page, text }) => `${id} (${page}) ${text}`)
  return [...lines, `${set.length - bare.length} of ${set.length} rules are named by a test`].join(
    '\n',
  )
}
