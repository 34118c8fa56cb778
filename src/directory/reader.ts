/**
 * Reads the entries of a directory from its bytes, strictly: each tree has one encoding, and
 * nothing else is read (specs/008-directories.md, "Format"). General DAG-CBOR libraries build
 * everything before it can be checked, and drop a byte order mark at the start of a text. This
 * reader knows the one form, holds one entry at a time, and allocates nothing that the bytes read
 * so far do not account for.
 */
import { DstoreError } from '../errors.ts'
import { DIGEST_BYTES, DIRECTORY_BYTES, DIRECTORY_ENTRIES } from '../limits.ts'
import { decodeUtf8 } from '../utf8.ts'
import type { Directory, Entry } from './directory.ts'
import { compareNames, faultOfName, faultOfTarget } from './names.ts'

/** Major types of CBOR, as the first three bits of an item. */
const UINT = 0
const BYTES = 2
const TEXT = 3
const MAP = 5

const TYPES: readonly string[] = [
  'an unsigned integer',
  'a negative integer',
  'bytes',
  'text',
  'a list',
  'a map',
  'a tag',
  'a float or simple value',
]

const TRUE = 0xf5

/** Before a CID: tag 42, bytes, their length; then a zero, CID version 1, codec, blake3, 32. */
const LINK_BYTES = 37
const LINK = (codec: number): readonly number[] => [
  0xd8,
  42,
  (BYTES << 5) | 24,
  LINK_BYTES,
  0,
  1,
  codec,
  0x1e,
  DIGEST_BYTES,
]
const LINKS = { raw: LINK(0x55), 'dag-cbor': LINK(0x71) } as const

/** The fields of entries in the order of their encoding; each is a bit of what an entry has. */
const FIELDS = ['to', 'src', 'exec', 'size', 'tree', 'files'] as const
type Field = (typeof FIELDS)[number]
const LONGEST_FIELD = 5

/** A field's place by its bytes, read as one number. */
const PLACES: ReadonlyMap<number, number> = new Map(
  FIELDS.map((field, place) => [numberOf(Buffer.from(field), 0, field.length), place]),
)

const sum = (...fields: readonly Field[]): number =>
  fields.reduce((bits, field) => bits | (1 << FIELDS.indexOf(field)), 0)

const FILE = sum('src', 'size')
const EXECUTABLE = sum('src', 'exec', 'size')
const DIRECTORY = sum('size', 'tree', 'files')
const SYMBOLIC_LINK = sum('to')

/**
 * The entries of a directory, in the order of its bytes: shorter names first, then bytewise. Throws
 * `integrity` where the bytes are not the one encoding of a directory, which may be after the first
 * entries; `too-large` at once beyond `DIRECTORY_BYTES` and `DIRECTORY_ENTRIES`. `bytes` must not
 * change in between; nothing that is yielded refers to them.
 */
export function* readEntries(bytes: Uint8Array): Generator<[name: string, entry: Entry], void> {
  if (bytes.byteLength > DIRECTORY_BYTES) {
    throw new DstoreError('too-large', `a directory has at most ${DIRECTORY_BYTES} bytes`)
  }
  const reader = new Reader(bytes)
  if (reader.argument(MAP) !== 1) throw reader.fault('it is no map of one field')
  if (!reader.skips('tree')) throw reader.fault('its field is not named tree')
  const count = reader.argument(MAP)
  if (count > DIRECTORY_ENTRIES) {
    throw new DstoreError('too-large', `a directory has at most ${DIRECTORY_ENTRIES} entries`)
  }
  let size = 0
  let files = 0
  for (let i = 0; i < count; i++) {
    const name = reader.name()
    const entry = reader.entry()
    if (entry.type !== 'link') {
      size += entry.size
      files += entry.type === 'file' ? 1 : entry.files
      if (!Number.isSafeInteger(size) || !Number.isSafeInteger(files)) {
        throw reader.fault('its sizes add up to 2^53 or more')
      }
    }
    yield [name, entry]
  }
  if (!reader.isAtEnd) throw reader.fault('bytes follow it')
}

/** The directory in these bytes. Throws as `readEntries`. */
export function decodeDirectory(bytes: Uint8Array): Directory {
  return new Map([...readEntries(bytes)].toSorted(([a], [b]) => compareNames(a, b)))
}

