/** Waits for what Global's index does in the background. */
import { toHex } from '../../../src/bytes.ts'
import { CASCADE_ROWS, HOLD_ROWS, holdOf } from '../../../src/index/records/tree-record.ts'
import { HOLD_ID_BYTES } from '../../../src/limits.ts'
import type { Store } from '../../../src/store/store.ts'
import { eventually } from '../../eventually.ts'

/** Resolves once no removal goes on, and nothing of a hold that has ended is left. */
export async function settled(store: Pick<Store, 'scan'>): Promise<void> {
  await eventually(async () => {
    if ((await store.scan('meta', { prefix: CASCADE_ROWS, limit: 1 })).length > 0) return false
    const rows = await store.scan('meta', { prefix: HOLD_ROWS, limit: 1_000_000 })
    const open = new Set(rows.flatMap((row) => holdOf(row, HOLD_ROWS) ?? []).map(toHex))
    const from = HOLD_ROWS.byteLength
    return rows.every(({ id }) => open.has(toHex(id.subarray(from, from + HOLD_ID_BYTES))))
  })
}
