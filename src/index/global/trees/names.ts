/**
 * Which names exclude each other: nothing is bound below a name that is bound to a directory, nor
 * is a directory bound to a name below which something is bound (specs/004-index.md, R004-105).
 */
import type { RecordKey } from '../../../store/store.ts'
import { failure } from '../../failure.ts'
import type { Failure } from '../../message.ts'
import { nameBytes } from '../../name.ts'
import { decodeBinding } from '../../records/name-record.ts'
import { nameRow } from '../../records/record.ts'
import type { Rows } from '../plan.ts'

/** The names above a name: what stands before each of its slashes. */
export function namesAbove(name: string): string[] {
  const above: string[] = []
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
    if (at > 0) above.push(name.slice(0, at))
  }
  return above
}

export const rowsAbove = (name: string): RecordKey[] => namesAbove(name).map(nameRow)

/** The failure to bind a name below one that is bound to a directory; undefined if none is. */
export function boundAbove(name: string, rows: Rows): Failure | undefined {
  const at = rows.findIndex((row) => row !== undefined && decodeBinding(row).directory)
  if (at < 0) return undefined
  const above = namesAbove(name)[at]!
  return failure(
    'conflict',
    `the name ${above} is bound to a directory, so nothing can be bound below it`,
    `its files are reached by path: dstore get ${name}`,
  )
}

/** The prefix of everything below a name. */
export const below = (name: string): Uint8Array => nameBytes(`${name}/`)

/** The failure to bind a directory to a name below which others are bound. */
export const boundBelow = (name: string, one: string): Failure =>
  failure(
    'conflict',
    `the name ${one} is bound, so ${name} cannot be bound to a directory`,
    'choose a name that no other name begins with and a slash',
  )
