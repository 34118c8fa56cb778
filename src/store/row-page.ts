/** Rows of a table in one piece of memory, for lists that are too long for an object a row. */
import type { Row, RowPage } from './store.ts'

/**
 * Bytes after which a page ends, whatever its limit: a row may have a megabyte. A page holds at
 * most this and one row more.
 */
export const ROW_PAGE_BYTES: number = 262_144

/** Collects rows. It keeps its memory, and can be used again after `take`. */
export class RowPageWriter {
  #bytes = new Uint8Array(32_768)
  #ends = new Uint32Array(256)
  #at = 0
  #ended = 0

  /** Numbers of bytes and complete rows so far. */
  get size(): number {
    return this.#at
  }

  get count(): number {
    return this.#ended >> 1
  }

  /** Forgets what it has. */
  clear(): void {
    this.#at = 0
    this.#ended = 0
  }

  /** Appends an id or a value, in turn: the bytes of `from` from `start` to before `end`. */
  append(from: Uint8Array, start: number, end: number): void {
    const bytes = this.#withRoom(end - start)
    let at = this.#at
    // Faster than `set` with a view for the few bytes that most rows have.
    for (let i = start; i < end; i++) bytes[at++] = from[i]!
    this.#at = at
    if (this.#ended === this.#ends.length) this.#ends = grown(this.#ends, Uint32Array, 1)
    this.#ends[this.#ended++] = at
  }

  /** The first `count` rows. */
  take(count: number, more: boolean): RowPage {
    const ends = this.#ends.slice(0, 2 * count)
    return { count, bytes: this.#bytes.slice(0, ends.at(-1) ?? 0), ends, more }
  }

  #withRoom(bytes: number): Uint8Array {
    const needed = this.#at + bytes
    if (needed > this.#bytes.length) this.#bytes = grown(this.#bytes, Uint8Array, needed)
    return this.#bytes
  }
}

/** The first rows, at most `limit`. */
export function firstRows(rows: Iterable<Row>, limit: number): Row[] {
  const first: Row[] = []
  for (const row of rows) {
    if (first.length === limit) break
    first.push(row)
  }
  return first
}

/** The page of these rows, at most `limit` of them. */
export function pageOfRows(rows: Iterable<Row>, limit: number): RowPage {
  const writer = new RowPageWriter()
  for (const { id, value } of rows) {
    if (isFull(writer, limit)) return writer.take(writer.count, true)
    writer.append(id, 0, id.byteLength)
    writer.append(value, 0, value.byteLength)
  }
  return writer.take(writer.count, false)
}

/** Whether a page takes no further row. */
export function isFull({ count, size }: RowPageWriter, limit: number): boolean {
  return count >= limit || size >= ROW_PAGE_BYTES
}

function grown<T extends Uint8Array | Uint32Array>(
  old: T,
  Type: new (length: number) => T,
  least: number,
): T {
  const larger = new Type(Math.max(2 * old.length, least))
  larger.set(old)
  return larger
}
