/** The names of a key, out of a store. */
import { nameIn, namedRows } from '../../../index/records/name-record.ts'
import type { KeyRecord } from '../../../index/records/record.ts'
import { BATCH_ITEMS } from '../../../limits.ts'
import type { Store } from '../../../store/store.ts'

/** At most `limit` names of the key with this record, of those that begin with `below`. */
export async function keyNames(
  store: Pick<Store, 'scan'>,
  digest: Uint8Array,
  { names, listed = [] }: Pick<KeyRecord, 'names' | 'listed'>,
  { limit = Infinity, below = '' }: { readonly limit?: number; readonly below?: string } = {},
): Promise<string[]> {
  const all = listed.filter((name) => name.startsWith(below))
  const prefix = namedRows(digest, below)
  let after: Uint8Array | undefined
  while (all.length < Math.min(names, limit)) {
    const page = { prefix, limit: BATCH_ITEMS, ...(after && { after }) }
    const rows = await store.scan('meta', page)
    all.push(...rows.map(nameIn))
    if (rows.length < BATCH_ITEMS) break
    after = rows.at(-1)!.id
  }
  return all.slice(0, limit)
}
