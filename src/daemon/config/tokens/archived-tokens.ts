/**
 * Keeps the tokens of the API in the store's records too, where the store has an archive: so a
 * restore has them, and lacks those that were revoked (specs/011-archive.md, R011-86).
 */
import { decodeUtf8 } from '../../../utf8.ts'
import { DstoreError } from '../../../errors.ts'
import type { KeptRows } from '../../../node/global/archive/node-kept.ts'
import { isRecord, readTokens, writeTokens, type TokenRecord } from './token-file.ts'

/** What a token table does beside its file. */
export interface TokenMirror {
  keep(record: TokenRecord): Promise<void>
  /** Resolves when no restore has the token any more; rejects with `partial` if that is open. */
  drop(id: string): Promise<void>
}

/**
 * Makes file and records equal. The file counts, since it is changed first; after a restore the
 * records do. Errors: as `readTokens` and `writeTokens`; those of a commit; `integrity`.
 */
export async function settleTokens(
  path: string,
  rows: KeptRows,
  isRestored: boolean,
): Promise<TokenMirror> {
  const kept = await rows.all()
  if (isRestored) {
    writeTokens(path, recordsIn(kept))
  } else {
    const inFile = new Map(readTokens(path).map((record) => [record.id, encode(record)]))
    const gone = [...kept.keys()].filter((id) => !inFile.has(id))
    const added = [...inFile].filter(([id, row]) => !isEqual(kept.get(id), row))
    const changes = [...added, ...gone.map((id) => [id, undefined] as const)]
    if (changes.length > 0) await rows.write(new Map(changes))
  }
  return {
    keep: (record) => rows.write(new Map([[record.id, encode(record)]])),
    drop: async (id) => {
      await rows.write(new Map([[id, undefined]]))
      await rows.archived()
    },
  }
}

/** The tokens in rows. Error: `integrity`. */
export const recordsIn = (rows: ReadonlyMap<string, Uint8Array>): TokenRecord[] =>
  [...rows.values()].map(decode)

/** Without the time of its last use, which is only for people. */
function encode(record: TokenRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ ...record, lastUsedAt: undefined }))
}

function decode(row: Uint8Array): TokenRecord {
  try {
    const record: unknown = JSON.parse(decodeUtf8(row) ?? '')
    if (isRecord(record)) return record
  } catch {
    // Reported below.
  }
  throw new DstoreError('integrity', 'a record of a token is damaged', {
    hint: 'make new tokens with `dstore token add`',
  })
}

const isEqual = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && Buffer.compare(one, other) === 0
