/**
 * Directories to and from their one encoding: a DRISL map (specs/008-directories.md, "Format"). A
 * general DAG-CBOR library reads and writes the CBOR; that there is one encoding for one tree is
 * checked here.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { DIRECTORY_BYTES, ENTRY_NAME_BYTES } from '../limits.ts'
import type { Directory, Entry } from './directory.ts'

const RAW = 0x55
const DRISL = 0x71
const BLAKE3 = 0x1e

/** The bytes of a directory; throws `usage` for a name that is none, `too-large` beyond the limit. */
export function encodeDirectory(entries: Iterable<readonly [string, Entry]>): Uint8Array {
  const tree: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [name, entry] of entries) {
    const fault = faultOfName(name)
    if (fault !== undefined) throw new DstoreError('usage', `not a name in a directory: ${fault}`)
    if (Object.hasOwn(tree, name)) throw new DstoreError('usage', `two entries have one name`)
    tree[name] = toWire(entry)
  }
  const bytes = dagCbor.encode({ tree })
  if (bytes.byteLength > DIRECTORY_BYTES) throw tooLarge()
  return bytes
}

/** The directory in these bytes; throws `integrity` unless they are its one encoding. */
export function decodeDirectory(bytes: Uint8Array): Directory {
  if (bytes.byteLength > DIRECTORY_BYTES) throw tooLarge()
  let value: unknown
  try {
    value = dagCbor.decode(bytes)
  } catch (cause) {
    throw malformed('not DAG-CBOR', cause)
  }
  const { tree } = fieldsOf(value, ['tree'])
  const named = Object.entries(mapOf(tree)).map(([name, wire]): [string, Entry] => {
    const fault = faultOfName(name)
    if (fault !== undefined) throw malformed(fault)
    return [name, fromWire(wire)]
  })
  named.sort(([a], [b]) => compareNames(a, b))
  const directory = new Map(named)
  if (!equal(encodeDirectory(directory), bytes)) throw malformed('not its one encoding')
  return directory
}

/** Bytewise order of UTF-8. */
export const compareNames = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Why a text is not the name of an entry; undefined if it is one. */
export function faultOfName(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return `it is ${name}`
  if (name.includes('/')) return 'it has a slash'
  if (name.includes('\0')) return 'it has a NUL'
  if (/\p{Cs}/u.test(name)) return 'it is not Unicode'
  if (Buffer.byteLength(name) > ENTRY_NAME_BYTES)
    return `it has more than ${ENTRY_NAME_BYTES} bytes`
  return undefined
}

function toWire(entry: Entry): Record<string, unknown> {
  switch (entry.type) {
    case 'file': {
      const { size, executable } = entry
      return { src: link(RAW, entry.digest), size, ...(executable && { exec: true }) }
    }
    case 'directory':
      return { tree: link(DRISL, entry.digest), size: entry.size, files: entry.files }
    case 'link':
      return { to: entry.target }
  }
}

const link = (codec: number, digest: Uint8Array): CID => CID.createV1(codec, create(BLAKE3, digest))

function fromWire(wire: unknown): Entry {
  const map = mapOf(wire)
  if ('to' in map) {
    const { to } = fieldsOf(map, ['to'])
    if (typeof to !== 'string' || /\p{Cs}/u.test(to)) throw malformed('a link to no text')
    return { type: 'link', target: to }
  }
  if ('src' in map) {
    const { src, size, exec } = fieldsOf(map, ['src', 'size'], ['exec'])
    if (exec !== undefined && exec !== true) throw malformed('exec that is not true')
    return {
      type: 'file',
      digest: digestOf(src, RAW),
      size: count(size),
      executable: exec === true,
    }
  }
  const { tree, size, files } = fieldsOf(map, ['tree', 'size', 'files'])
  return {
    type: 'directory',
    digest: digestOf(tree, DRISL),
    size: count(size),
    files: count(files),
  }
}

function mapOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw malformed('no map where one belongs')
  if (Array.isArray(value) || value instanceof Uint8Array || CID.asCID(value) !== null) {
    throw malformed('no map where one belongs')
  }
  return value as Record<string, unknown>
}

/** The fields of a map that has all of `required`, any of `optional`, and no others. */
function fieldsOf(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): Record<string, unknown> {
  const map = mapOf(value)
  for (const name of required) {
    if (!Object.hasOwn(map, name)) throw malformed(`no field ${name}`)
  }
  for (const name of Object.keys(map)) {
    if (!required.includes(name) && !optional.includes(name)) throw malformed('an unknown field')
  }
  return map
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw malformed('a count that is none')
  }
  return value
}

function digestOf(value: unknown, codec: number): Uint8Array {
  const cid = CID.asCID(value)
  const isIt = cid?.version === 1 && cid.code === codec && cid.multihash.code === BLAKE3
  if (!isIt || cid.multihash.digest.byteLength !== 32) throw malformed('a link to no key')
  return cid.multihash.digest
}

const malformed = (why: string, cause?: unknown): DstoreError =>
  new DstoreError('integrity', `not a directory: ${why}`, { cause })

const tooLarge = (): DstoreError =>
  new DstoreError('too-large', `a directory has at most ${DIRECTORY_BYTES} bytes`)
