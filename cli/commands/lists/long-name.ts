/** A name with its facts, as `ls -l` prints it (R007-314). */
import type { NameLine } from '../../../src/daemon/api/api.ts'

/** The beginning of a key that is a directory's. */
const DIRECTORY_KEY = 'bafyr4i'

/** What it is, its kind, its bytes, when it was bound, when it expires, and the name. */
export function longName({
  name,
  key,
  kind = 'fixed',
  size,
  boundAt,
  expiresAt,
}: NameLine): string {
  const type = key.startsWith(DIRECTORY_KEY) ? 'd' : '-'
  const bytes = String(size ?? '-').padStart(13)
  return `${type} ${kind.padEnd(5)} ${bytes}  ${timeOf(boundAt)}  ${timeOf(expiresAt)}  ${name}`
}

/** ISO 8601 to the second, in its width; `-` for none. */
const timeOf = (iso: string | undefined): string =>
  (iso?.replace(/\.\d+Z$/, 'Z') ?? '-').padEnd(TIME_CHARS)

const TIME_CHARS = '2026-01-01T00:00:00Z'.length
