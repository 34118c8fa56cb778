/**
 * Rows of the store that the daemon keeps beside the index, so that the archive has them too. They
 * are written as everything is, and have no log entry.
 */
import type { Archive } from '../../../archive/archive.ts'
import { concat, equal } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { errorOf } from '../../../index/failure.ts'
import { TOKENS } from '../../../limits.ts'
import type { RecordKey, Row, Store } from '../../../store/store.ts'
import type { KeptRows, NodeKept } from './node-kept.ts'
import { unarchived } from './unarchived.ts'

export function keptIn({
  store,
  archive,
  set,
}: {
  readonly store: Store
  readonly archive?: { readonly archive: Pick<Archive, 'lost'> } | undefined
  readonly set?: { readonly elected: Pick<Archive, 'lost'> } | undefined
}): NodeKept | undefined {
  const lost = archive?.archive.lost ?? set?.elected.lost
  return lost && { tokens: keptRows(store, 'token', TOKENS), lost }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The first bytes of the ids of these rows in `meta`. */
export const keptPrefix = (name: string): Uint8Array => encoder.encode(`${name}/`)

/** By id. */
export function keptById(name: string, rows: readonly Row[]): ReadonlyMap<string, Uint8Array> {
  const prefix = keptPrefix(name)
  const own = rows.filter(({ id }) => equal(id.subarray(0, prefix.byteLength), prefix))
  return new Map(
    own.map(({ id, value }) => [decoder.decode(id.subarray(prefix.byteLength)), value]),
  )
}

/** `most`: no more rows are read; there are never more. */
export function keptRows(
  store: Pick<Store, 'scan' | 'commit' | 'archived'>,
  name: string,
  most: number,
): KeptRows {
  const prefix = keptPrefix(name)
  const keyOf = (id: string): RecordKey => ({
    table: 'meta',
    id: concat([prefix, encoder.encode(id)]),
  })
  return {
    all: async () => keptById(name, await store.scan('meta', { prefix, limit: most })),
    write: async (changes) => {
      const writes = [...changes].map(([id, value]) => ({ key: keyOf(id), value }))
      const { ok } = await store.commit({ conditions: [], writes, entry: undefined })
      if (!ok) throw new DstoreError('internal', `the rows of ${name} were not written`)
    },
    archived: async () => {
      const failure = await unarchived(store)
      if (failure !== undefined) throw errorOf(failure)
    },
  }
}
