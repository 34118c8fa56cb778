/**
 * The rows of names (specs/004-index.md, "Records" and "Rules: names"): what a name is bound to,
 * and which names a key has. Each name of a key is a row of its own, so that one more costs what
 * the first did.
 */
import { DIGEST_BYTES } from '../../limits.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import type { Digest } from '../message.ts'
import { nameBytes } from '../name.ts'
import { pack, unpack } from './record.ts'
import * as pb from './records_pb.ts'

/** One target of a tag. */
export interface TargetRecord {
  readonly digest: Digest
  readonly directory: boolean
  /** When it was bound to it: wall clock, in milliseconds. Undefined: by an earlier version. */
  readonly atMs?: number
}

/** What a name is bound to. */
export interface NameRecord {
  readonly digest: Digest
  /** It is bound to the directory, not to its bytes. */
  readonly directory: boolean
  /** It can be moved; else it is fixed. */
  readonly tag?: boolean
  /** When it was bound to this key: wall clock, in milliseconds. */
  readonly boundMs?: number
  /** It is not answered from then on: wall clock, in milliseconds. */
  readonly expiresMs?: number
  /** Bytes that it stands for: of its value, or of all files below its directory. */
  readonly size?: number
  /** Of a tag: what it was bound to before, the newest first. */
  readonly history?: readonly TargetRecord[]
}

export function encodeBinding(record: NameRecord): Uint8Array {
  const { digest, directory, tag = false, boundMs, expiresMs, size, history = [] } = record
  return pack(pb.NameRecordSchema, {
    digest,
    directory,
    tag,
    ...(boundMs !== undefined && { boundMs: BigInt(boundMs) }),
    ...(expiresMs !== undefined && { expiresMs: BigInt(expiresMs) }),
    ...(size !== undefined && { size: BigInt(size) }),
    history: history.map(({ atMs, ...target }) => ({
      ...target,
      ...(atMs !== undefined && { atMs: BigInt(atMs) }),
    })),
  })
}

/** A fixed name as an earlier version wrote it. */
export const encodeName = (digest: Digest, directory: boolean = false): Uint8Array =>
  encodeBinding({ digest, directory })

/** The record in a row of `names`; throws `integrity` if the row is damaged. */
export function decodeBinding(row: Row): NameRecord {
  const wire = unpack(pb.NameRecordSchema, row.value)
  const { digest, directory, tag, boundMs, expiresMs, size, history } = wire
  return {
    digest,
    directory,
    ...(tag && { tag }),
    ...(boundMs !== undefined && { boundMs: Number(boundMs) }),
    ...(expiresMs !== undefined && { expiresMs: Number(expiresMs) }),
    ...(size !== undefined && { size: Number(size) }),
    ...(history.length > 0 && { history: history.map(targetOf) }),
  }
}

const targetOf = ({ digest, directory, atMs }: pb.TargetRecord): TargetRecord => ({
  digest,
  directory,
  ...(atMs !== undefined && { atMs: Number(atMs) }),
})

/** The digest that a name is bound to. */
export const decodeName = (row: Row): Digest => decodeBinding(row).digest

/** The prefix of the names of keys. */
export const NAMED_ROWS: Uint8Array = nameBytes('named/')

/** The prefix of the names of a key: its digest and a slash follow, then the name. */
export function namedRows(digest: Digest, namePrefix = ''): Uint8Array {
  const names = nameBytes(namePrefix)
  const id = new Uint8Array(NAMED_ROWS.byteLength + DIGEST_BYTES + 1 + names.byteLength)
  id.set(NAMED_ROWS)
  id.set(digest, NAMED_ROWS.byteLength)
  id[NAMED_ROWS.byteLength + DIGEST_BYTES] = SLASH
  id.set(names, NAMED_ROWS.byteLength + DIGEST_BYTES + 1)
  return id
}

const SLASH = 0x2f

/** The row that says that a key has this name; its value is empty. */
export function namedRow(digest: Digest, name: string): RecordKey {
  return { table: 'meta', id: namedRows(digest, name) }
}

/** The name in the id of a row of `namedRow`. */
export const nameIn = ({ id }: Pick<Row, 'id'>): string =>
  decoder.decode(id.subarray(NAMED_ROWS.byteLength + DIGEST_BYTES + 1))

/** The prefix of the marks of forced removals in progress (R004-117). */
export const REMOVING_ROWS: Uint8Array = nameBytes('removing/')

/** The row that says that the key is being removed with all of its names. */
export function removingRow(digest: Digest): RecordKey {
  const id = new Uint8Array(REMOVING_ROWS.byteLength + DIGEST_BYTES)
  id.set(REMOVING_ROWS)
  id.set(digest, REMOVING_ROWS.byteLength)
  return { table: 'meta', id }
}

export const removingDigest = ({ id }: Pick<Row, 'id'>): Digest =>
  id.slice(REMOVING_ROWS.byteLength)

const decoder = new TextDecoder()
