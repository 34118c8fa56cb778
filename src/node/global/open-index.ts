/** Reads the index out of the store and begins a run (specs/004-index.md, R004-7). */
import { DstoreError } from '../../errors.ts'
import { GlobalIndex, type GlobalIndexOptions } from '../../index/global/global-index.ts'
import { beginRun } from '../../index/global/recovery.ts'
import { INDEX_ROW, LOCAL_ROWS, WALL_ROW } from '../../index/records/record.ts'
import { RULE_ROWS, RULE_ROWS_MOST } from '../../index/records/rule-record.ts'
import { MEMBERS, REGISTERED_LOCALS, TICKETS } from '../../limits.ts'
import { MEMBER_ROWS, TICKET_ROWS } from '../../membership/record.ts'
import type { Store } from '../../store/store.ts'

export interface OpenIndexOptions extends Pick<
  GlobalIndexOptions,
  'leaseMs' | 'mayRenew' | 'forgetAfterMs' | 'trustClock' | 'addresses' | 'holders' | 'mayBeDamaged'
> {
  readonly store: Store
  /** Elapsed milliseconds that never run ahead of real time: see `grantorClock`. */
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  readonly random: (bytes: number) => Uint8Array
}

export async function openIndex(options: OpenIndexOptions): Promise<GlobalIndex> {
  const { store, random, leaseMs, now, wall } = options
  const [index, trusted] = await store.rows([INDEX_ROW, WALL_ROW])
  const [first] = await store.log(0, 1)
  const lastSeq = await store.lastSeq()
  const [last] = lastSeq === 0 ? [] : await store.log(lastSeq - 1, 1)
  const { transaction, recovered } = beginRun({
    runId: random(16),
    leaseMs,
    atMs: wall(),
    lastSeq,
    firstSeq: first?.seq,
    lastEntry: last?.entry,
    index,
    wall: trusted,
    locals: await store.scan('meta', { prefix: LOCAL_ROWS, limit: REGISTERED_LOCALS }),
    members: await store.scan('meta', { prefix: MEMBER_ROWS, limit: MEMBERS }),
    tickets: await store.scan('meta', { prefix: TICKET_ROWS, limit: 2 * TICKETS }),
    rules: await store.scan('meta', { prefix: RULE_ROWS, limit: RULE_ROWS_MOST }),
  })
  const begun = await store.commit(transaction)
  if (!begun.ok) throw new DstoreError('internal', 'the start of a run was not committed')
  const { mayRenew, forgetAfterMs, trustClock, addresses, holders, mayBeDamaged } = options
  const rest = { leaseMs, mayRenew, forgetAfterMs, trustClock, addresses, holders, mayBeDamaged }
  return new GlobalIndex({ recovered, now: now(), wall, ...rest })
}
