/** What a refusal of the filesystem or of LMDB means to a caller of the store. */
import { DstoreError } from '../../errors.ts'

/** Ways of both to say that there is no room: errno as a word (node:fs) and as a number (LMDB), and its map. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 28, 122, 27, -30_792])

/** LMDB: a page not found, a corrupted page, another version, not a database of it. */
const DAMAGED: ReadonlySet<unknown> = new Set([-30_797, -30_796, -30_794, -30_793])

/** The error as a fault that says what was being done ("write a value"); mistakes and faults as they are. */
export function faultOf(error: unknown, doing: string): Error {
  if (error instanceof DstoreError) return error
  if (error instanceof TypeError || error instanceof RangeError) return error
  const { code, message } = described(error)
  if (FULL.has(code)) {
    return new DstoreError('no-space', `cannot ${doing}: the disk is full`, { cause: error })
  }
  if (DAMAGED.has(code)) {
    return new DstoreError('integrity', `cannot ${doing}: ${message}`, { cause: error })
  }
  return new DstoreError('unwritable', `cannot ${doing}: ${message}`, { cause: error })
}

/** Does the error say that there is no such file? */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function described(error: unknown): { readonly code: unknown; readonly message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) }
  return { code: 'code' in error ? error.code : undefined, message: error.message.split('\n')[0]! }
}
