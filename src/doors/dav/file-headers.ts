/** Headers that keep a browser from running what a value has in it. */
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'
import { contentDisposition } from '../content-disposition.ts'

/** Browsers show these by themselves, without scripts. All else they save. */
const SHOWN = /^(?:text|image|audio|video)\/|^application\/(?:json|x-ndjson)$/

/**
 * A page that a value would become, in spite of its type, can load and run nothing. A browser asks
 * for a sound or a film a second time, and would not send the token from another origin.
 */
const FILE_POLICY =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-same-origin"

/** For a file of this name. */
export function fileHeaders(name: string): Record<string, string> {
  const manner = SHOWN.test(mediaTypeOf(name)) ? 'inline' : 'attachment'
  return {
    'Content-Disposition': contentDisposition(manner, name),
    'Content-Security-Policy': FILE_POLICY,
    // Names move: a browser would keep what it has for a while, by the time alone.
    'Cache-Control': 'no-cache',
  }
}
