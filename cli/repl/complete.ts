/** What the tab key offers at the prompt (R007-65). */
import { safeText } from './display.ts'
import { quoteRest, splitWords } from './quoting.ts'
import { VERBS } from './statement.ts'

const USUAL = ['SET', 'TAG', 'GET', 'PATH', 'DEL', 'PIN', '.help', '.version', '.exit']

/** Their first word may be one that exists. */
const OF_NAMES: ReadonlySet<string> = new Set(['get', 'path', 'del', 'tag', 'pin', 'unpin'])

/** Completions of the last word, and its text so far, as node:readline expects them. */
export type Completions = [completions: string[], typed: string]

/** `search` returns the names and keys that begin with its argument. */
export async function complete(
  line: string,
  search: (prefix: string) => Promise<readonly string[]>,
): Promise<Completions> {
  const { words, open } = splitWords(line)
  const isNew = open === undefined && (line === '' || /\s$/.test(line))
  const last = isNew ? undefined : words.at(-1)
  const [typed, text] = last === undefined ? ['', ''] : [line.slice(last.start), last.text]
  const index = words.length - (last === undefined ? 0 : 1)
  if (index === 0) return [verbs(typed), typed]
  const verb = VERBS.get(words[0]!.text.toLowerCase())
  if (index > 1 || open === '\\' || verb === undefined || !OF_NAMES.has(verb)) return [[], typed]
  const found = (await search(text)).filter((one) => safeText(one) === one)
  return [found.map((one) => typed + quoteRest(one.slice(text.length), open)), typed]
}

function verbs(typed: string): string[] {
  if (typed === '') return USUAL
  const isUpper = typed === typed.toUpperCase() && !typed.startsWith('.')
  return [...VERBS.keys()]
    .map((verb) => (isUpper ? verb.toUpperCase() : verb))
    .filter((verb) => verb.startsWith(typed))
}
