/**
 * Directories to and from their one encoding: a DRISL map (specs/008-directories.md, "Format"). A
 * general DAG-CBOR library writes it; a strict reader of this one form reads it.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { DstoreError } from '../errors.ts'
import { DIGEST_BYTES, DIRECTORY_BYTES, DIRECTORY_ENTRIES } from '../limits.ts'
import type { Directory, Entry } from './directory.ts'
import { compareNames, faultOfName, faultOfTarget } from './names.ts'
import { readEntries } from './reader.ts'

export { compareNames, faultOfName } from './names.ts'

const RAW = 0x55
const DRISL = 0x71
const BLAKE3 = 0x1e

/**
 * The bytes of a directory. Throws `usage` for a name or a link that no directory can have, and for
 * a name given twice; `too-large` beyond the limits.
 */
export function encodeDirectory(entries: Iterable<readonly [string, Entry]>): Uint8Array {
  // Without a prototype: any text may be the name of an entry.
  const tree = Object.create(null) as Record<string, Record<string, unknown>>
  let count = 0
  let bytes = EMPTY_BYTES
  let size = 0
  let files = 0
  for (const [name, entry] of entries) {
    const fault = faultOfName(name)
    if (fault !== undefined) throw new DstoreError('usage', `not a name in a directory: ${fault}`)
    if (Object.hasOwn(tree, name)) throw new DstoreError('usage', 'two entries have one name')
    tree[name] = toWire(entry)
    count += 1
    bytes += entryBytes(name, entry)
    if (count > DIRECTORY_ENTRIES) throw tooLarge(`${DIRECTORY_ENTRIES} entries`)
    if (bytes > DIRECTORY_BYTES) throw tooLarge(`${DIRECTORY_BYTES} bytes`)
    if (entry.type === 'link') continue
    size += entry.size
    files += entry.type === 'file' ? 1 : entry.files
    if (!Number.isSafeInteger(size) || !Number.isSafeInteger(files))
      throw tooLarge('2^53 - 1 bytes')
  }
  // The library may give a Buffer, whose `slice` does not copy.
  return new Uint8Array(dagCbor.encode({ tree }))
}

/** The directory in these bytes. Throws as `readEntries`. */
export function decodeDirectory(bytes: Uint8Array): Directory {
  return new Map([...readEntries(bytes)].toSorted(([a], [b]) => compareNames(a, b)))
}

/** Bytes of a directory without its entries, whose number takes up to five. */
const EMPTY_BYTES = 11

/** Bytes that an entry adds to its directory. */
export function entryBytes(name: string, entry: Entry): number {
  return textBytes(name) + 1 + fieldBytes(entry)
}

/** A field's name is one byte and its letters; a link is 41 bytes. */
function fieldBytes(entry: Entry): number {
  switch (entry.type) {
    case 'file':
      return 4 + 41 + (entry.executable ? 5 + 1 : 0) + 5 + headBytes(entry.size)
    case 'directory':
      return 5 + 41 + 5 + headBytes(entry.size) + 6 + headBytes(entry.files)
    case 'link':
      return 3 + textBytes(entry.target)
  }
}

function textBytes(text: string): number {
  const length = Buffer.byteLength(text)
  return headBytes(length) + length
}

/** Bytes of the head of an item with this argument. */
function headBytes(argument: number): number {
  if (argument < 24) return 1
  if (argument < 2 ** 8) return 2
  if (argument < 2 ** 16) return 3
  return argument < 2 ** 32 ? 5 : 9
}

function toWire(entry: Entry): Record<string, unknown> {
  switch (entry.type) {
    case 'file': {
      const { executable } = entry
      return {
        src: link(RAW, entry.digest),
        size: whole(entry.size),
        ...(executable && { exec: true }),
      }
    }
    case 'directory':
      return {
        tree: link(DRISL, entry.digest),
        size: whole(entry.size),
        files: whole(entry.files),
      }
    case 'link': {
      const fault = faultOfTarget(entry.target)
      if (fault !== undefined) throw new DstoreError('usage', `not a link's target: ${fault}`)
      return { to: entry.target }
    }
  }
}

function link(codec: number, digest: Uint8Array): CID {
  if (digest.byteLength !== DIGEST_BYTES) {
    throw new RangeError(`digest must be ${DIGEST_BYTES} bytes`)
  }
  return CID.createV1(codec, create(BLAKE3, digest))
}

/** A mistake of the program, which library code states before anything is encoded. */
function whole(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`not a size or a number of files: ${value}`)
}

const tooLarge = (limit: string): DstoreError =>
  new DstoreError('too-large', `a directory has at most ${limit}`)
