/** Converts errors of the filesystem and of LMDB into faults of the store. */
import { DstoreError } from '../../errors.ts'

/** A full disk: errno as a name (node:fs) and as a number (LMDB), and LMDB's full map. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 28, 122, 27, -30_792])

/** LMDB: page not found, corrupted page, version mismatch, not a database. */
const DAMAGED: ReadonlySet<unknown> = new Set([-30_797, -30_796, -30_794, -30_793])

/** The error as a fault that names the attempt ("write a value"); misuse and faults unchanged. */
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

/** No such file: it, or a directory above it, is gone or was replaced. */
const MISSING: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ESTALE'])

/** Does the error mean that there is no such file? */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && MISSING.has(error.code)
}

function described(error: unknown): { readonly code: unknown; readonly message: string } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error) }
  return { code: 'code' in error ? error.code : undefined, message: error.message.split('\n')[0]! }
}
