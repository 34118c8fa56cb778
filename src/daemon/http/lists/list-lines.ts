/**
 * Pages of keys and names as the lines of a response, written straight into memory: text, one key
 * or name a line, or the JSON documents of specs/007, "HTTP API".
 */
import { KEY_TEXT_BYTES, writeKeyText } from '../../../hash/key-text.ts'
import type { KeyKind } from '../../../hash/key.ts'
import { DIGEST_BYTES } from '../../../limits.ts'
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
const NAME_TAIL = Buffer.from('"}\n')

/** `{"name","key"}` a line. */
export function nameDocuments({ count, names, ends, digests, directories }: NamePage): Uint8Array {
  const fixed = NAME_HEAD.byteLength + NAME_KEY.byteLength + KEY_TEXT_BYTES + NAME_TAIL.byteLength
  const text = Buffer.allocUnsafeSlow(count * fixed + names.byteLength + escapedBytes(names))
  let from = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    at = write(NAME_HEAD, text, at)
    while (from < ends[i]!) {
      const byte = names[from++]!
      if (byte === QUOTE || byte === BACKSLASH) text[at++] = BACKSLASH
      text[at++] = byte
    }
    at = write(NAME_KEY, text, at)
    at = writeKeyText(digests, i * DIGEST_BYTES, text, at, KINDS[directories[i]!])
    at = write(NAME_TAIL, text, at)
  }
  return text.subarray(0, at)
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
