/** Pages of keys and of names, read from the store as they are asked for (specs/004-index.md, "Lists"). */
import type { Listed, List, Named, Names } from '../../index/message.ts'
import { nameBytes } from '../../index/name.ts'
import { decodeKey, decodeName } from '../../index/records/record.ts'
import type { Store } from '../../store/store.ts'

export async function listKeys(
  store: Store,
  { after, limit }: Omit<List, 'type'>,
): Promise<Listed> {
  const from = after === undefined ? {} : { after }
  const rows = await store.scan('keys', { ...from, limit: limit + 1 })
  const items = rows.slice(0, limit).map((row) => ({ digest: row.id, size: decodeKey(row).size }))
  return { type: 'listed', items, more: rows.length > limit }
}

export async function listNames(
  store: Store,
  { prefix, after, limit }: Omit<Names, 'type'>,
): Promise<Named> {
  const from = after === undefined ? {} : { after: nameBytes(after) }
  const rows = await store.scan('names', { prefix: nameBytes(prefix), ...from, limit: limit + 1 })
  const items = rows.slice(0, limit).map((row) => ({
    name: decoder.decode(row.id),
    digest: decodeName(row),
  }))
  return { type: 'named', items, more: rows.length > limit }
}

const decoder = new TextDecoder()
