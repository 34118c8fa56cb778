/**
 * Text from outside without loss (R007-97). Node replaces what it cannot decode by U+FFFD, and lone
 * surrogates when it encodes: two different inputs would become one.
 */
import { DstoreError } from './errors.ts'

const LOSS = /[\p{Cs}\ufffd]/u

/** Without a byte order mark of its own to drop: it is a character like others. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text; undefined if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Was a part of the text replaced, or would be when it is written as UTF-8? */
export function isLossy(text: string): boolean {
  return LOSS.test(text)
}

/** The same text; throws `usage`, naming `what` it is, if a part of it was or would be replaced. */
export function checkLossless(text: string, what: string): string {
  if (!isLossy(text)) return text
  throw new DstoreError('usage', `${what} is not UTF-8`, {
    hint: 'bytes that are not UTF-8 arrive as U+FFFD, so that character is refused, too',
  })
}

/** The same text; throws `usage`, naming `what` it is, if it has a half of a surrogate pair. */
export function checkWellFormed(text: string, what: string): string {
  if (!/\p{Cs}/u.test(text)) return text
  throw new DstoreError('usage', `${what} is not Unicode`)
}
