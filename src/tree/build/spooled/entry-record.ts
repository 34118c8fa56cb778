/** What is at a path, as bytes: a name, and its entry if it has one. */
import type { Entry } from '../../../directory/directory.ts'
import { DIGEST_BYTES } from '../../../limits.ts'

/** Type, bytes of the name, bytes of the rest. */
export const RECORD_HEAD_BYTES = 4

const FOLDER = 0
const FILE = 1
const EXECUTABLE = 2
const LINK = 3

/** A folder has no entry: that is made of what is in it. */
export interface EntryRecord {
  readonly name: string
  readonly entry: Exclude<Entry, { readonly type: 'directory' }> | undefined
}

export function encodeRecord({ name, entry }: EntryRecord): Uint8Array {
  const named = Buffer.from(name)
  const rest = restOf(entry)
  const head = Buffer.alloc(RECORD_HEAD_BYTES)
  head[0] = typeOf(entry)
  head[1] = named.byteLength
  head.writeUInt16LE(rest.byteLength, 2)
  return Buffer.concat([head, named, rest])
}

/** Bytes of a record behind its head. */
export const bodyBytes = (head: Uint8Array): number => head[1]! + head[2]! + (head[3]! << 8)

export function decodeRecord(head: Uint8Array, body: Uint8Array): EntryRecord {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const name = text.toString('utf8', 0, head[1])
  const rest = text.subarray(head[1])
  if (head[0] === FOLDER) return { name, entry: undefined }
  if (head[0] === LINK) return { name, entry: { type: 'link', target: rest.toString() } }
  const digest = Uint8Array.from(rest.subarray(0, DIGEST_BYTES))
  const size = rest.readDoubleLE(DIGEST_BYTES)
  return { name, entry: { type: 'file', digest, size, executable: head[0] === EXECUTABLE } }
}

function typeOf(entry: EntryRecord['entry']): number {
  if (entry === undefined) return FOLDER
  if (entry.type === 'link') return LINK
  return entry.executable ? EXECUTABLE : FILE
}

function restOf(entry: EntryRecord['entry']): Uint8Array {
  if (entry === undefined) return new Uint8Array(0)
  if (entry.type === 'link') return Buffer.from(entry.target)
  const rest = Buffer.alloc(DIGEST_BYTES + 8)
  rest.set(entry.digest)
  rest.writeDoubleLE(entry.size, DIGEST_BYTES)
  return rest
}
