/**
 * The bytes of the stat cache: a record for each folder, with the stats and keys of its files
 * (R008-50). The cache of one tree is a file of records in the order of the walk.
 */
import type { BigIntStats } from 'node:fs'
import { equal } from '../../../bytes.ts'
import { hash } from '../../../hash/hasher.ts'
import { DIGEST_BYTES } from '../../../limits.ts'
import { decodeUtf8 } from '../../../utf8.ts'

/** Size, times of the last write and change, device and inode, in 8 bytes each. */
export const STAMP_BYTES = 40

const CHECK_BYTES = 8
export const HEAD_BYTES: number = 4 + CHECK_BYTES

/** A file as it was when it was hashed. */
export interface Remembered {
  readonly stamp: Uint8Array
  readonly digest: Uint8Array
}

export interface FolderRecord {
  /** The path of the folder below the root. */
  readonly relative: string
  readonly files: ReadonlyMap<string, Remembered>
}

/** What must be the same for a file to be taken as unchanged. */
export function stampOf({ size, mtimeNs, ctimeNs, dev, ino }: BigIntStats): Uint8Array {
  const stamp = Buffer.alloc(STAMP_BYTES)
  for (const [index, value] of [size, mtimeNs, ctimeNs, dev, ino].entries()) {
    stamp.writeBigUInt64LE(BigInt.asUintN(64, value), 8 * index)
  }
  return stamp
}

/** The record, with its length and check before it. */
export function encodeRecord({ relative, files }: FolderRecord): Uint8Array {
  const parts: Uint8Array[] = [Buffer.alloc(HEAD_BYTES), text(relative)]
  for (const [name, { stamp, digest }] of files) parts.push(text(name), stamp, digest)
  const bytes = Buffer.concat(parts)
  const body = bytes.subarray(HEAD_BYTES)
  bytes.writeUInt32LE(body.byteLength, 0)
  bytes.set(checkOf(body), 4)
  return bytes
}

/** The length of the body that follows a head. */
export const lengthIn = (head: Buffer): number => head.readUInt32LE(0)

/** The record in a body; undefined if it is damaged. */
export function decodeRecord(head: Buffer, body: Buffer): FolderRecord | undefined {
  if (!equal(head.subarray(4, HEAD_BYTES), checkOf(body))) return undefined
  let at = 0
  const take = (length: number): Buffer => body.subarray(at, (at += length))
  const takeText = (): string => decodeUtf8(take(take(2).readUInt16LE())) ?? ''
  const relative = takeText()
  const files = new Map<string, Remembered>()
  while (at < body.byteLength) {
    const name = takeText()
    files.set(name, { stamp: take(STAMP_BYTES), digest: take(DIGEST_BYTES) })
  }
  return { relative, files }
}

const checkOf = (body: Uint8Array): Uint8Array => hash(body).digest.subarray(0, CHECK_BYTES)

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(bytes.byteLength)
  return Buffer.concat([length, bytes])
}
