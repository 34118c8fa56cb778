/** One digest of everything that every replica of a journal has in its records. */
import type { Database as LmdbTable, RootDatabase } from 'lmdb'
import { createHasher } from '../../../hash/hasher.ts'
import { KIB } from '../../../limits.ts'
import { justAfter, number64 } from './row-keys.ts'

/** Of the records after the entry at this position. */
export interface RowsDigest {
  readonly position: number
  readonly digest: Uint8Array
}

/** A table in the order in which all replicas digest them; its rows from this key on. */
export interface DigestedTable {
  readonly table: LmdbTable<Buffer, Uint8Array>
  readonly from?: Buffer
}

/** Rows read between two turns of the event loop, and about as many bytes. */
const TURN_ROWS = 256
const TURN_BYTES = 256 * KIB

/**
 * The digest of all rows of the tables in a transaction. Each has its lengths before it, and each
 * table begins with a mark, so that no two sets of rows have the same bytes. Error: the signal's
 * reason.
 */
export async function digestOf(
  tables: readonly DigestedTable[],
  transaction: ReturnType<RootDatabase['useReadTransaction']>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  // Only the digest is wanted: large groups make a small tree.
  const hasher = createHasher({ groupBytes: 256 * KIB })
  for (const { table, from } of tables) {
    hasher.update(TABLE)
    for (let start = from; ;) {
      let [rows, bytes] = [0, 0]
      const range = { transaction, limit: TURN_ROWS, ...(start && { start }) }
      for (const { key, value } of table.getRange(range)) {
        hasher.update(number64(key.byteLength))
        hasher.update(number64(value.byteLength))
        hasher.update(key)
        hasher.update(value)
        rows++
        bytes += key.byteLength + value.byteLength
        start = justAfter(key)
        if (bytes >= TURN_BYTES) break
      }
      if (rows < TURN_ROWS && bytes < TURN_BYTES) break
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
    }
  }
  return hasher.finish().digest
}

/** No row begins so: a length of a key is below 2^16. */
const TABLE = new Uint8Array(8).fill(255)
