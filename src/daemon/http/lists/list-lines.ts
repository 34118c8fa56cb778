/**
 * Pages of keys and names as the lines of a response, written straight into memory: text, one key
 * or name a line, or the JSON documents of specs/007, "HTTP API".
 */
import { KEY_TEXT_BYTES, writeKeyText } from '../../../hash/key-text.ts'
import type { KeyKind } from '../../../hash/key.ts'
import { COMMON } from '../../../index/lists/name-page.ts'
import { DIGEST_BYTES, LATEST_MS } from '../../../limits.ts'
import type { KeyPage, NamePage } from '../../../node/node.ts'

const NEWLINE = 10
const QUOTE = 34
const BACKSLASH = 92

/** Bytes of the largest size of a value, in decimal. */
const SIZE_BYTES = 16

/** By what a page says of a key. */
const KINDS: readonly KeyKind[] = ['bytes', 'directory']

/** A key a line. */
export function keyText({ count, digests, directories }: KeyPage): Uint8Array {
  const text = Buffer.allocUnsafeSlow(count * (KEY_TEXT_BYTES + 1))
  let at = 0
  for (let i = 0; i < count; i++) {
    at = writeKeyText(digests, i * DIGEST_BYTES, text, at, KINDS[directories[i]!])
    text[at++] = NEWLINE
  }
  return text
}

const KEY_HEAD = Buffer.from('{"key":"')
const KEY_SIZE = Buffer.from('","size":')
const KEY_TAIL = Buffer.from('}\n')

/** `{"key","size"}` a line. */
export function keyDocuments({ count, digests, sizes, directories }: KeyPage): Uint8Array {
  const fixed = KEY_HEAD.byteLength + KEY_TEXT_BYTES + KEY_SIZE.byteLength + KEY_TAIL.byteLength
  const text = Buffer.allocUnsafeSlow(count * (fixed + SIZE_BYTES))
  let at = 0
  for (let i = 0; i < count; i++) {
    at = write(KEY_HEAD, text, at)
    at = writeKeyText(digests, i * DIGEST_BYTES, text, at, KINDS[directories[i]!])
    at = write(KEY_SIZE, text, at)
    at = writeDigits(String(sizes[i]), text, at)
    at = write(KEY_TAIL, text, at)
  }
  return text.subarray(0, at)
}

/** A name a line. No name has a line end (R004-29). */
export function nameText({ count, names, ends }: NamePage): Uint8Array {
  const text = Buffer.allocUnsafeSlow(names.byteLength + count)
  let from = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    while (from < ends[i]!) text[at++] = names[from++]!
    text[at++] = NEWLINE
  }
  return text
}

const NAME_HEAD = Buffer.from('{"name":"')
const NAME_KEY = Buffer.from('","key":"')
const NAME_KIND = Buffer.from('","kind":"')
const NAME_SIZE = Buffer.from(',"size":')
const BOUND_AT = Buffer.from(',"boundAt":"')
const EXPIRES_AT = Buffer.from(',"expiresAt":"')
const PREFIX_HEAD = Buffer.from('{"prefix":"')
const NAME_KINDS = [Buffer.from('fixed"'), Buffer.from('tag"')]

/** Bytes of the longest time, as of a year beyond 9999, and of the quote behind it. */
const TIME_BYTES = 28

/** Bytes of a document beside the name, at most. */
const MOST_BYTES = [
  NAME_HEAD,
  NAME_KEY,
  NAME_KIND,
  NAME_KINDS[0]!,
  NAME_SIZE,
  BOUND_AT,
  EXPIRES_AT,
  KEY_TAIL,
].reduce((sum, { byteLength }) => sum + byteLength, KEY_TEXT_BYTES + SIZE_BYTES + 2 * TIME_BYTES)

/** `{"name","key","kind","size","boundAt","expiresAt"}`, as known, or `{"prefix"}` a line. */
export function nameDocuments(page: NamePage): Uint8Array {
  const { count, names, ends, digests, directories, kinds, sizes, boundMs, expiresMs } = page
  const text = Buffer.allocUnsafeSlow(count * MOST_BYTES + names.byteLength + escapedBytes(names))
  let from = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    const isCommon = kinds[i] === COMMON
    at = write(isCommon ? PREFIX_HEAD : NAME_HEAD, text, at)
    while (from < ends[i]!) {
      const byte = names[from++]!
      if (byte === QUOTE || byte === BACKSLASH) text[at++] = BACKSLASH
      text[at++] = byte
    }
    if (isCommon) {
      text[at++] = QUOTE
      at = write(KEY_TAIL, text, at)
      continue
    }
    at = write(NAME_KEY, text, at)
    at = writeKeyText(digests, i * DIGEST_BYTES, text, at, KINDS[directories[i]!])
    at = write(NAME_KIND, text, at)
    at = write(NAME_KINDS[kinds[i]!]!, text, at)
    if (!Number.isNaN(sizes[i]!)) {
      at = write(NAME_SIZE, text, at)
      at = writeDigits(String(sizes[i]), text, at)
    }
    at = writeTime(BOUND_AT, boundMs[i]!, text, at)
    at = writeTime(EXPIRES_AT, expiresMs[i]!, text, at)
    at = write(KEY_TAIL, text, at)
  }
  return text.subarray(0, at)
}

/** The second of the time that was written last, as text up to its milliseconds. */
let lastSecond = NaN
let lastText = ''

/** Writes a time as ISO 8601; nothing for NaN. */
function writeTime(field: Uint8Array, ms: number, text: Uint8Array, at: number): number {
  if (Number.isNaN(ms)) return at
  const known = Math.min(ms, LATEST_MS)
  const second = Math.floor(known / 1000)
  if (second !== lastSecond) {
    lastSecond = second
    lastText = new Date(second * 1000).toISOString().slice(0, -4)
  }
  let to = write(field, text, at)
  to = writeDigits(lastText, text, to)
  to = writeDigits(String(known - second * 1000).padStart(3, '0'), text, to)
  return writeDigits('Z"', text, to)
}

/** How many bytes need a backslash in JSON. Control characters would, too, but no name has any. */
function escapedBytes(names: Uint8Array): number {
  let count = 0
  for (let i = 0; i < names.length; i++) {
    if (names[i] === QUOTE || names[i] === BACKSLASH) count++
  }
  return count
}

function write(from: Uint8Array, text: Uint8Array, at: number): number {
  for (let i = 0; i < from.length; i++) text[at + i] = from[i]!
  return at + from.length
}

function writeDigits(digits: string, text: Uint8Array, at: number): number {
  for (let i = 0; i < digits.length; i++) text[at + i] = digits.charCodeAt(i)
  return at + digits.length
}
