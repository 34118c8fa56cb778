/** What the store has, and what it keeps without a name (specs/004-index.md, R004-164). */
import { setImmediate as turn } from 'node:timers/promises'
import type { Contents, StoreContents } from '../../../index/message.ts'
import { decodeKey } from '../../../index/records/record.ts'
import { BATCH_ITEMS, DIGEST_BYTES, LIST_ROWS } from '../../../limits.ts'
import type { Store } from '../../../store/store.ts'

/** Usage, and what is kept without a name among the next keys. */
export async function contentsOf(
  store: Store,
  { after }: Pick<Contents, 'after'>,
): Promise<StoreContents> {
  const { values, valueBytes, unfinishedBytes, quotaBytes, headroomBytes } = await store.usage()
  const free = await store.freeBytes()
  const headroom = Math.min(headroomBytes ?? Infinity, free ?? Infinity)
  const { next, ...unnamed } = await unnamedAfter(store, after)
  return {
    type: 'store-contents',
    durable: store.kind !== 'memory',
    values,
    valueBytes,
    unfinishedBytes,
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(headroom !== Infinity && { headroomBytes: headroom }),
    ...unnamed,
    ...(next !== undefined && { next }),
  }
}

async function unnamedAfter(
  store: Store,
  start: Uint8Array | undefined,
): Promise<Pick<StoreContents, 'unnamedValues' | 'unnamedBytes' | 'next'>> {
  let unnamedValues = 0
  let unnamedBytes = 0
  let next = start
  for (let examined = 0; examined < LIST_ROWS; examined += BATCH_ITEMS) {
    const from = next === undefined ? {} : { after: next }
    const { count, bytes, ends, more } = await store.page('keys', { ...from, limit: BATCH_ITEMS })
    for (let i = 0, at = 0; i < count; i++) {
      const idEnd = ends[2 * i]!
      const end = ends[2 * i + 1]!
      const id = bytes.subarray(at, idEnd)
      const record = decodeKey({ id, version: 0, value: bytes.subarray(idEnd, end) })
      at = end
      if (record.names > 0 || !record.unnamed) continue
      unnamedValues++
      unnamedBytes += record.directory?.size ?? record.size
    }
    if (!more) return { unnamedValues, unnamedBytes }
    const last = ends[2 * count - 2]!
    next = bytes.slice(last - DIGEST_BYTES, last)
    await turn()
  }
  return { unnamedValues, unnamedBytes, ...(next !== undefined && { next }) }
}
