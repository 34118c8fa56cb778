/** The headers of a tar file (v7, ustar, GNU, PAX): one block each, and the records of PAX. */
import { decodeUtf8 } from '../../src/utf8.ts'

/** Tar files consist of blocks: a header is one, and contents are padded to whole ones. */
export const BLOCK_BYTES = 512

export interface TarHeader {
  readonly path: string
  /** Of the contents that follow, in bytes. */
  readonly size: number
  /** The type: one character, `\0` for a file in old archives. */
  readonly flag: string
  /** A block with more of the map of a sparse file follows. */
  readonly isExtended: boolean
  /** Permissions, of which the lowest nine bits count; 0 if the field is damaged. */
  readonly mode: number
  /** What a link points to; empty for anything else. */
  readonly link: string
}

/** What PAX records and GNU's long names change in the header that follows them. */
export interface Overrides {
  path?: string
  link?: string
  size?: number
  isSparse?: boolean
}

/**
 * Text without loss: bytes that are not UTF-8 become halves of surrogate pairs, which no text has.
 */
function textOf(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return text
  const escaped = (byte: string): string => String.fromCharCode(0xdc00 + byte.charCodeAt(0))
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[\x80-\xff]/g, escaped)
}

/** The header in a block; undefined if the block is damaged, or no header. */
export function parseHeader(block: Uint8Array): TarHeader | undefined {
  // Some programs leave the field empty where there are no contents.
  const size = textAt(block, 124, 12).trim() === '' ? 0 : numberAt(block, 124, 12)
  if (!isSumRight(block) || size === undefined) return undefined
  const magic = textAt(block, 257, 8)
  const prefix = magic.startsWith('ustar') && !isGnu(magic) ? textAt(block, 345, 155) : ''
  const name = textAt(block, 0, 100)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    size,
    flag: String.fromCharCode(block[156]!),
    isExtended: block[482] !== 0,
    mode: numberAt(block, 100, 8) ?? 0,
    link: textAt(block, 157, 100),
  }
}

/** Could this block be a header, even a damaged one? One changed byte does not make it another. */
export function resemblesHeader(block: Uint8Array): boolean {
  return textAt(block, 257, 5) === 'ustar' || numberAt(block, 148, 8) !== undefined
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

/** How many bytes pad contents of this size. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES
}

/** The path in a header for a long name. */
export function parseLongName(bytes: Uint8Array): Overrides {
  return { path: textAt(bytes, 0, bytes.byteLength) }
}

/** What a link points to, in a header for a long one. */
export function parseLongLink(bytes: Uint8Array): Overrides {
  return { link: textAt(bytes, 0, bytes.byteLength) }
}

/** The records of a PAX header, `LENGTH key=value\n` each; undefined if it is malformed. */
export function parsePax(bytes: Uint8Array): Overrides | undefined {
  const found: Overrides = {}
  for (let rest = bytes; rest.byteLength > 0;) {
    const space = rest.indexOf(0x20)
    const digits = space > 0 ? textOf(rest.subarray(0, space)) : ''
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0
    const isWhole = length > space + 1 && length <= rest.byteLength && rest[length - 1] === 0x0a
    const record = isWhole ? textOf(rest.subarray(space + 1, length - 1)) : ''
    const equals = record.indexOf('=')
    if (equals < 1) return undefined
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'size') {
      const size = /^\d+$/.test(value) ? Number(value) : Number.NaN
      if (!Number.isSafeInteger(size)) return undefined
      found.size = size
    }
    // The path of a sparse file is made up; this is the true one.
    if (key === 'GNU.sparse.name' || (key === 'path' && found.isSparse !== true)) found.path = value
    if (key === 'linkpath') found.link = value
    if (key.startsWith('GNU.sparse.')) found.isSparse = true
    rest = rest.subarray(length)
  }
  return found
}

/** The sum of all bytes, where the sum itself counts as spaces. Old programs add signed bytes. */
function isSumRight(block: Uint8Array): boolean {
  let unsigned = 0
  let signed = 0
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i]!
    unsigned += byte
    signed += byte < 0x80 ? byte : byte - 0x100
  }
  const sum = numberAt(block, 148, 8)
  return sum === unsigned || sum === signed
}

/** A number in octal digits or, if it is large, in base 256. */
function numberAt(block: Uint8Array, at: number, length: number): number | undefined {
  const field = block.subarray(at, at + length)
  if (field[0]! >= 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0]! - 0x80)
    return Number.isSafeInteger(value) ? value : undefined
  }
  const [, digits] = /^ *([0-7]+)(?:[\0 ]|$)/.exec(String.fromCharCode(...field)) ?? []
  return digits === undefined ? undefined : Number.parseInt(digits, 8)
}

function textAt(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length)
  const end = field.indexOf(0)
  return textOf(end < 0 ? field : field.subarray(0, end))
}

/** GNU's own format, which uses the prefix for other things. */
function isGnu(magic: string): boolean {
  return magic.startsWith('ustar ')
}
