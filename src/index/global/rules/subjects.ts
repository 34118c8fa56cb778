/**
 * What rules charge: names, and, by the rule of values without a name, keys. A key is written like
 * a name that no name can be, so that both share their rows and their code.
 */
import { fromHex, toHex } from '../../../bytes.ts'
import type { Digest } from '../../message.ts'
import type { Change } from '../../records/change-record.ts'

/** Before the digest in hex; the prefix of the rule of values without a name. */
export const UNNAMED = '\0'

export const keySubject = (digest: Digest): string => UNNAMED + toHex(digest)

/** Undefined for a name. */
export const digestIn = (subject: string): Digest | undefined =>
  subject.startsWith(UNNAMED) ? fromHex(subject.slice(UNNAMED.length)) : undefined

/** The names that a change binds or unbinds, and the key that it puts without one, or removes. */
export function subjectsIn(change: Change): string[] {
  const names = 'names' in change ? change.names : 'name' in change ? [change.name] : []
  const { type } = change
  const isOfKey = (type === 'put' && names.length === 0) || type === 'remove' || type === 'unbind'
  return isOfKey ? [...names, keySubject(change.digest)] : [...names]
}
