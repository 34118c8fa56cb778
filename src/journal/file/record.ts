/** An entry in a segment: a head of 64 bytes, the entry, and zeros up to the next block. */
import { equal, viewOf } from '../../bytes.ts'
import { hash } from '../../hash/hasher.ts'
import { JOURNAL_BLOCK_BYTES, JOURNAL_ENTRY_BYTES } from '../../limits.ts'
import { entryDigest } from '../digest.ts'
import { ByteWriter } from '../byte-writer.ts'
import { SALT_BYTES } from './head.ts'

const MAGIC = 0x6a65_6e74
const CHECKED_BYTES = 4 + 4 + 8 + SALT_BYTES
export const RECORD_HEAD_BYTES: number = CHECKED_BYTES + 32

/** What a record begins with. */
export interface RecordHead {
  readonly length: number
  readonly position: number
}

/** Bytes of a record with an entry of this length: whole blocks. */
export function recordBytes(length: number): number {
  return Math.ceil((RECORD_HEAD_BYTES + length) / JOURNAL_BLOCK_BYTES) * JOURNAL_BLOCK_BYTES
}

/** Writes a record, `recordBytes` long, to the array; `offset` is its place in the segment. */
export function writeRecord(
  into: Uint8Array,
  entry: Uint8Array,
  { position, salt, offset }: { position: number; salt: Uint8Array; offset: number },
): void {
  const to = new ByteWriter(CHECKED_BYTES, into)
  to.u32(MAGIC)
  to.u32(entry.byteLength)
  to.u64(position)
  to.raw(salt)
  const head = into.subarray(0, CHECKED_BYTES)
  into.set(checkOf(head, offset, entryDigest(entry)), CHECKED_BYTES)
  into.set(entry, RECORD_HEAD_BYTES)
  into.fill(0, RECORD_HEAD_BYTES + entry.byteLength)
}

/** The head, if these bytes begin a record of this use of the file; not yet verified. */
export function recordHead(bytes: Uint8Array, salt: Uint8Array): RecordHead | undefined {
  if (bytes.byteLength < RECORD_HEAD_BYTES) return undefined
  const view = viewOf(bytes)
  if (view.getUint32(0) !== MAGIC) return undefined
  if (!equal(bytes.subarray(16, 16 + SALT_BYTES), salt)) return undefined
  const length = view.getUint32(4)
  const position = view.getUint32(8) * 2 ** 32 + view.getUint32(12)
  if (length === 0 || length > JOURNAL_ENTRY_BYTES || !Number.isSafeInteger(position)) {
    return undefined
  }
  return { length, position }
}

/** The entry of a record whose head is `head`; undefined if the bytes are not what was written. */
export function entryOf(
  record: Uint8Array,
  { length }: RecordHead,
  offset: number,
): Uint8Array | undefined {
  if (record.byteLength < RECORD_HEAD_BYTES + length) return undefined
  const entry = record.subarray(RECORD_HEAD_BYTES, RECORD_HEAD_BYTES + length)
  const check = checkOf(record.subarray(0, CHECKED_BYTES), offset, entryDigest(entry))
  return equal(check, record.subarray(CHECKED_BYTES, RECORD_HEAD_BYTES)) ? entry : undefined
}

/**
 * The entries of records that follow each other, the first of which is at `position`; undefined if
 * the bytes are not what was written.
 */
export function entriesIn(
  bytes: Uint8Array,
  { position, start, salt }: { position: number; start: number; salt: Uint8Array },
): Uint8Array[] | undefined {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const record = bytes.subarray(at)
    const head = recordHead(record, salt)
    if (head?.position !== position + entries.length) return undefined
    const entry = entryOf(record, head, start + at)
    if (entry === undefined) return undefined
    entries.push(entry)
    at += recordBytes(head.length)
  }
  return entries
}

/** What a check is over: made and hashed at once. */
const CHECK = new ByteWriter(CHECKED_BYTES + 8 + 32)

/** Over the head, the place in the segment, and the entry's digest. */
function checkOf(head: Uint8Array, offset: number, digest: Uint8Array): Uint8Array {
  const to = CHECK.restart()
  to.raw(head)
  to.u64(offset)
  to.raw(digest)
  return hash(to.bytes).digest
}
