/** Files that a client names to its daemon by a path, for calls that act on them. */
import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { checkLossless } from '../../utf8.ts'
import type { HttpCall } from '../http/call.ts'

/**
 * Refuses a client on a socket that other users can open, and over TCP: the daemon may use files
 * that they may not (R007-19).
 */
export function checkOwnFiles({ access, socket }: HttpCall, hint: string): void {
  if (access.usesFiles && (statSync(socket).mode & 0o077) === 0) return
  throw new DstoreError('not-permitted', "files are used only for the daemon's own user", { hint })
}

/** The absolute path in a request. */
export function pathIn({ path }: Readonly<Record<string, unknown>>): string {
  if (typeof path !== 'string' || !isAbsolute(path) || path.includes('\0')) {
    throw new DstoreError('usage', 'path must be an absolute path')
  }
  return checkLossless(path, 'the path')
}

/** The device and the inode in a request. They can be beyond the integers of JSON numbers. */
export function deviceAndInode({
  device,
  inode,
}: Readonly<Record<string, unknown>>):
  | { readonly device: bigint; readonly inode: bigint }
  | undefined {
  if (!isDecimal(device) || !isDecimal(inode)) return undefined
  return { device: BigInt(device), inode: BigInt(inode) }
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value)
}
