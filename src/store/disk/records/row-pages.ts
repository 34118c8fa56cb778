/**
 * Reads pages of rows out of LMDB. A handle of its own for the table copies each id and each value
 * straight into the page: no object for a row, which takes most of the time of a long list.
 */
import type { Database as LmdbTable, RootDatabase } from 'lmdb'
import { RowPageWriter, isFull } from '../../row-page.ts'
import type { RowPage } from '../../store.ts'

/** Bytes of the version before the value of a row. */
const VERSION_BYTES = 8

/** Bytes of the table before the id of a row. */
const TABLE_BYTES = 1

export class RowPages {
  readonly #table: LmdbTable<0, Uint8Array>
  readonly #writer = new RowPageWriter()

  constructor(root: RootDatabase<Buffer, Uint8Array>, name: string) {
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
    let wasFull = isFull(writer, limit)
    for (const _ of this.#table.getRange({ start, end })) {
      // This row only shows that more follow.
      if (wasFull) return writer.take(writer.count - 1, true)
      wasFull = isFull(writer, limit)
    }
    return writer.take(writer.count, false)
  }
}
