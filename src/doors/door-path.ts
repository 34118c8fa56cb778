/** The path behind a door's root, decoded (specs/010-doors.md, R010-5). */
import { HttpError } from '../daemon/http/http-error.ts'

/**
 * The segments of a path, decoded; empty ones are left out. Throws 400 for a segment that is not
 * percent-encoded UTF-8, is `.` or `..`, or has a slash or a control character.
 */
export function segmentsOf(rest: string): string[] {
  return rest
    .split('/')
    .filter((segment) => segment !== '')
    .map(segmentOf)
}

/** Whether a path can have this segment, decoded. */
export const isSegment = (segment: string): boolean =>
  segment !== '' && segment !== '.' && segment !== '..' && !/[/\p{Cc}]/u.test(segment)

function segmentOf(encoded: string): string {
  const segment = decoded(encoded)
  if (isSegment(segment)) return segment
  throw new HttpError(400, 'a part of the path is `.` or `..`, or has a slash or control character')
}

/** The same of a text that may have slashes. Throws 400. */
export function decoded(encoded: string): string {
  try {
    if (/^[!-~]*$/.test(encoded)) return decodeURIComponent(encoded)
  } catch {
    // Neither two digits after a %, nor UTF-8.
  }
  throw new HttpError(400, 'the path is not percent-encoded UTF-8')
}
