/**
 * Reads pages of rows out of LMDB. A handle of its own for the table copies each id and each value
 * straight into the page: no object for a row, which takes most of the time of a long list.
 */
import type { Database as LmdbTable, RootDatabase } from 'lmdb'
import { RowPageWriter, isFull } from '../../row-page.ts'
import type { RowPage, Table } from '../../store.ts'
import { justAfter, recordId } from './row-keys.ts'

/** A row that was written, or deleted with `value: undefined`. */
export interface RowChange {
  readonly id: Uint8Array
  readonly version: number
  readonly value: Uint8Array | undefined
}

/** Keys of rows of one table, from `start` to before `end`. */
export interface RowRange {
  readonly table: Table
  readonly start: Uint8Array
  readonly end: Uint8Array
}

/** Bytes of the version before the value of a row. */
const VERSION_BYTES = 8

/** Bytes of the table before the id of a row. */
const TABLE_BYTES = 1

export class RowPages {
  readonly #table: LmdbTable<0, Uint8Array>
  readonly #keys: LmdbTable<Buffer, Uint8Array>
  readonly #writer = new RowPageWriter()

  /** `keys` is the table under this name, as one with keys to read. */
  constructor(
    root: RootDatabase<Buffer, Uint8Array>,
    name: string,
    keys: LmdbTable<Buffer, Uint8Array>,
  ) {
    this.#keys = keys
    const writer = this.#writer
    // The iterator calls `readKey`, then `decode`, with memory that the next row overwrites.
    this.#table = root.openDB<0, Uint8Array>(name, {
      encoding: 'binary',
      encoder: {
        encode: () => {
          throw new TypeError('this handle only reads')
        },
        decode: (bytes: Uint8Array, size: number) => {
          writer.append(bytes, VERSION_BYTES, size)
          return 0
        },
      },
      keyEncoder: {
        writeKey: (key: Uint8Array, target: Uint8Array, start: number) => {
          target.set(key, start)
          return start + key.byteLength
        },
        readKey: (source: Uint8Array, start: number, end: number) => {
          writer.append(source, start + TABLE_BYTES, end)
          return 0
        },
      },
    } as unknown as Parameters<typeof root.openDB>[1])
  }

  /** The rows from `start` to before `end`, at most `limit`. */
  read(start: Uint8Array, end: Uint8Array, limit: number): RowPage {
    const writer = this.#writer
    writer.clear()
    return this.#fill(start, end, limit) ?? writer.take(writer.count, false)
  }

  /**
   * The rows of a range as these changes leave them, which are in the order of their ids: LMDB's
   * rows between two changes are copied as they are.
   */
  readChanged(
    { table, start, end }: RowRange,
    limit: number,
    changes: Iterable<RowChange>,
  ): RowPage {
    const writer = this.#writer
    writer.clear()
    let from = start
    // Where many changes follow each other, LMDB need not be asked between each two.
    let next = this.#firstKey(from, end)
    for (const { id, value } of changes) {
      const key = Buffer.from(recordId(table, id))
      const order = next === undefined ? 1 : Buffer.compare(next, key)
      const page = order < 0 ? this.#fill(from, key, limit) : undefined
      if (page !== undefined) return page
      from = justAfter(key)
      if (order <= 0) next = this.#firstKey(from, end)
      if (value === undefined) continue
      if (isFull(writer, limit)) return writer.take(writer.count, true)
      writer.append(id, 0, id.byteLength)
      writer.append(value, 0, value.byteLength)
    }
    return this.#fill(from, end, limit) ?? writer.take(writer.count, false)
  }

  /** Appends rows to the page; returns it if it is full and more follow. */
  #fill(start: Uint8Array, end: Uint8Array, limit: number): RowPage | undefined {
    const writer = this.#writer
    let wasFull = isFull(writer, limit)
    for (const _ of this.#table.getRange({ start, end })) {
      // This row only shows that more follow.
      if (wasFull) return writer.take(writer.count - 1, true)
      wasFull = isFull(writer, limit)
    }
    return undefined
  }

  #firstKey(start: Uint8Array, end: Uint8Array): Uint8Array | undefined {
    for (const key of this.#keys.getKeys({ start, end, limit: 1 })) return key
    return undefined
  }
}
