/** Asks Global for every value and name of an inactive store (R007-151). */
import { equal } from '../../bytes.ts'
import { hasExpired } from '../../index/global/names/naming.ts'
import { decodeBinding, decodeName } from '../../index/records/name-record.ts'
import { decodeKey } from '../../index/records/record.ts'
import type { Row, Table } from '../../store/store.ts'
import type { CallOptions, UploadSummary } from '../node.ts'
import type { ReadableStore } from './readable-store.ts'
import type { Destination } from './destination.ts'

/** Rows read at a time. A row of a value with many names has up to 256 KiB. */
export const PAGE_ROWS = 256

export type Verified = Omit<UploadSummary, 'sentValues' | 'sentBytes'>

export interface VerifyUploadOptions {
  readonly store: ReadableStore
  readonly to: Destination
  readonly call: CallOptions
  /** Repeats a request to Global that failed because Global was away. */
  readonly persist: <T>(ask: () => Promise<T>) => Promise<T>
  readonly onProgress?: (values: number, doneBytes: number) => void
}

export async function verifyUpload(options: VerifyUploadOptions): Promise<Verified> {
  const { store, to, call, persist, onProgress } = options
  let values = 0
  let valueBytes = 0
  let missingValues = 0
  let seenBytes = 0
  for await (const rows of pagesOf(store, 'keys')) {
    const known = await persist(() =>
      to.has(
        rows.map(({ id }) => id),
        call,
      ),
    )
    for (const [index, row] of rows.entries()) {
      const { size } = decodeKey(row)
      seenBytes += size
      if (known[index] === true) {
        values++
        valueBytes += size
      } else missingValues++
    }
    onProgress?.(values + missingValues, seenBytes)
  }
  let names = 0
  let missingNames = 0
  for await (const rows of pagesOf(store, 'names')) {
    const bound = await Promise.all(
      rows.filter(isDue).map(async (row) => {
        const digest = await persist(() => to.lookup(DECODER.decode(row.id), call))
        return digest !== undefined && equal(digest, decodeName(row))
      }),
    )
    const found = bound.filter(Boolean).length
    names += found
    missingNames += bound.length - found
    onProgress?.(values + missingValues, seenBytes)
  }
  return { values, valueBytes, names, missingValues, missingNames }
}

/** Every row of a table, a page at a time. */
export async function* pagesOf(
  store: ReadableStore,
  table: Table,
): AsyncGenerator<readonly Row[], void, undefined> {
  let after: Uint8Array | undefined
  for (;;) {
    const from = after === undefined ? {} : { after }
    const rows = await store.scan(table, { ...from, limit: PAGE_ROWS })
    if (rows.length > 0) yield rows
    if (rows.length < PAGE_ROWS) return
    after = rows.at(-1)!.id
  }
}

/** A name that has expired is not bound at Global, or about to be unbound. */
const isDue = (row: Row): boolean => !hasExpired(decodeBinding(row), Date.now())

const DECODER = new TextDecoder()
