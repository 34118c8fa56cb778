/**
 * Holds: they keep the values of a tree on its way in until its root is committed
 * (specs/004-index.md, R004-88 to R004-92). What one message puts or finds is recorded in the
 * transaction before it, so that no value is ever there without anything that keeps it.
 */
import { DstoreError } from '../../../errors.ts'
import { HOLD_MS } from '../../../limits.ts'
import type { Condition, Write } from '../../../store/store.ts'
import type { Digest, Offer, Offered, PresentItem, Receipt } from '../../message.ts'
import { decodeKey, encodeKey, keyRow, removedRow, type KeyRecord } from '../../records/record.ts'
import {
  decodeHold,
  encodeHeld,
  encodeHold,
  endedRow,
  heldRecordRow,
  holdRow,
  keptRow,
  missingRow,
} from '../../records/tree-record.ts'
import type { Rules } from '../../rules.ts'
import type { Attempt, Rows, Sealed } from '../plan.ts'
import type { NamingContext } from '../names/bind-plan.ts'
import { lastGroup } from '../put-plans.ts'
import { attempt, attemptAll, inspect, read, unchanged, type Flow } from './flow.ts'
import { madeWhole } from './missing.ts'

/** What flows under holds know beside the rows. */
export interface HoldContext {
  readonly rules: Rules
  /** Children that one transaction counts. */
  readonly batchItems: number
  /** Wall clock, whole milliseconds. */
  readonly wallMs: () => number
  /** A number for the record of a message; with `run` it is unique in the store. */
  readonly nextNumber: () => number
  /** The seq that began this run. */
  readonly run: number
  /** The hold is open, and was renewed. */
  readonly opened: (hold: Uint8Array, expiresMs: number) => void
  /** Some key may be held by a directory and missing. */
  readonly mayLack: () => boolean
  readonly mayBeDamaged: () => boolean
  readonly naming: Omit<NamingContext, 'lookup'>
  /** A sealed value is not needed. */
  readonly discard: (location: string) => void
}

/** A hold is renewed once it has less than this left, so not by every message. */
const RENEW_BELOW_MS = HOLD_MS * 0.75

export const holdEnded = (): DstoreError =>
  new DstoreError('not-found', 'the hold has ended', {
    hint: 'begin the put again: what is stored already is found',
  })

/** Opens a hold, or renews it. Throws `not-found` for one that has ended. */
export function* openHold(hold: Uint8Array, context: HoldContext): Flow<void> {
  const expiresMs = context.wallMs() + HOLD_MS
  const write = { key: holdRow(hold), value: encodeHold({ expiresMs }) }
  // What it kept before is being released: under the same id nothing new may be kept.
  const conditions = [{ key: endedRow(hold), version: 0 }]
  if ((yield* attempt({ conditions, writes: [write] })) === undefined) throw holdEnded()
  context.opened(hold, expiresMs)
}

/**
 * The transaction that records that a hold keeps these keys. Its conditions: the hold is open, and
 * what was found is still there.
 */
export function recordOf(
  hold: Uint8Array,
  digests: readonly Digest[],
  conditions: readonly Condition[],
  context: HoldContext,
): Attempt & { readonly record: Condition } {
  const key = heldRecordRow(hold, context.run, context.nextNumber())
  return {
    conditions: [{ present: holdRow(hold) }, ...(context.rules.foundIsThere ? conditions : [])],
    writes: [{ key, value: encodeHeld({ digests, released: false }) }],
    increments: digests.map((digest) => ({ key: keptRow(digest), by: 1 })),
    record: { present: key },
  }
}

/** The row of an open hold, renewed if it is time; throws `not-found` if it has ended. */
export function renewal(
  hold: Uint8Array,
  row: Rows[number],
  context: HoldContext,
): readonly Write[] {
  if (row === undefined) throw holdEnded()
  const { expiresMs } = decodeHold(row)
  const now = context.wallMs()
  if (expiresMs - now > RENEW_BELOW_MS && expiresMs - now <= HOLD_MS) return []
  context.opened(hold, now + HOLD_MS)
  return [{ key: holdRow(hold), value: encodeHold({ expiresMs: now + HOLD_MS }) }]
}

/**
 * Renews a hold for a request that records nothing. False if the hold ended meanwhile: then the
 * request is to be decided again.
 */
export function* renew(hold: Uint8Array, renewed: readonly Write[]): Flow<boolean> {
  if (renewed.length === 0) return true
  const conditions = [{ present: holdRow(hold) }]
  return (yield* attempt({ conditions, writes: renewed })) !== undefined
}

/** Puts sealed values under a hold. */
export function* putHeld(
  hold: Uint8Array,
  values: readonly Sealed[],
  context: HoldContext,
): Flow<Receipt[]> {
  const receipts: Receipt[] = []
  const adopted = new Set<string>()
  try {
    let left = values.map((value, at) => ({ value, at }))
    while (left.length > 0) {
      const some = yield* putSome(
        hold,
        left.map(({ value }) => value),
        context,
      )
      const again: typeof left = []
      left.forEach((one, i) => {
        const receipt = some[i]
        if (receipt === undefined) return void again.push(one)
        receipts[one.at] = receipt
        if (!receipt.existed) adopted.add(one.value.location)
      })
      left = again
    }
    return receipts
  } finally {
    for (const { location } of values) if (!adopted.has(location)) context.discard(location)
  }
}

