/**
 * Corrects counts that are wrong (specs/004-index.md, R004-112, R004-113). Each correction is a
 * transaction of its own, and depends on nothing having changed since the count. What nothing keeps
 * then is put under a hold, and so removed at its end.
 */
import { keyRow } from '../../../index/records/record.ts'
import {
  MISSING_ROW,
  MISSING_ROWS,
  UNCOUNTED_ROW,
  decodeMissing,
  encodeHeld,
  encodeMissing,
  heldRecordRow,
  heldRow,
  holdRow,
  keptRow,
  missingRow,
} from '../../../index/records/tree-record.ts'
import { HOLD_ID_BYTES } from '../../../limits.ts'
import { decodeCounter, encodeCounter } from '../../../store/counters.ts'
import { commitParts } from '../../../store/commit-parts.ts'
import type {
  CommitResult,
  Condition,
  Increment,
  RecordKey,
  Row,
  Store,
  VersionCondition,
  Write,
} from '../../../store/store.ts'
import type { Ask } from '../../calls/index-calls.ts'
import type { LooseKey } from './edge-walk.ts'
import type { Count, Keepers } from './range-tally.ts'
import { rowsOf } from './rows.ts'

export interface CorrectionsOptions {
  readonly store: Store
  readonly ask: Ask
  readonly random: (bytes: number) => Uint8Array
  /** Called before and after keys are marked as missing, so that puts look for marks. */
  readonly expectMissing: () => void
}

/** A transaction that writes only `meta`. */
export interface Correction {
  readonly conditions: readonly Condition[]
  readonly writes: readonly Write[]
  readonly increments?: readonly Increment[]
}

export class Corrections {
  readonly #options: CorrectionsOptions
  /** Of what is to be removed, unless something keeps it. */
  #hold: Promise<Uint8Array> | undefined
  #records = 0

  constructor(options: CorrectionsOptions) {
    this.#options = options
  }

  /**
   * Writes the number that was counted, unless the counter has changed since; where it has no row,
   * unless one of the rows has changed that keep the key.
   */
  async count(
    by: Keepers,
    digest: Uint8Array,
    { version, counted }: Count,
    keepers: readonly VersionCondition[],
  ): Promise<Correction> {
    const key = by === 'directories' ? heldRow(digest) : keptRow(digest)
    const value = counted === 0 ? undefined : encodeCounter(counted)
    const correction = {
      conditions: [{ key, version }, ...(version === 0 ? keepers : [])],
      writes: [{ key, value }],
    }
    return counted === 0 ? this.#releasing(digest, correction) : correction
  }

  /** Removes a key that nothing keeps, unless something keeps it by now, or it is gone. */
  remove({ digest, version }: LooseKey): Promise<Correction> {
    return this.#releasing(digest, {
      conditions: [
        { key: keyRow(digest), version },
        { key: heldRow(digest), version: 0 },
        { key: keptRow(digest), version: 0 },
      ],
      writes: [],
    })
  }

  /** Commits each of them whose conditions hold. Returns which they are. */
  async commitAll(corrections: readonly Correction[]): Promise<boolean[]> {
    const transactions = corrections.map((one) => ({ ...one, entry: undefined }))
    const results: CommitResult[] = []
    for (const [first, end] of commitParts(transactions)) {
      results.push(...(await this.#options.store.commitAll(transactions.slice(first, end))))
    }
    return results.map(({ ok }) => ok)
  }

  /** Marks a key that directories hold as missing. False if something has changed since. */
  async markMissing(
    digest: Uint8Array,
    key: Row | undefined,
    asDirectory: boolean,
  ): Promise<boolean> {
    const { expectMissing } = this.#options
    const mark = missingRow(digest)
    expectMissing()
    const isMarked = await this.#commit({
      conditions: [
        unchanged(keyRow(digest), key),
        { key: mark, version: 0 },
        { present: heldRow(digest) },
      ],
      writes: [{ key: mark, value: encodeMissing({ directory: asDirectory }) }],
      increments: [{ key: MISSING_ROW, by: 1 }],
    })
    expectMissing()
    return isMarked
  }

  /** Takes back a mark that is wrong. False if something has changed since. */
  unmarkMissing(digest: Uint8Array, mark: Row, because: VersionCondition): Promise<boolean> {
    return this.#commit({
      conditions: [because, unchanged(missingRow(digest), mark)],
      writes: [{ key: missingRow(digest), value: undefined }],
      increments: [{ key: MISSING_ROW, by: -1 }],
    })
  }

  /** Counts the marks of missing keys. False if one was set or taken back meanwhile. */
  async countMarks(): Promise<boolean> {
    const { store } = this.#options
    const [stated] = await store.rows([MISSING_ROW])
    let counted = 0
    for await (const _ of rowsOf(store, 'meta', MISSING_ROWS)) counted++
    if (decodeCounter(stated?.value) === counted) return true
    const value = counted === 0 ? undefined : encodeCounter(counted)
    return this.#commit({
      conditions: [unchanged(MISSING_ROW, stated)],
      writes: [{ key: MISSING_ROW, value }],
    })
  }

  /** Forgets directories whose children stayed counted, if their number is as it was. */
  async forgetUncounted(before: Row | undefined): Promise<void> {
    if (before === undefined) return
    const conditions = [unchanged(UNCOUNTED_ROW, before)]
    await this.#commit({ conditions, writes: [{ key: UNCOUNTED_ROW, value: undefined }] })
  }

  /** Ends the hold: the index removes what nothing keeps. */
  async end(): Promise<void> {
    const id = await this.#hold?.catch(() => undefined)
    if (id !== undefined) await this.#options.ask({ type: 'hold', id, release: true }, {})
  }

  /** Puts the key under the hold in the same transaction. */
  async #releasing(digest: Uint8Array, { conditions, writes }: Correction): Promise<Correction> {
    const hold = await (this.#hold ??= this.#open())
    const record: Write = {
      key: heldRecordRow(hold, 0, this.#records++),
      value: encodeHeld({ digests: [digest], released: false }),
    }
    return {
      conditions: [{ present: holdRow(hold) }, ...conditions],
      writes: [...writes, record],
      increments: [{ key: keptRow(digest), by: 1 }],
    }
  }

  async #open(): Promise<Uint8Array> {
    const id = this.#options.random(HOLD_ID_BYTES)
    await this.#options.ask({ type: 'hold', id, release: false }, {})
    return id
  }

  async #commit(correction: Correction): Promise<boolean> {
    const { ok } = await this.#options.store.commit({ ...correction, entry: undefined })
    return ok
  }
}

/** Is the key whole again, as what the mark says it was? */
export function isWhole(mark: Row, isThere: boolean, isDirectory: boolean): boolean {
  return isThere && (isDirectory || !decodeMissing(mark).directory)
}

const unchanged = (key: RecordKey, row: Row | undefined): VersionCondition => ({
  key,
  version: row?.version ?? 0,
})
