/**
 * Writes directories in their one encoding: a DRISL map (specs/008-directories.md, "Format"). Apart
 * from `reader`, so that what only reads them does not load the library for DAG-CBOR.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { DstoreError } from '../errors.ts'
import { DIGEST_BYTES, DIRECTORY_BYTES, DIRECTORY_ENTRIES } from '../limits.ts'
import type { Entry } from './directory.ts'
import { compareNames, faultOfName, faultOfTarget } from './names.ts'

/** A map of one entry, and its name. */
const MAP_OF_TREE = [0xa1, ...dagCbor.encode('tree')]

/** The head of a map: that of a number, of another type. */
function mapHead(entries: number): number[] {
  const [first, ...rest] = dagCbor.encode(entries)
  return [first! | 0xa0, ...rest]
}

const RAW = 0x55
const DRISL = 0x71
const BLAKE3 = 0x1e

/**
 * The bytes of a directory. Throws `usage` for a name or a link that no directory can have, and for
 * a name given twice; `too-large` beyond the limits. The library has one entry at a time: of all of
 * them together it would make many times as much memory as the bytes.
 */
export function encodeDirectory(entries: Iterable<readonly [string, Entry]>): Uint8Array {
  const tree = checked(entries)
  const names = Array.from(tree.keys(), (name) => ({ name, length: Buffer.byteLength(name) }))
  names.sort((a, b) => a.length - b.length || compareNames(a.name, b.name))
  const added = Array.from(tree, ([name, entry]) => entryBytes(name, entry))
  const head = [...MAP_OF_TREE, ...mapHead(tree.size)]
  const bytes = new Uint8Array(head.length + added.reduce((sum, one) => sum + one, 0))
  bytes.set(head)
  let at = head.length
  for (const { name } of names) {
    for (const item of [name, toWire(tree.get(name)!)]) {
      const encoded = dagCbor.encode(item)
      bytes.set(encoded, at)
      at += encoded.byteLength
    }
  }
  return bytes
}

/** The entries by their names, once it is known that they are a directory. */
function checked(entries: Iterable<readonly [string, Entry]>): Map<string, Entry> {
  const tree = new Map<string, Entry>()
  let bytes = EMPTY_BYTES
  let size = 0
  let files = 0
  for (const [name, entry] of entries) {
    const fault = faultOfName(name)
    if (fault !== undefined) throw new DstoreError('usage', `not a name in a directory: ${fault}`)
    if (tree.has(name)) throw new DstoreError('usage', 'two entries have one name')
    check(entry)
    tree.set(name, entry)
    bytes += entryBytes(name, entry)
    if (tree.size > DIRECTORY_ENTRIES) throw tooLarge(`${DIRECTORY_ENTRIES} entries`)
    if (bytes > DIRECTORY_BYTES) throw tooLarge(`${DIRECTORY_BYTES} bytes`)
    if (entry.type === 'link') continue
    size += entry.size
    files += entry.type === 'file' ? 1 : entry.files
    if (size > Number.MAX_SAFE_INTEGER || files > Number.MAX_SAFE_INTEGER) {
      throw tooLarge('2^53 - 1 bytes')
    }
  }
  return tree
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

/** Throws `usage` for a link that no directory can have, `RangeError` for a program's mistake. */
function check(entry: Entry): void {
  if (entry.type === 'link') {
    const fault = faultOfTarget(entry.target)
    if (fault !== undefined) throw new DstoreError('usage', `not a link's target: ${fault}`)
    return
  }
  const { digest, size, files } = { files: 0, ...entry }
  if (digest.byteLength !== DIGEST_BYTES) {
    throw new RangeError(`digest must be ${DIGEST_BYTES} bytes`)
  }
  for (const value of [size, files]) {
    if (Number.isSafeInteger(value) && value >= 0) continue
    throw new RangeError(`not a size or a number of files: ${value}`)
  }
}

function toWire(entry: Entry): Record<string, unknown> {
  switch (entry.type) {
    case 'file': {
      const { digest, size, executable } = entry
      return { src: link(RAW, digest), size, ...(executable && { exec: true }) }
    }
    case 'directory':
      return { tree: link(DRISL, entry.digest), size: entry.size, files: entry.files }
    case 'link':
      return { to: entry.target }
  }
}

const link = (codec: number, digest: Uint8Array): CID => CID.createV1(codec, create(BLAKE3, digest))

const tooLarge = (limit: string): DstoreError =>
  new DstoreError('too-large', `a directory has at most ${limit}`)
