/** What the tab key offers at the prompt (R007-65). */
import { safeText } from '../wording.ts'
import { quoteRest, splitWords } from './quoting.ts'
import { ALONE, VERBS } from './statement.ts'

const USUAL = ['SET', 'TAG', 'GET', 'DEL', 'EXISTS', 'STAT', 'KEYS', 'PATH', 'PIN', 'HELP', 'EXIT']

/** Their first word may be one that exists. */
const OF_NAMES: ReadonlySet<string> = new Set(
  'get path del tag pin unpin exists stat strlen ttl type ls keys'.split(' '),
)

/** Each of their words may be one that exists. */
const OF_MANY: ReadonlySet<string> = new Set(['mget', 'exists'])

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
  const takesName = verb !== undefined && (OF_MANY.has(verb) || (index === 1 && OF_NAMES.has(verb)))
  if (!takesName || open === '\\') return [[], typed]
  const found = (await search(text)).filter((one) => safeText(one) === one)
  return [found.map((one) => typed + quoteRest(one.slice(text.length), open)), typed]
}

function verbs(typed: string): string[] {
  if (typed === '') return USUAL
  const isUpper = typed === typed.toUpperCase() && !typed.startsWith('.')
  return [...VERBS]
    .map(([word, verb]): [string, boolean] => [
      isUpper ? word.toUpperCase() : word,
      ALONE.has(verb),
    ])
    .filter(([word]) => word.startsWith(typed))
    .map(([word, isAlone]) => (isAlone ? word : `${word} `))
}
