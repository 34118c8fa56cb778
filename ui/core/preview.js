/**
 * What the beginning of a value is, and how it is shown: as text, as a picture, or as bytes.
 * Nothing is ever run, so a page of HTML or a drawing in SVG is text.
 * @module
 */

/** Bytes that a preview fetches at most. */
export const PREVIEW_BYTES = 1024 * 1024
/** Characters that are shown at once. */
export const SHOWN_CHARACTERS = 64 * 1024
const HEX_BYTES = 1024

/**
 * The type of a picture by its first bytes: those that browsers draw without running anything.
 * @param {Uint8Array} bytes
 * @returns {string | undefined}
 */
export function pictureType(bytes) {
  const latin = String.fromCharCode(...bytes.subarray(0, 16))
  if (latin.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png'
  if (latin.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg'
  if (latin.startsWith('GIF87a') || latin.startsWith('GIF89a')) return 'image/gif'
  if (latin.startsWith('RIFF') && latin.slice(8, 12) === 'WEBP') return 'image/webp'
  if (latin.slice(4, 12) === 'ftypavif') return 'image/avif'
  return undefined
}

/**
 * The text of bytes, if they are UTF-8 without control characters. A character that the end of the
 * preview cut is left out.
 * @param {Uint8Array} bytes
 * @param {boolean} isWhole
 * @returns {string | undefined}
 */
export function textOf(bytes, isWhole) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole })
    // Tabs, line ends, form feeds and escapes are common in text; others are not.
    // eslint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000e-\u001a\u001c-\u001f\u007f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** A document with more levels is shown as it is: its lines would be longer than what they hold. */
const MOST_LEVELS = 100
/** Characters of a document with its levels indented; one that takes more is shown as it is. */
const MOST_INDENTED = 4 * PREVIEW_BYTES

/**
 * A JSON document with its levels indented; undefined for any other text. Names and numbers stay as
 * they are written: a parser would drop names that come twice, and digits of long numbers.
 * @param {string} text
 * @returns {string | undefined}
 */
export function prettyJson(text) {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  let shown = ''
  let before = ''
  let level = 0
  const line = () => `\n${'  '.repeat(level)}`
  for (const [token] of text.matchAll(/"(?:[^"\\]+|\\.)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g)) {
    const isEnd = token === ']' || token === '}'
    if (isEnd) level--
    if (isEnd ? !isBegin(before) : isBegin(before) || before === ',') shown += line()
    shown += token === ':' ? ': ' : token
    if (isBegin(token) && ++level > MOST_LEVELS) return undefined
    if (shown.length > MOST_INDENTED) return undefined
    before = token
  }
  return shown
}

/** @param {string} token */
const isBegin = (token) => token === '[' || token === '{'

/**
 * The first bytes as lines of hexadecimal, with what is readable beside them.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function hexOf(bytes) {
  const lines = []
  for (let at = 0; at < Math.min(bytes.byteLength, HEX_BYTES); at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'))
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${text.join('')}`)
  }
  return lines.join('\n')
}
