/** The first block of a segment (specs/009-journal.md, "Files"). */
import { equal } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { JOURNAL_BLOCK_BYTES } from '../../limits.ts'
import { ByteReader } from '../byte-reader.ts'
import { ByteWriter } from '../byte-writer.ts'
import { damaged } from './faults.ts'

export interface SegmentHead {
  /** The segment's place among others. */
  readonly number: number
  /** Of the file. */
  readonly bytes: number
  /** The position of the last entry before the segment, which was acknowledged. */
  readonly after: number
  /** The digest of that entry. */
  readonly chain: Uint8Array
  /** Random, of this use of the file: what is left of an earlier use can't be taken for entries. */
  readonly salt: Uint8Array
}

const MAGIC = new TextEncoder().encode('dstore-j')
const VERSION = 1
const HEAD_BYTES = 88
export const SALT_BYTES = 16

export function encodeHead({ number, bytes, after, chain, salt }: SegmentHead): Uint8Array {
  const to = new ByteWriter(HEAD_BYTES)
  to.raw(MAGIC)
  to.u32(VERSION)
  to.u32(0)
  to.u64(number)
  to.u64(bytes)
  to.u64(after)
  to.raw(chain)
  to.raw(salt)
  const block = new Uint8Array(JOURNAL_BLOCK_BYTES)
  block.set(to.bytes)
  block.set(hash(to.bytes).digest, HEAD_BYTES)
  return block
}

/** Throws `integrity`, or `incompatible` for a later version, naming the path. */
export function decodeHead(block: Uint8Array, path: string): SegmentHead {
  if (block.byteLength !== JOURNAL_BLOCK_BYTES) throw damaged(path, 'it has no head')
  const head = block.subarray(0, HEAD_BYTES)
  const check = block.subarray(HEAD_BYTES, HEAD_BYTES + 32)
  if (!equal(hash(head).digest, check) || !equal(head.subarray(0, MAGIC.byteLength), MAGIC)) {
    throw damaged(path, 'its head is not what was written')
  }
  const from = new ByteReader(head.subarray(MAGIC.byteLength))
  const version = from.u32()
  if (version !== VERSION || from.u32() !== 0) {
    throw new DstoreError('incompatible', `${path} has version ${version} of the journal`, {
      hint: 'use the version of dstore that wrote it',
    })
  }
  return {
    number: from.u64('a number'),
    bytes: from.u64('a length'),
    after: from.u64('a position'),
    chain: Uint8Array.from(from.raw(32)),
    salt: Uint8Array.from(from.raw(SALT_BYTES)),
  }
}
