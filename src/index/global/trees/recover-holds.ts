/** Finds the holds that an earlier run left: open ones, and those whose values are released. */
import { toHex } from '../../../bytes.ts'
import { BATCH_ITEMS } from '../../../limits.ts'
import type { Row } from '../../../store/store.ts'
import { ENDED_ROWS, HOLD_ROWS, afterHold, decodeHold, holdOf } from '../../records/tree-record.ts'
import { scan, type Flow } from './flow.ts'

/** Hears of each, by its id in hex. */
export interface FoundHolds {
  readonly open: (id: string, expiresMs: number) => void
  readonly ended: (id: string) => void
}

/** Rows of holds and of what they keep that are read at once: a record has up to 32 KiB. */
const PAGE = 64

/** What follows the id of a hold in the id of one of its records: a slash and two numbers. */
const RECORD_BYTES = 17

export function* holdsLeft({ open, ended }: FoundHolds): Flow<void> {
  let after: Uint8Array | undefined
  for (;;) {
    const rows: readonly Row[] = yield* scan('meta', HOLD_ROWS, PAGE, after)
    for (const row of rows) {
      const hold = holdOf(row, HOLD_ROWS)
      if (hold !== undefined) open(toHex(hold), decodeHold(row).expiresMs)
    }
    const last = rows.at(-1)
    if (last === undefined) break
    // The records of a hold are many, and those of one that has ended have no row before them.
    const id = holdOf(last, HOLD_ROWS) ?? last.id.subarray(HOLD_ROWS.byteLength, -RECORD_BYTES)
    after = afterHold(id)
  }
  after = undefined
  for (;;) {
    const rows: readonly Row[] = yield* scan('meta', ENDED_ROWS, BATCH_ITEMS, after)
    for (const row of rows) ended(toHex(holdOf(row, ENDED_ROWS)!))
    if (rows.length < BATCH_ITEMS) return
    after = rows.at(-1)!.id
  }
}
