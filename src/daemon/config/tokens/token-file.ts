/**
 * The file of the tokens that `dstore token` made: hashes, never tokens (specs/007, "Tokens").
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import { TOKENS } from '../../../limits.ts'
import { isMemberRole, type MemberRole } from '../../../membership/role.ts'
import { faultOf } from '../../../store/disk/faults.ts'
import { unreadableFile } from '../../../store/file/file-faults.ts'

/** A token as it is kept. Times are in milliseconds since 1970. */
export interface TokenRecord {
  readonly id: string
  readonly label: string
  readonly role: MemberRole
  /** Confines it to names that begin with this, which ends in a slash. */
  readonly prefix?: string
  /** The hash of the token, in hexadecimal. */
  readonly hash: string
  readonly createdAt: number
  readonly expiresAt?: number
  readonly lastUsedAt?: number
}

/** Larger than any file of `TOKENS` tokens. */
const FILE_BYTES = TOKENS * 2048

/**
 * The tokens in the file; none without a file. Errors: `not-permitted` if others may read it,
 * `unreadable` if it cannot be read or holds anything else.
 */
export function readTokens(path: string): TokenRecord[] {
  let text: string
  try {
    const { mode, size } = statSync(path)
    if ((mode & 0o077) !== 0) {
      throw new DstoreError('not-permitted', `${path}: others may read this file`, {
        hint: `chmod 600 ${path}`,
      })
    }
    if (size > FILE_BYTES) throw damaged(path)
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unreadableFile(path, cause)
  }
  let records: unknown
  try {
    records = (JSON.parse(text) as { readonly tokens?: unknown } | null)?.tokens
  } catch (cause) {
    throw damaged(path, cause)
  }
  if (!Array.isArray(records) || !records.every(isRecord)) throw damaged(path)
  return records
}

/** Replaces the file; the tokens are durable when this returns. Error: `unwritable`. */
export function writeTokens(path: string, tokens: readonly TokenRecord[]): void {
  const temporary = `${path}.new`
  try {
    rmSync(temporary, { force: true })
    const text = `${JSON.stringify({ tokens }, undefined, 2)}\n`
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
    renameSync(temporary, path)
    const directory = openSync(dirname(path), 'r')
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  } catch (cause) {
    throw faultOf(cause, `write ${path}`)
  }
}

function damaged(path: string, cause?: unknown): DstoreError {
  return new DstoreError('unreadable', `${path} is damaged`, {
    cause,
    hint: 'delete it to revoke every token in it, and make new ones with `dstore token add`',
  })
}

/** Is this a token as it is kept? */
export function isRecord(value: unknown): value is TokenRecord {
  if (typeof value !== 'object' || value === null) return false
  const { id, label, role, prefix, hash, createdAt, expiresAt, lastUsedAt } = value as Record<
    string,
    unknown
  >
  const isTime = (time: unknown): boolean => Number.isSafeInteger(time)
  const isTimeOrNone = (time: unknown): boolean => time === undefined || isTime(time)
  return (
    typeof id === 'string' &&
    typeof label === 'string' &&
    typeof role === 'string' &&
    isMemberRole(role) &&
    // A damaged prefix must not become none.
    (!('prefix' in value) || (typeof prefix === 'string' && prefix.endsWith('/'))) &&
    typeof hash === 'string' &&
    /^[\da-f]{64}$/.test(hash) &&
    isTime(createdAt) &&
    isTimeOrNone(expiresAt) &&
    isTimeOrNone(lastUsedAt)
  )
}
