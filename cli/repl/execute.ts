/** Executes a statement and words the answer (R007-60, R007-61). */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { plural } from '../terminal/terminal.ts'
import { SHOWN_BYTES, displayValue } from './display.ts'
import { safeText } from '../wording.ts'
import { answer, isQuery } from './queries.ts'
import type { Statement } from './statement.ts'
import type { Answer, FoundValue, Values } from './values.ts'

/** Text for what leads to nothing. */
const absent = (what: string): Answer => ({
  text: `no such name or key: ${safeText(what)}`,
  exit: ERRORS['not-found'].exit,
})

const stored = (name: string): Answer => ({ text: `stored ${safeText(name)}`, exit: 0 })

type Call = Exclude<Statement, { readonly do: 'nothing' | 'help' | 'version' | 'exit' }>
type PinCall = Extract<Statement, { readonly do: 'pin' | 'unpin' }>

/** Rejects with faults that the seed has no words for. */
export async function execute(statement: Call, values: Values): Promise<Answer> {
  if (statement.do === 'set') return set(statement, values)
  if (statement.do === 'tag') return tag(statement, values)
  if (statement.do === 'pin' || statement.do === 'unpin') return pin(statement, values)
  if (isQuery(statement)) return answer(statement, values, get)
  try {
    if (statement.do === 'path')
      return { text: safeText(await values.path(statement.what)), exit: 0 }
    if (statement.do === 'get') return await get(statement.what, values)
    return await del(statement.what, await values.isKey(statement.what), values)
  } catch (error) {
    // Others may remove it between two calls.
    if (['not-found', 'removed'].includes(asDstoreError(error).code)) return absent(statement.what)
    throw error
  }
}

async function set(
  { name, value }: Extract<Call, { readonly do: 'set' }>,
  values: Values,
): Promise<Answer> {
  if (name === undefined) return { text: (await values.put(value)).key, exit: 0 }
  // Asked first: a put would bring the value into this node.
  const before = await values.findName(name)
  if (before !== undefined) return taken(name, before, values)
  try {
    await values.put(value, name)
    return stored(name)
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    // Another node has bound the name since.
    const now = await values.findName(name)
    if (now === undefined) throw error
    return taken(name, now, values)
  }
}

async function pin({ do: verb, what }: PinCall, values: Values): Promise<Answer> {
  if (verb === 'pin') {
    const size = await values.pin(what)
    return { text: `pinned ${safeText(what)} (${formatSize(size)})`, exit: 0 }
  }
  await values.unpin(what)
  return { text: `unpinned ${safeText(what)}`, exit: 0 }
}

async function tag(
  { name, value }: Extract<Call, { readonly do: 'tag' }>,
  values: Values,
): Promise<Answer> {
  try {
    await values.tag(value, name)
    return stored(name)
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    const bound = await values.findName(name)
    if (bound === undefined) throw error
    return taken(name, bound, values)
  }
}

/** The name is bound. A value that only Global held is fetched into this node. */
async function taken(
  name: string,
  { key, size, heldBytes }: FoundValue,
  values: Values,
): Promise<Answer> {
  const text = `${safeText(name)} is taken`
  if (heldBytes >= size) return { text, exit: 0 }
  try {
    await values.prefetch(key)
    return { text: `${text}; its value is here now`, exit: 0 }
  } catch (error) {
    const { code } = asDstoreError(error)
    // It does not fit here.
    if (code === 'too-large') return { text, exit: 0 }
    throw error
  }
}

/** The value as one line, and whether its bytes had to be fetched. */
async function get(what: string, values: Values): Promise<Answer> {
  const found = await values.find(what)
  if (found === undefined) return absent(what)
  const { directory, size, heldBytes, key } = found
  if (directory !== undefined) {
    // It has no text: its size says what it is, and `dstore ls` lists it.
    const { files, totalSize } = directory
    return { text: `directory: ${plural(files, 'file')}, ${formatSize(totalSize)}`, exit: 0 }
  }
  const wantedBytes = Math.min(size, SHOWN_BYTES)
  const shown = displayValue(await values.read(key, wantedBytes), size)
  return { text: heldBytes >= wantedBytes ? shown : `${shown} (fetched)`, exit: 0 }
}

async function del(what: string, isKey: boolean, values: Values): Promise<Answer> {
  try {
    return removed(what, await (isKey ? values.remove(what) : values.unbind(what)))
  } catch (error) {
    const { code, message } = asDstoreError(error)
    if (code !== 'conflict') throw error
    throw new DstoreError(code, message, {
      cause: error,
      hint: 'DEL its names: the last one takes the value with it',
    })
  }
}

function removed(what: string, { owed, tree }: Acknowledgement): Answer {
  const text = `removed ${safeText(what)}`
  const { exit } = ERRORS.partial
  if (tree?.complete === false) {
    const { removed: count, most } = tree
    return { text: `${text}: ${count} of at most ${plural(most, 'value')} so far`, exit }
  }
  if (owed.length === 0) return { text, exit: 0 }
  return { text: `${text}; still owed by ${owed.join(' ')}`, exit }
}
