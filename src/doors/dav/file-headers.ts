/** Headers that keep a browser from running what a value has in it. */
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'

/** Browsers show these by themselves, without scripts. All else they save. */
const SHOWN = /^(?:text|image|audio|video)\/|^application\/(?:json|x-ndjson)$/

/** A page that a value would become, in spite of its type, can load and run nothing. */
const FILE_POLICY =
  "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

/** For a file of this name. */
export function fileHeaders(name: string): Record<string, string> {
  const manner = SHOWN.test(mediaTypeOf(name)) ? 'inline' : 'attachment'
  return {
    'Content-Disposition': `${manner}; ${fileNameIn(name)}`,
    'Content-Security-Policy': FILE_POLICY,
    // Names move: a browser would keep what it has for a while, by the time alone.
    'Cache-Control': 'no-cache',
  }
}

/** The name as RFC 6266 has it: once in ASCII, and exactly (RFC 8187) where that differs. */
function fileNameIn(name: string): string {
  const plain = name.replace(/[^ !#-$&-[\]-~]/gu, '_')
  if (plain === name) return `filename="${plain}"`
  const exact = encodeURIComponent(name).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `filename="${plain}"; filename*=UTF-8''${exact}`
}
