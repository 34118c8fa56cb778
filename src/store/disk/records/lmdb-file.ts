/**
 * Checks LMDB's file before LMDB opens it: `lmdb` 3.5 kills the process, by a segmentation fault or
 * a bus error, if the file is not a database or was truncated.
 */
import { DstoreError } from '../../../errors.ts'
import type { Files, ReadableFile } from '../files.ts'

/** Offsets of the fields of a meta page, in bytes; little-endian on every machine we support. */
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
 * Refuses a file that is not a database (`integrity`). Extends a truncated one: LMDB then finds
 * empty pages, which it reports as damage, instead of crashing. A healthy file may lack pages at
 * its end, too: those never written.
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
