/** Executes a statement and words the answer, as the seed words it (R007-60, R007-61). */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { plural } from '../terminal/terminal.ts'
import { SHOWN_BYTES, displayValue, safeText } from './display.ts'
import type { Statement } from './statement.ts'

export interface FoundValue {
  readonly key: string
  readonly size: number
  /** How much of it this node held before the call, in bytes. */
  readonly heldBytes: number
  /** Totals of a directory. */
  readonly directory?: { readonly files: number; readonly totalSize: number }
}

/** What statements need of a daemon. Calls reject with `DstoreError`. */
export interface Values {
  /** Is it a spelling of a key? If not, it is a name. */
  isKey(text: string): Promise<boolean>
  /** Undefined if there is no such key. */
  findKey(key: string): Promise<FoundValue | undefined>
  /** Undefined if the name is not bound. */
  findName(name: string): Promise<FoundValue | undefined>
  /** Store text, bind the name in the same change; `conflict` if another value has it. */
  put(value: string, name?: string): Promise<{ readonly key: string }>
  /** Store text, and move the tag to it; `conflict` if the name is fixed. */
  tag(value: string, name: string): Promise<unknown>
  /** The first `mostBytes` bytes of a value, or all of a shorter one. */
  read(key: string, mostBytes: number): Promise<Uint8Array>
  /** The path of a file of a value, or of a folder of a directory, held for a minute. */
  path(keyOrName: string): Promise<string>
  /** Fetch the value into the cache of this node; `too-large` if it does not fit. */
  prefetch(key: string): Promise<void>
  /** Unbind the name, and remove its value with its last name. `not-found` if it is not bound. */
  unbind(name: string): Promise<Acknowledgement>
  /** `conflict` if the value has names. */
  remove(key: string): Promise<Acknowledgement>
  /** Keep it on this machine; resolves to its size in bytes once all of it is here. */
  pin(what: string): Promise<number>
  /** `not-found` if it is not pinned. */
  unpin(what: string): Promise<void>
}

export interface Answer {
  /** One line. */
  readonly text: string
  /** The exit code of a command with this outcome. */
  readonly exit: number
}

const UPDATED: Answer = { text: 'Database updated', exit: 0 }
const OCCUPIED: Answer = { text: 'Key occupied!', exit: 0 }
const OCCUPIED_ELSEWHERE: Answer = { text: '(Updated local) Key occupied!', exit: 0 }
const ABSENT: Answer = {
  text: `Key-Value mapping doesn't exist`,
  exit: ERRORS['not-found'].exit,
}

type Call = Exclude<Statement, { readonly do: 'nothing' | 'help' | 'version' | 'exit' }>
type PinCall = Extract<Statement, { readonly do: 'pin' | 'unpin' }>

/** Rejects with faults that the seed has no words for. */
export async function execute(statement: Call, values: Values): Promise<Answer> {
  if (statement.do === 'set') return set(statement, values)
  if (statement.do === 'tag') return tag(statement, values)
  if (statement.do === 'pin' || statement.do === 'unpin') return pin(statement, values)
  try {
    if (statement.do === 'path')
      return { text: safeText(await values.path(statement.what)), exit: 0 }
    const isKey = await values.isKey(statement.what)
    return await (statement.do === 'get' ? get : del)(statement.what, isKey, values)
  } catch (error) {
    // Others may remove it between two calls.
    if (['not-found', 'removed'].includes(asDstoreError(error).code)) return ABSENT
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
  if (before !== undefined) return occupied(before, values)
  try {
    await values.put(value, name)
    return UPDATED
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    // Another node has bound the name since.
    const now = await values.findName(name)
    if (now === undefined) throw error
    return occupied(now, values)
  }
}

async function pin({ do: verb, what }: PinCall, values: Values): Promise<Answer> {
  if (verb === 'pin') {
    const size = await values.pin(what)
    return { text: `Pinned ${safeText(what)} (${formatSize(size)})`, exit: 0 }
  }
  await values.unpin(what)
  return { text: `Unpinned ${safeText(what)}`, exit: 0 }
}

async function tag(
  { name, value }: Extract<Call, { readonly do: 'tag' }>,
  values: Values,
): Promise<Answer> {
  try {
    await values.tag(value, name)
    return UPDATED
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    const bound = await values.findName(name)
    if (bound === undefined) throw error
    return occupied(bound, values)
  }
}

/** The name is bound. A value that only Global held is fetched into this node. */
async function occupied({ key, size, heldBytes }: FoundValue, values: Values): Promise<Answer> {
  if (heldBytes >= size) return OCCUPIED
  try {
    await values.prefetch(key)
    return OCCUPIED_ELSEWHERE
  } catch (error) {
    const { code } = asDstoreError(error)
    // It does not fit here: the name is occupied, and this Local not updated.
    if (code === 'too-large') return OCCUPIED
    throw error
  }
}

async function get(what: string, isKey: boolean, values: Values): Promise<Answer> {
  const found = await (isKey ? values.findKey(what) : values.findName(what))
  if (found === undefined) return ABSENT
  if (found.directory !== undefined) return { text: directoryText(what, found), exit: 0 }
  const wantedBytes = Math.min(found.size, SHOWN_BYTES)
  const shown = displayValue(await values.read(found.key, wantedBytes), found.size)
  const text = `${safeText(what)} -> ${shown}`
  return found.heldBytes >= wantedBytes
    ? { text: `db: ${text}`, exit: 0 }
    : { text: `global: ${text} (Updating Local)`, exit: 0 }
}

/** A directory has no text: its size says what it is, and `dstore ls` lists it. */
function directoryText(what: string, { directory, heldBytes, size }: FoundValue): string {
  const { files, totalSize } = directory!
  const text = `${safeText(what)} -> (directory: ${plural(files, 'file')}, ${formatSize(totalSize)})`
  return heldBytes >= size ? `db: ${text}` : `global: ${text}`
}

async function del(what: string, isKey: boolean, values: Values): Promise<Answer> {
  try {
    return removed(await (isKey ? values.remove(what) : values.unbind(what)))
  } catch (error) {
    const { code, message } = asDstoreError(error)
    if (code !== 'conflict') throw error
    throw new DstoreError(code, message, {
      cause: error,
      hint: 'DEL its names: the last one takes the value with it',
    })
  }
}

function removed({ owed, tree }: Acknowledgement): Answer {
  if (tree?.complete === false) {
    const { removed: count, most } = tree
    const text = `${UPDATED.text}, ${count} of at most ${plural(most, 'value')} removed so far`
    return { text, exit: ERRORS.partial.exit }
  }
  if (owed.length === 0) return UPDATED
  return { text: `${UPDATED.text}, still owed by ${owed.join(' ')}`, exit: ERRORS.partial.exit }
}
