/**
 * The end of a hold: its values are released, and those removed that nothing else keeps
 * (specs/004-index.md, R004-91 and R004-92). It goes on after a crash where it stopped.
 */
import { DstoreError } from '../../../errors.ts'
import { decodeCounter } from '../../../store/counters.ts'
import type { Digest } from '../../message.ts'
import { decodeKey, keyRow } from '../../records/record.ts'
import {
  UNCOUNTED_ROW,
  addingRow,
  decodeAdding,
  decodeHeld,
  decodeHold,
  encodeAdding,
  encodeEnded,
  encodeHeld,
  endedRow,
  heldRecords,
  heldRow,
  holdRow,
  keptRow,
} from '../../records/tree-record.ts'
import { collect, nextDown, type CollectOptions } from './collect.ts'
import { attempt, childrenOf, read, scan, unchanged, type Flow } from './flow.ts'

/** Ends a hold without a tree. Has it ended, now or before? One that was never open has not. */
export function* endHold(hold: Uint8Array): Flow<boolean> {
  const seq = yield* attempt({
    conditions: [{ present: holdRow(hold) }],
    writes: [
      { key: holdRow(hold), value: undefined },
      { key: endedRow(hold), value: encodeEnded(undefined) },
    ],
  })
  if (seq !== undefined) return true
  const [ended] = yield* read([endedRow(hold)])
  return ended !== undefined
}

/**
 * Ends a hold that was not used until this wall time. Gives the time when it expires if it was
 * renewed meanwhile.
 */
export function* expireHold(hold: Uint8Array, trustedMs: number): Flow<number | undefined> {
  for (;;) {
    const key = holdRow(hold)
    const [row] = yield* read([key])
    if (row === undefined) return undefined
    const { expiresMs } = decodeHold(row)
    if (expiresMs > trustedMs) return expiresMs
    const writes = [
      { key, value: undefined },
      { key: endedRow(hold), value: encodeEnded(undefined) },
    ]
    if ((yield* attempt({ conditions: [unchanged(key, row)], writes })) !== undefined) {
      return undefined
    }
  }
}

/** Releases all that a hold kept, which has ended. */
export function* releaseAll(hold: Uint8Array, options: CollectOptions): Flow<void> {
  for (;;) {
    const [row] = yield* scan('meta', heldRecords(hold), 1)
    if (row === undefined) return
    const key = { table: 'meta', id: row.id } as const
    const held = decodeHeld(row)
    const { digests } = held
    if (!held.released) {
      yield* attempt({
        conditions: [unchanged(key, row)],
        writes: [{ key, value: encodeHeld({ ...held, released: true }) }],
        increments: digests.map((digest) => ({ key: keptRow(digest), by: -1 })),
      })
    }
    // Another hold may have counted some of the children, and left that to the last that keeps it.
    const parts = yield* read(digests.map(addingRow))
    const counted = digests.filter((_, i) => parts[i] !== undefined)
    if (options.rules.partsCountedDown) {
      for (const digest of counted) yield* uncountOrGiveUp(digest, options)
    }
    yield* collect(digests, options)
    yield* attempt({ conditions: [], writes: [{ key, value: undefined }] })
  }
}

/** The same as `uncount`; where the value is damaged, its children stay counted. */
function* uncountOrGiveUp(digest: Digest, options: CollectOptions): Flow<void> {
  try {
    yield* uncount(digest, options)
  } catch (error) {
    if (!(error instanceof DstoreError) || error.code !== 'integrity') throw error
    yield* attempt({
      conditions: [{ present: addingRow(digest) }],
      writes: [{ key: addingRow(digest), value: undefined }],
      increments: [{ key: UNCOUNTED_ROW, by: 1 }],
    })
  }
}

/**
 * Counts the children of a directory down of which only some are counted, unless a hold keeps it:
 * then the put under that hold continues.
 */
function* uncount(digest: Digest, options: CollectOptions): Flow<void> {
  const keys = [keyRow(digest), addingRow(digest), keptRow(digest)]
  for (;;) {
    const rows = yield* read(keys)
    const [row, adding, kept] = rows
    // With the key its cascade took over what is counted.
    if (row === undefined || adding === undefined) return
    const record = decodeAdding(adding)
    const { upto, unchecked } = record.counted
    const directory = { ...decodeKey(row), digest }
    const conditions = keys.map((key, i) => unchanged(key, rows[i]))
    if (unchecked > upto) {
      const { items } = yield* childrenOf(directory, upto, unchecked - upto)
      yield* collect(
        items.map((child) => child.digest),
        options,
      )
      const counted = { upto, unchecked: upto }
      const value = encodeAdding({ ...record, counted })
      yield* attempt({ conditions, writes: [{ key: addingRow(digest), value }] })
    } else if (decodeCounter(kept?.value) > 0) {
      return
    } else if (upto === 0) {
      yield* attempt({ conditions, writes: [{ key: addingRow(digest), value: undefined }] })
    } else {
      const counted = nextDown(record.counted, options.batchItems)
      const { items } = yield* childrenOf(directory, counted.upto, options.batchItems)
      yield* attempt({
        conditions,
        writes: [{ key: addingRow(digest), value: encodeAdding({ ...record, counted }) }],
        increments: items.map((child) => ({ key: heldRow(child.digest), by: -1 })),
      })
    }
  }
}