/** Gives the receipts of those that were put, or that exist; the others are to be decided again. */
function* putSome(
  hold: Uint8Array,
  values: readonly Sealed[],
  context: HoldContext,
): Flow<(Receipt | undefined)[]> {
  const keys = values.map(({ digest }) => keyRow(digest))
  const mayLack = context.mayLack()
  const lacking = mayLack ? values.map(({ digest }) => missingRow(digest)) : []
  const [holder, ...rows] = yield* read([holdRow(hold), ...keys, ...lacking])
  // It may be a removal of one of these that is the reason, and that came before the look-up.
  if (!mayLack && context.mayLack()) return values.map(() => undefined)
  const renewed = renewal(hold, holder, context)
  const stillThere = keys.filter((_, i) => rows[i] !== undefined).map((present) => ({ present }))
  const digests = values.map(({ digest }) => digest)
  const { record, ...first } = recordOf(hold, digests, stillThere, context)
  const puts = values.flatMap((value, i): Attempt[] => {
    if (rows[i] !== undefined) return []
    const isNew = { key: keys[i]!, version: 0 }
    const conditions = context.rules.recordedFirst ? [isNew, record] : [isNew]
    return [putOf(value, conditions, rows[values.length + i])]
  })
  const [isRecorded, ...seqs] = yield* attemptAll([
    { ...first, writes: [...first.writes, ...renewed] },
    ...puts,
  ])
  // The hold ended meanwhile, or something that was found is gone.
  if (isRecorded === undefined) return values.map(() => undefined)
  let next = 0
  return values.map(({ digest, size }, i) => {
    const row = rows[i]
    if (row !== undefined) {
      return { digest, size, incarnation: decodeKey(row).incarnation, existed: true }
    }
    const incarnation = seqs[next++]
    return incarnation === undefined ? undefined : { digest, size, incarnation, existed: false }
  })
}

function putOf(
  { digest, size, location }: Sealed,
  conditions: readonly Condition[],
  missing: Rows[number],
): Attempt {
  const made = madeWhole(digest, missing, false)
  return {
    conditions: [...conditions, ...made.conditions],
    change: { type: 'put', digest, size, names: [] },
    writes: [
      { key: keyRow(digest), value: encodeKey({ size, location, names: 0, unnamed: false }) },
      { key: removedRow(digest), value: undefined },
      ...made.writes,
    ],
    increments: made.increments,
    adopt: [location],
  }
}

/** Which of these exist? The hold keeps those that do. */
export function* present(
  hold: Uint8Array,
  items: readonly PresentItem[],
  context: HoldContext,
): Flow<boolean[]> {
  for (;;) {
    const keys = items.map(({ digest }) => keyRow(digest))
    const [holder, ...rows] = yield* read([holdRow(hold), ...keys])
    const renewed = renewal(hold, holder, context)
    const exists = items.map(({ directory }, i) => {
      const row = rows[i]
      return row !== undefined && (!directory || decodeKey(row).directory !== undefined)
    })
    if (context.mayBeDamaged()) {
      // A put of such a value mends it.
      for (const [i, { digest }] of items.entries()) {
        if (!exists[i]) continue
        const { location } = decodeKey(rows[i]!)
        exists[i] = !(yield* inspect({ digest, location })).isDamaged
      }
    }
    const found = items.filter((_, i) => exists[i])
    if (found.length === 0) {
      if (yield* renew(hold, renewed)) return exists
      continue
    }
    // A directory might be removed and its bytes put again; bytes stay what they are.
    const conditions = items.flatMap(({ directory }, i): Condition[] => {
      if (!exists[i]) return []
      return [directory ? unchanged(keys[i]!, rows[i]) : { present: keys[i]! }]
    })
    const digests = found.map(({ digest }) => digest)
    const { record: _, ...one } = recordOf(hold, digests, conditions, context)
    const seq = yield* attempt({ ...one, writes: [...one.writes, ...renewed] })
    if (seq !== undefined) return exists
  }
}

/** May this large value be sent? One that exists and is whole is kept by the hold. */
export function* offerHeld(
  { digest, size }: Offer,
  hold: Uint8Array,
  context: HoldContext,
): Flow<Offered> {
  for (;;) {
    const key = keyRow(digest)
    const [holder, row] = yield* read([holdRow(hold), key])
    const renewed = renewal(hold, holder, context)
    const found: KeyRecord | undefined = row && decodeKey(row)
    const { isDamaged, keptBytes } = yield* inspect({ digest, location: found?.location })
    if (found === undefined || isDamaged) {
      if (!(yield* renew(hold, renewed))) continue
      const sendFrom = Math.min(keptBytes, lastGroup(size))
      return { type: 'offered', have: undefined, sendFrom }
    }
    const { record: _, ...one } = recordOf(hold, [digest], [{ present: key }], context)
    const seq = yield* attempt({ ...one, writes: [...one.writes, ...renewed] })
    if (seq === undefined) continue
    const { incarnation } = found
    return {
      type: 'offered',
      have: { digest, size: found.size, incarnation, existed: true },
      sendFrom: 0,
    }
  }
}
