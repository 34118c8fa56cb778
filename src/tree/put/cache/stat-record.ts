/**
 * The bytes of the stat cache: a record for each folder, with the stats and keys of its files
 * (R008-50). The cache of one tree is a file of records in the order of the walk.
 */
import { equal } from '../../../bytes.ts'
import { hash } from '../../../hash/hasher.ts'
import { DIGEST_BYTES } from '../../../limits.ts'
import { decodeUtf8 } from '../../../utf8.ts'
import { STAMP_BYTES } from '../walk/stamp.ts'

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

/** The record, with its length and check before it. */
export function encodeRecord({ relative, files }: FolderRecord): Uint8Array {
  let length = HEAD_BYTES + textBytes(relative)
  for (const name of files.keys()) length += textBytes(name) + STAMP_BYTES + DIGEST_BYTES
  const bytes = Buffer.allocUnsafe(length)
  let at = writeText(bytes, relative, HEAD_BYTES)
  for (const [name, { stamp, digest }] of files) {
    at = writeText(bytes, name, at)
    bytes.set(stamp, at)
    bytes.set(digest, at + STAMP_BYTES)
    at += STAMP_BYTES + DIGEST_BYTES
  }
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

const textBytes = (text: string): number => 2 + Buffer.byteLength(text)

/** Returns where it ends. */
function writeText(into: Buffer, text: string, at: number): number {
  const length = into.write(text, at + 2)
  into.writeUInt16LE(length, at)
  return at + 2 + length
}
