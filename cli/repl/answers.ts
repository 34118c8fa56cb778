/** Doing what a statement says, and the seed's words for what came of it (R007-60, R007-61). */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import { SHOWN_BYTES, safeText, shownValue } from './shown.ts'
import type { Statement } from './statement.ts'
import type { FoundValue, Values } from './values.ts'

export interface Answer {
  /** One line. */
  readonly text: string
  /** As the exit code of a command that ended like this. */
  readonly exit: number
}

const UPDATED: Answer = { text: 'Database updated', exit: 0 }
const OCCUPIED: Answer = { text: 'Key occupied!', exit: 0 }
const OCCUPIED_ELSEWHERE: Answer = { text: '(Updated local) Key occupied!', exit: 0 }
const ABSENT: Answer = {
  text: `Key-Value mapping doesn't exist`,
  exit: ERRORS['not-found'].exit,
}

type Call = Extract<Statement, { readonly do: 'set' | 'get' | 'del' }>

/** Rejects with what went wrong, except where the seed has words for it. */
export async function answerTo(statement: Call, values: Values): Promise<Answer> {
  if (statement.do === 'set') return set(statement, values)
  try {
    const isKey = await values.isKey(statement.what)
    return await (statement.do === 'get' ? get : del)(statement.what, isKey, values)
  } catch (error) {
    // It may be removed by others at any moment.
    if (['not-found', 'removed'].includes(asDstoreError(error).code)) return ABSENT
    throw error
  }
}

async function set(
  { name, value }: Extract<Call, { readonly do: 'set' }>,
  values: Values,
): Promise<Answer> {
  if (name === undefined) return { text: (await values.put(value)).key, exit: 0 }
  // Whether this Local had the value must be asked before anything brings it here.
  const before = await values.findName(name)
  if (before !== undefined) return occupied(before, values)
  try {
    await values.put(value, name)
    return UPDATED
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    // Somebody was faster.
    const now = await values.findName(name)
    if (now === undefined) throw error
    return occupied(now, values)
  }
}

/** The name is bound. What only Global had, this Local has from now on. */
async function occupied({ key, size, heldBytes }: FoundValue, values: Values): Promise<Answer> {
  if (heldBytes >= size) return OCCUPIED
  try {
    await values.prefetch(key)
    return OCCUPIED_ELSEWHERE
  } catch (error) {
    const { code } = asDstoreError(error)
    // No room for it here: the name is occupied all the same, and this Local was not updated.
    if (code === 'too-large') return OCCUPIED
    throw error
  }
}

async function get(what: string, isKey: boolean, values: Values): Promise<Answer> {
  const found = await (isKey ? values.findKey(what) : values.findName(what))
  if (found === undefined) return ABSENT
  const wantedBytes = Math.min(found.size, SHOWN_BYTES)
  const shown = shownValue(await values.read(found.key, wantedBytes), found.size)
  const text = `${safeText(what)} -> ${shown}`
  return found.heldBytes >= wantedBytes
    ? { text: `db: ${text}`, exit: 0 }
    : { text: `global: ${text} (Updating Local)`, exit: 0 }
}

async function del(what: string, isKey: boolean, values: Values): Promise<Answer> {
  try {
    return removed(await (isKey ? values.remove(what) : values.unbind(what)))
  } catch (error) {
    const { code, message } = asDstoreError(error)
    if (code !== 'conflict') throw error
    throw new DstoreError(code, message, {
      cause: error,
      hint: 'DEL its names: the value goes with the last',
    })
  }
}

function removed({ owed }: Acknowledgement): Answer {
  if (owed.length === 0) return UPDATED
  return { text: `${UPDATED.text}, still owed by ${owed.join(' ')}`, exit: ERRORS.partial.exit }
}
