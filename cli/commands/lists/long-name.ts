/** A name with its facts, as `ls -l` prints it (R007-314). */
import type { NameLine } from '../../../src/daemon/api/api.ts'
import { agoText, untilText } from '../../wording.ts'

/** The beginning of a key that is a directory's. */
const DIRECTORY_KEY = 'bafyr4i'

/**
 * What it is, its kind, its bytes, when it was bound, when it expires, and the name. For a person,
 * with the clock `now`, ages stand for times (R007-448).
 */
export function longName(
  { name, key, kind = 'fixed', size, boundAt, expiresAt }: NameLine,
  now?: number,
): string {
  const type = key.startsWith(DIRECTORY_KEY) ? 'd' : '-'
  const bytes = String(size ?? '-').padStart(13)
  const bound = timeOf(boundAt, now, agoText)
  const expires = timeOf(expiresAt, now, untilText)
  return `${type} ${kind.padEnd(5)} ${bytes}  ${bound}  ${expires}  ${name}`
}

/** ISO 8601 to the second, or for a person the words, in the width of most; `-` for none. */
function timeOf(
  iso: string | undefined,
  now: number | undefined,
  words: (time: string, now: number) => string,
): string {
  if (now !== undefined) return (iso === undefined ? '-' : words(iso, now)).padEnd(AGE_CHARS)
  return (iso?.replace(/\.\d+Z$/, 'Z') ?? '-').padEnd(TIME_CHARS)
}

const AGE_CHARS = '364d 23h ago'.length

const TIME_CHARS = '2026-01-01T00:00:00Z'.length
