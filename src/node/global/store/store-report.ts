/** What `status` tells of the store of a Global or standalone node. */
import { MISSING_ROW } from '../../../index/records/tree-record.ts'
import type { Store } from '../../../store/store.ts'
import { decodeCounter } from '../../../store/counters.ts'
import type { StoreStatus } from '../../node-status.ts'

export async function storeReport(store: Store): Promise<StoreStatus> {
  const { headroomBytes = Infinity, archived: _, ...usage } = await store.usage()
  const { kind } = store
  const headroom = Math.min(headroomBytes, (await store.freeBytes()) ?? Infinity)
  const seq = await store.lastSeq()
  const missingHeld = decodeCounter((await store.rows([MISSING_ROW]))[0]?.value)
  return {
    kind,
    durable: kind !== 'memory',
    ...usage,
    headroomBytes: headroom === Infinity ? undefined : headroom,
    seq,
    ...(missingHeld > 0 && { missingHeld }),
  }
}
