/** The small values that go with an answer of the index, each looked at before it leaves (specs/005, "Rules: damage"). */
import { equal } from '../bytes.ts'
import { hash } from '../hash/hasher.ts'
import type { Inline } from '../index/global/request-plans.ts'
import { INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Repair } from './global/repair.ts'
import { readSmall } from './global/ingest.ts'

/**
 * The small values among these, as many as fit into one answer. One that cannot be read, or is not what its key says,
 * does not go with it: who fetches it is told why.
 */
export async function inlineValues(
  store: Store,
  repair: Repair,
  values: readonly (Inline | undefined)[],
): Promise<(Uint8Array | undefined)[]> {
  let left = INLINE_ANSWER_BYTES
  return Promise.all(
    values.map(async (value) => {
      if (value === undefined || value.size > INLINE_VALUE_BYTES || value.size > left) return
      left -= value.size
      const { digest, location, size } = value
      const bytes = await readSmall(store, location, size).catch(() => undefined)
      // What this process verified and kept in memory has not decayed.
      if (bytes === undefined || store.kind === 'memory') return bytes
      if (equal(hash(bytes).digest, digest)) return bytes
      await repair.damaged(digest, value, 'its bytes are not what its key says')
      return undefined
    }),
  )
}
