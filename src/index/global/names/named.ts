/**
 * The names of a key (specs/004-index.md, R004-115 to R004-117): a row for each, and their number
 * in the row of the key. A row of an earlier version lists its names; the next change of its names
 * gives each a row of its own.
 */
import { NAMES_PER_CHANGE } from '../../../limits.ts'
import type { Write } from '../../../store/store.ts'
import type { Digest } from '../../message.ts'
import { namedRow, namedRows, nameIn } from '../../records/name-record.ts'
import { encodeKey, keyRow, nameRow, type KeyRecord } from '../../records/record.ts'
import type { Rows, Scan } from '../plan.ts'

/** What a change of the names of a key makes of its record, and the writes of all of it. */
export interface Renamed {
  readonly found: KeyRecord
  readonly writes: readonly Write[]
}

const IS_NAMED = Uint8Array.of(1)

/** The key gets a name that it did not have. */
export function withName(
  digest: Digest,
  { listed = [], ...found }: KeyRecord,
  name: string,
): Renamed {
  const record = { ...found, names: found.names + 1 }
  return {
    found: record,
    writes: [
      { key: keyRow(digest), value: encodeKey(record) },
      ...[...listed, name].map((one) => ({ key: namedRow(digest, one), value: IS_NAMED })),
    ],
  }
}

/** The key loses names that it has. The rows of the names themselves are not among the writes. */
export function withoutNames(
  digest: Digest,
  { listed = [], ...found }: KeyRecord,
  names: readonly string[],
): Renamed {
  const gone = new Set(names)
  const record = { ...found, names: found.names - gone.size }
  const kept = listed.filter((one) => !gone.has(one))
  return {
    found: record,
    writes: [
      { key: keyRow(digest), value: encodeKey(record) },
      ...kept.map((one) => ({ key: namedRow(digest, one), value: IS_NAMED })),
      ...names.map((one) => ({ key: namedRow(digest, one), value: undefined })),
    ],
  }
}

/** The first name of a new key. */
export const firstName = (digest: Digest, name: string): Write => ({
  key: namedRow(digest, name),
  value: IS_NAMED,
})

/** The writes that unbind all names of a key, which is removed with them. */
export const namesGone = (digest: Digest, names: readonly string[]): Write[] =>
  names.flatMap((name) => [
    { key: nameRow(name), value: undefined },
    { key: namedRow(digest, name), value: undefined },
  ])

/** Names of a key that begin with `prefix`, at most `limit`: which of them is not certain. */
export function* someNames(
  digest: Digest,
  { names, listed = [] }: Pick<KeyRecord, 'names' | 'listed'>,
  limit: number,
  prefix = '',
): Generator<Scan, readonly string[], Rows> {
  const wanted = Math.min(names, limit)
  const known = listed.filter((name) => name.startsWith(prefix))
  if (known.length >= wanted) return known.slice(0, wanted)
  const rows = yield scanOf(digest, wanted - known.length, prefix)
  return [...known, ...rows.map((row) => nameIn(row!))]
}

/** The rows of names of a key, as many as one change may unbind. */
export const scanOf = (digest: Digest, limit: number = NAMES_PER_CHANGE, prefix = ''): Scan => ({
  type: 'scan',
  table: 'meta',
  prefix: namedRows(digest, prefix),
  after: undefined,
  limit,
})
