/** Which numbered rules the specs set, and which of them a test names. `npm run rules` prints the rest. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A rule as a page sets it: "- `R001-2` What MUST be". */
export interface Rule {
  readonly id: string
  readonly page: string
  readonly text: string
}

/** Every rule that a page sets, in order. */
export function rules(): Rule[] {
  const pages = readdirSync('specs').filter((name) => name.endsWith('.md'))
  return pages
    .toSorted()
    .flatMap((page) => rulesOf(page, readFileSync(join('specs', page), 'utf8')))
}

/** The rules in the text of one page. A rule stands at the begin of a line, in a list or not, bold or as code. */
export function rulesOf(page: string, markdown: string): Rule[] {
  const found = markdown.matchAll(/^(?:[-*] )?[`*]*(R\d{3}-\d+)[`*.:]* +(.*)$/gm)
  return [...found].map(([, id, text]) => ({ id: id!, page, text: text! }))
}

/** Every rule's id that a file below `test` names. */
export function idsInTests(): Set<string> {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  const sources = files.filter((name) => name.endsWith('.ts'))
  return new Set(
    sources.flatMap((name) => readFileSync(join('test', name), 'utf8').match(/R\d{3}-\d+/g) ?? []),
  )
}

/** One line for each rule that no test names, then how many are named. */
export function report(): string {
  const set = rules()
  const named = idsInTests()
  const bare = set.filter(({ id }) => !named.has(id))
  const lines = bare.map(({ id, page, text }) => `${id} (${page}) ${text}`)
  return [...lines, `${set.length - bare.length} of ${set.length} rules are named by a test`].join(
    '\n',
  )
}