class Reader {
  readonly #bytes: Buffer
  #at = 0
  /** Where the name of the entry before begins and ends. */
  #last = { start: 0, end: 0 }

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }

  fault(why: string, cause?: unknown): DstoreError {
    const message = `not a directory: ${why}, at byte ${this.#at}`
    return new DstoreError('integrity', message, { cause })
  }

  /** The argument of an item of this type: a number, a length, or a number of entries. */
  argument(type: number): number {
    const first = this.#bytes[this.#at]
    if (first === undefined) throw this.fault('it is cut short')
    if (first >> 5 !== type) {
      throw this.fault(`${TYPES[first >> 5]} where ${TYPES[type]} belongs`)
    }
    const small = first & 31
    if (small > 27) throw this.fault('a length that is not stated')
    this.#at += 1
    if (small < 24) return small
    const width = 2 ** (small - 24)
    if (this.#at + width > this.#bytes.byteLength) throw this.fault('it is cut short')
    const value = numberOf(this.#bytes, this.#at, width)
    if (value > Number.MAX_SAFE_INTEGER) throw this.fault('a number of 2^53 or more')
    const shorter = width === 1 ? 24 : 2 ** (4 * width)
    if (value < shorter) throw this.fault('a number that is not in its shortest form')
    this.#at += width
    return value
  }

  /** Reads this text if it comes next. */
  skips(text: string): boolean {
    const { start, end } = this.#text()
    return this.#bytes.toString('latin1', start, end) === text
  }

  /** The name of an entry, which comes after the one before. */
  name(): string {
    const { start, end } = this.#text()
    const { start: before, end: until } = this.#last
    const order = end - start - (until - before)
    const bytewise = (): number => this.#bytes.compare(this.#bytes, before, until, start, end)
    if (order < 0 || (order === 0 && bytewise() <= 0)) {
      throw this.fault(
        order === 0 && bytewise() === 0 ? 'two entries of one name' : 'names that are not in order',
      )
    }
    this.#last = { start, end }
    const name = this.#decoded(start, end)
    const fault = faultOfName(name)
    if (fault !== undefined) throw this.fault(`a name that is none: ${fault}`)
    return name
  }

  entry(): Entry {
    const count = this.argument(MAP)
    let has = 0
    let last = -1
    let digest: Uint8Array | undefined
    let size = 0
    let files = 0
    let target = ''
    for (let i = 0; i < count; i++) {
      const place = this.#field()
      if (place <= last) throw this.fault('fields that are not in order')
      last = place
      has |= 1 << place
      switch (FIELDS[place]!) {
        case 'to':
          target = this.#target()
          break
        case 'src':
          digest = this.#link('raw')
          break
        case 'exec':
          if (this.#bytes[this.#at] !== TRUE) throw this.fault('exec that is not true')
          this.#at += 1
          break
        case 'size':
          size = this.argument(UINT)
          break
        case 'tree':
          digest = this.#link('dag-cbor')
          break
        case 'files':
          files = this.argument(UINT)
      }
    }
    switch (has) {
      case FILE:
      case EXECUTABLE:
        return { type: 'file', digest: digest!, size, executable: has === EXECUTABLE }
      case DIRECTORY:
        return { type: 'directory', digest: digest!, size, files }
      case SYMBOLIC_LINK:
        return { type: 'link', target }
      default:
        throw this.fault('an entry whose fields are those of no entry')
    }
  }

  /** The place of a field's name in `FIELDS`. */
  #field(): number {
    const { start, end } = this.#text()
    const length = end - start
    const place =
      length > LONGEST_FIELD ? undefined : PLACES.get(numberOf(this.#bytes, start, length))
    if (place === undefined || FIELDS[place]!.length !== length)
      throw this.fault('an unknown field')
    return place
  }

  #target(): string {
    const { start, end } = this.#text()
    const target = this.#decoded(start, end)
    const fault = faultOfTarget(target)
    if (fault !== undefined) throw this.fault(`a link to no path: ${fault}`)
    return target
  }

  /** The digest in a link to a key of this codec. */
  #link(codec: keyof typeof LINKS): Uint8Array {
    for (const byte of LINKS[codec]) {
      if (this.#bytes[this.#at] !== byte) throw this.fault(`no link to a key of codec ${codec}`)
      this.#at += 1
    }
    const end = this.#at + DIGEST_BYTES
    if (end > this.#bytes.byteLength) throw this.fault('it is cut short')
    const digest = new Uint8Array(this.#bytes.subarray(this.#at, end))
    this.#at = end
    return digest
  }

  #text(): { start: number; end: number } {
    const length = this.argument(TEXT)
    const start = this.#at
    const end = start + length
    if (end > this.#bytes.byteLength) throw this.fault('it is cut short')
    this.#at = end
    return { start, end }
  }

  #decoded(start: number, end: number): string {
    let isAscii = true
    for (let i = start; i < end; i++) isAscii &&= this.#bytes[i]! < 0x80
    if (isAscii) return this.#bytes.toString('latin1', start, end)
    const text = decodeUtf8(this.#bytes.subarray(start, end))
    if (text === undefined) throw this.fault('text that is not UTF-8')
    return text
  }
}

/** An unsigned integer of these bytes, the most significant first; beyond 2^53 it is rounded. */
function numberOf(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let i = at; i < at + width; i++) value = value * 256 + bytes[i]!
  return value
}
