/** What answers to PROPFIND have alike (RFC 4918, section 14). */
import { LATEST_MS } from '../limits.ts'

export const MULTISTATUS_TYPE = 'application/xml; charset=utf-8'
export const MULTISTATUS_START =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">\n'
export const MULTISTATUS_END = '</D:multistatus>\n'

/** The path of a resource with these segments, percent-encoded; a folder has a slash at its end. */
export function hrefOf(root: string, segments: readonly string[], isFolder: boolean): string {
  const path = [root, ...segments.map(encodeURIComponent)].join('/')
  return isFolder ? `${path}/` : path
}

/** A time of the wall clock, in milliseconds, as one that can be written. */
export const dateOf = (ms: number): Date => new Date(Math.min(ms, LATEST_MS))

/** A time as HTTP writes it. */
export const httpDateOf = (ms: number): string => dateOf(ms).toUTCString()
