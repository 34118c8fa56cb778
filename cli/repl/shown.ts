/** Values and names as a terminal may see them: one line, and nothing that moves its cursor (R007-62). */
import { formatSize } from '../../src/daemon/config/quantities.ts'

/** Of a larger value no more than its beginning is shown, or read. */
export const SHOWN_BYTES = 4096

/** Of a value that is no text, in hexadecimal. */
const SHOWN_BINARY_BYTES = 32

/** Control characters, line separators, and what turns the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

/** Text as one line that is safe to print. */
export function safeText(text: string): string {
  return text.replaceAll(
    UNSAFE,
    (one) => ESCAPES.get(one) ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A value of `size` bytes as one line, of which `beginning` is known: all of it, or the first `SHOWN_BYTES`. */
export function shownValue(beginning: Uint8Array, size: number): string {
  if (size === 0) return '(0 bytes)'
  const isWhole = beginning.byteLength === size
  const text = textOf(beginning, isWhole)
  if (text === undefined) {
    const hex = Buffer.from(beginning.subarray(0, SHOWN_BINARY_BYTES)).toString('hex')
    return `0x${hex}${size > SHOWN_BINARY_BYTES ? '...' : ''} (${formatSize(size)})`
  }
  const shown = safeText(text)
  return isWhole
    ? shown
    : `${shown}... (the first ${formatSize(beginning.byteLength)} of ${formatSize(size)})`
}

/** Undefined where it is not UTF-8. A character that is cut at the end is left out. */
function textOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, {
      stream: !isWhole,
    })
  } catch {
    return undefined
  }
}
