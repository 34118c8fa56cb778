/**
 * What must be true of LMDB's file before LMDB is let near it: `lmdb` 3.5 ends the process, by a segmentation fault or
 * a bus error, where the file is not a database or is shorter than it was.
 */
import { DstoreError } from '../../../errors.ts'
import type { Files, ReadableFile } from '../files.ts'

/** Where the fields of a meta page are, in bytes; numbers are of this machine, as the whole file is. */
const META_BYTES = 160
const MAGIC_AT = 24
const VERSION_AT = 28
const PAGE_SIZE_AT = 48
const LAST_PAGE_AT = 144

const MAGIC = 0xbeefc0de
const VERSION = 2
const MIN_PAGE_BYTES = 512
const MAX_PAGE_BYTES = 65_536

/**
 * Refuse a file that is no database (`integrity`). Lengthen one that lacks its end: LMDB then meets empty pages where
 * it would be killed, and calls them damage. Pages that were never written may lack in a healthy file, too.
 */
export async function checkLmdbFile(files: Files, path: string): Promise<void> {
  const size = await files.size(path)
  if (size === undefined || size === 0) return
  const file = await files.open(path)
  let needed: number
  try {
    const first = await metaAt(file, path, 0)
    const pageBytes = first.getUint32(PAGE_SIZE_AT, true)
    if (pageBytes < MIN_PAGE_BYTES || pageBytes > MAX_PAGE_BYTES) throw damaged(path)
    const second = await metaAt(file, path, pageBytes)
    const last = Math.max(lastPage(first), lastPage(second))
    needed = (last + 1) * pageBytes
    if (!Number.isSafeInteger(needed)) throw damaged(path)
  } finally {
    await file.close()
  }
  if (size < needed) await files.lengthen(path, needed)
}

async function metaAt(file: ReadableFile, path: string, position: number): Promise<DataView> {
  const bytes = new Uint8Array(META_BYTES)
  const count = await file.read(bytes, position)
  const meta = new DataView(bytes.buffer)
  const isMeta = meta.getUint32(MAGIC_AT, true) === MAGIC
  if (count < META_BYTES || !isMeta || meta.getUint32(VERSION_AT, true) !== VERSION) {
    throw damaged(path)
  }
  return meta
}

function lastPage(meta: DataView): number {
  return Number(meta.getBigUint64(LAST_PAGE_AT, true))
}

function damaged(path: string): DstoreError {
  return new DstoreError('integrity', `${path} is not a database that dstore can read`)
}
