/**
 * What the rows of an index say of trees, read without the index: the simulation compares it with
 * what has to be (specs/004-index.md, "Rules: directories").
 */
import { decodeBinding } from '../../../src/index/records/name-record.ts'
import { decodeKey } from '../../../src/index/records/record.ts'
import { HOLD_ROWS } from '../../../src/index/records/tree-record.ts'
import { HOLD_ID_BYTES } from '../../../src/limits.ts'
import { nameBytes } from '../../../src/index/name.ts'
import { decodeCounter } from '../../../src/store/counters.ts'
import type { SimStore } from '../sim-store.ts'
import { DIRECTORIES, FILES, childrenOf } from './universe.ts'
import { sorted, type Summary } from './tree-model.ts'

const TOKENS = [...FILES, ...DIRECTORIES]

const decoder = new TextDecoder()

export interface TreeRows extends Summary {
  /** Directories that hold this, by the rows of those directories. */
  readonly trueHeld: ReadonlyMap<number, number>
  readonly heldCounts: ReadonlyMap<number, number>
  readonly keptCounts: ReadonlyMap<number, number>
  /** Removals that go on, edges that are half counted, holds and what they keep. */
  readonly cascades: number
  readonly adding: number
  readonly holds: number
  /** Records of holds that have ended. */
  readonly releasing: number
}

/** The counters under a prefix, by token. */
function counters(store: SimStore, prefix: string): Map<number, number> {
  const rows = store.scan('meta', nameBytes(prefix))
  return new Map(rows.map((row) => [row.id.at(-1)!, decodeCounter(row.value)]))
}

const countRows = (store: SimStore, prefix: string): number =>
  store.scan('meta', nameBytes(prefix)).length

/** Is it a record of a hold that has ended? */
function isReleasing(store: SimStore, id: Uint8Array): boolean {
  const hold = id.subarray(0, HOLD_ROWS.byteLength + HOLD_ID_BYTES)
  return store.get({ table: 'meta', id: hold }) === undefined
}

export function treeRows(store: SimStore): TreeRows {
  const keys = new Map(
    store.scan('keys', new Uint8Array()).map((row) => [row.id[0]!, decodeKey(row)] as const),
  )
  const made = [...keys].filter(([, { directory }]) => directory !== undefined)
  const trueHeld = new Map<number, number>()
  for (const [token] of made) {
    for (const child of childrenOf(token)) trueHeld.set(child, (trueHeld.get(child) ?? 0) + 1)
  }
  const holds = store.scan('meta', HOLD_ROWS)
  const heldCounts = counters(store, 'held/')
  const keptCounts = counters(store, 'kept/')
  const names = store.scan('names', new Uint8Array()).map((row) => {
    const { digest, directory } = decodeBinding(row)
    return `${decoder.decode(row.id)}: ${digest[0]!}${directory ? '/' : ''}`
  })
  return {
    exists: sorted(keys.keys()),
    made: sorted(made.map(([token]) => token)),
    unnamed: sorted([...keys].flatMap(([token, { unnamed }]) => (unnamed ? [token] : []))),
    names: names.toSorted(),
    held: TOKENS.map((token) => `${token}: ${heldCounts.get(token) ?? 0}`),
    inHolds: TOKENS.filter((token) => keptCounts.has(token)),
    missing: countRows(store, 'missing/'),
    trueHeld,
    heldCounts,
    keptCounts,
    cascades: countRows(store, 'cascade/'),
    adding: countRows(store, 'adding/'),
    holds: holds.length,
    releasing: holds.filter(({ id }) => isReleasing(store, id)).length,
  }
}
