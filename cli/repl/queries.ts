/** Executes the statements that ask and change nothing, as redis-cli has them (R007-435). */
import { ERRORS } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { plural } from '../terminal/terminal.ts'
import { safeText } from '../wording.ts'
import type { Query, Statement } from './statement.ts'
import type { Answer, FoundValue, NamesAsked, Values } from './values.ts'

/** A list has at most so many names: it is for a person. */
export const LISTED_NAMES = 1000

const QUERIES: ReadonlySet<Statement['do']> = new Set([
  ...(['stat', 'strlen', 'ttl', 'type', 'exists', 'mget'] as const),
  ...(['keys', 'ls', 'ping', 'dbsize', 'info'] as const),
])

export const isQuery = (statement: Statement): statement is Query => QUERIES.has(statement.do)

const yes = (text: string): Answer => ({ text, exit: 0 })

/** `get` shows one value, as `GET` does. */
export async function answer(
  query: Query,
  values: Values,
  get: (what: string, values: Values) => Promise<Answer>,
): Promise<Answer> {
  switch (query.do) {
    case 'ping':
      await values.role()
      return yes('PONG')
    case 'dbsize':
      return yes(await contentsText(values))
    case 'info': {
      const role = await values.role()
      return yes(`${role} node, ${await contentsText(values)}; \`dstore status\` shows more`)
    }
    case 'keys':
      return list(values, { match: query.pattern }, `no name matches ${query.pattern}`)
    case 'ls': {
      const { prefix } = query
      return list(values, { prefix }, prefix === '' ? 'no names' : `no name begins with ${prefix}`)
    }
    case 'exists':
      return exists(query.whats, values)
    case 'mget': {
      const shown = await Promise.all(query.whats.map((what) => get(what, values)))
      const exit = Math.max(...shown.map((one) => one.exit))
      return { text: shown.map(({ text }) => text).join('\n'), exit }
    }
    default:
      return describe(query, values)
  }
}

async function contentsText(values: Values): Promise<string> {
  const { values: count, valueBytes } = await values.contents()
  return `${plural(count, 'value')}, ${formatSize(valueBytes)}`
}

async function list(
  values: Values,
  query: Omit<NamesAsked, 'limit'>,
  none: string,
): Promise<Answer> {
  const lines: string[] = []
  for await (const name of values.names({ ...query, limit: LISTED_NAMES + 1 })) {
    if (lines.length === LISTED_NAMES) {
      lines.push('and more: `dstore ls` lists all')
      break
    }
    lines.push(safeText(name))
  }
  return yes(lines.length === 0 ? safeText(none) : lines.join('\n'))
}

async function exists(whats: readonly string[], values: Values): Promise<Answer> {
  const found = await Promise.all(whats.map((what) => values.find(what)))
  const count = found.filter((one) => one !== undefined).length
  if (whats.length === 1) return yes(count === 1 ? 'yes' : 'no')
  return yes(`${count} of ${whats.length}`)
}

async function describe(
  { do: verb, what }: Extract<Query, { readonly what: string }>,
  values: Values,
): Promise<Answer> {
  const found = await values.find(what)
  if (found === undefined) {
    return { text: `no such name or key: ${safeText(what)}`, exit: ERRORS['not-found'].exit }
  }
  const { size, directory, expiresAt } = found
  switch (verb) {
    case 'strlen':
      return yes(plural(directory?.totalSize ?? size, 'byte'))
    case 'type':
      return yes(typeOf(found))
    case 'ttl':
      return yes(expiresAt === undefined ? 'never expires' : `until ${expiresAt}`)
    case 'stat':
      return yes(statText(found))
  }
}

const typeOf = ({ directory }: FoundValue): string =>
  directory === undefined ? 'value' : 'directory'

function statText(found: FoundValue): string {
  const { key, kind, size, heldBytes, directory, expiresAt } = found
  const bytes = formatSize(directory?.totalSize ?? size)
  const facts = [
    key,
    directory === undefined ? bytes : `directory, ${plural(directory.files, 'file')}, ${bytes}`,
    ...(kind === undefined ? [] : [kind]),
    ...(expiresAt === undefined ? [] : [`until ${expiresAt}`]),
    heldBytes >= size ? 'held here' : 'not held here',
  ]
  return facts.join(', ')
}
