/** All rows of a table, a page at a time. */
import { BATCH_ITEMS } from '../../../limits.ts'
import type { Row, Store, Table } from '../../../store/store.ts'

const NONE = new Uint8Array(0)

/** Rows whose ids begin with the prefix, from after `from` on, each page as it is at its moment. */
export async function* rowsOf(
  store: Pick<Store, 'scan'>,
  table: Table,
  prefix: Uint8Array = NONE,
  from?: Uint8Array,
): AsyncGenerator<Row, void, undefined> {
  let after = from
  for (;;) {
    const options = { prefix, limit: BATCH_ITEMS, ...(after && { after }) }
    const rows = await store.scan(table, options)
    yield* rows
    if (rows.length < BATCH_ITEMS) return
    after = rows.at(-1)!.id
    // A store may answer at once, every time: others have to get their turns.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
