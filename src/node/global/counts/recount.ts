/**
 * Counts again what keeps each key, and corrects what the index states wrongly, while Global works
 * (specs/004-index.md, R004-111 to R004-114).
 */
import { Key } from '../../../hash/key.ts'
import { decodeKey, keyRow } from '../../../index/records/record.ts'
import {
  MISSING_ROWS,
  UNCOUNTED_ROW,
  heldRow,
  missingRow,
} from '../../../index/records/tree-record.ts'
import { BATCH_ITEMS, RECOUNT_KEYS } from '../../../limits.ts'
import type { Row, VersionCondition } from '../../../store/store.ts'
import { VerifyPace } from '../../calls/verify-pace.ts'
import type { Miscount, Verification, VerifyOptions } from '../../node.ts'
import { Corrections, type CorrectionsOptions, isWhole } from './corrections.ts'
import { EdgeWalk, type EdgeWalkOptions } from './edge-walk.ts'
import {
  DIGESTS_END,
  RangeTally,
  digestOf,
  idAt,
  nameOf,
  placeOf,
  type Count,
  type Keepers,
} from './range-tally.ts'
import { rowsOf } from './rows.ts'

export interface RecountOptions extends EdgeWalkOptions, CorrectionsOptions {
  /** Default: `RECOUNT_KEYS`. */
  readonly keysAtOnce?: number
}

type Findings<T = void> = AsyncGenerator<Verification, T, undefined>

/** Keys that are counted again, with the rows that keep them. */
type Again = Map<string, VersionCondition[]>

/** How often a key is counted whose counter changed while it was counted. */
const ATTEMPTS = 3

/** Rows that keep one key, and all of which are conditions of its correction. */
const KEEPERS = 4096

/** In the order of digests; then `done`, with the number of miscounts. */
export async function* recount(options: RecountOptions, verify: VerifyOptions): Findings {
  const run = new Recount(options, verify)
  const [uncounted] = await options.store.rows([UNCOUNTED_ROW])
  try {
    for (let start = 0; start < DIGESTS_END;) start = yield* run.range(start)
    await run.countMarks()
    await run.forgetUncounted(uncounted)
  } finally {
    await run.end()
  }
  yield run.done()
}

class Recount {
  readonly #options: RecountOptions
  readonly #corrections: Corrections
  readonly #pace: VerifyPace
  /** Of the latest range. */
  #width = DIGESTS_END
  #miscounted = 0
  #unsettled = 0

  constructor(options: RecountOptions, { signal }: VerifyOptions) {
    this.#options = options
    this.#corrections = new Corrections(options)
    this.#pace = new VerifyPace(signal)
  }

  /** Counts the keys from this place on; returns where the next range begins. */
  async *range(start: number): Findings<number> {
    const { keysAtOnce = RECOUNT_KEYS } = this.#options
    const tally = new RangeTally(start, Math.min(DIGESTS_END, start + this.#width), keysAtOnce)
    const walk = new EdgeWalk(this.#options, tally)
    yield* this.#walk(walk)
    let left = yield* this.#correct(tally, undefined)
    for (let attempt = 2; left.size > 0 && attempt <= ATTEMPTS; attempt++) {
      const again = new RangeTally(start, tally.end, keysAtOnce, left)
      yield* this.#walk(new EdgeWalk(this.#options, again))
      left = yield* this.#correct(again, left)
    }
    this.#unsettled += left.size
    yield* this.#removeLoose(walk)
    yield* this.#markMissing(tally)
    yield* this.#unmarkMissing(tally)
    this.#width = tally.end - start
    return tally.end
  }

  /** Counts the marks of missing keys. */
  countMarks(): Promise<boolean> {
    return this.#corrections.countMarks()
  }

  /** All counts are right now, if all directories could be read. */
  async forgetUncounted(before: Row | undefined): Promise<void> {
    if (this.#pace.damaged + this.#unsettled > 0) return
    await this.#corrections.forgetUncounted(before)
  }

  end(): Promise<void> {
    return this.#corrections.end()
  }

  done(): Verification {
    const counts = { miscounted: this.#miscounted, unsettled: this.#unsettled }
    return { ...this.#pace.done(), ...counts }
  }

  async *#walk(walk: EdgeWalk): Findings {
    const pace = this.#pace
    const { valueBytes } = await this.#options.store.usage()
    for await (const { digest, size, isDamaged } of walk.run()) {
      pace.signal.throwIfAborted()
      pace.values++
      if (isDamaged) {
        pace.damaged++
        yield { type: 'damaged', key: new Key(digest, 'directory'), size, repaired: false }
      } else if (await pace.add(size)) yield pace.progress(valueBytes)
    }
  }

  /**
   * Corrects the counts of the range, or of these keys in it. Returns the keys that have to be
   * counted again.
   */
  async *#correct(tally: RangeTally, only: Again | undefined): Findings<Again> {
    const left: Again = new Map()
    for (const by of ['directories', 'holds'] as const) {
      for (const [name, count] of tally[by]) {
        if (count.stated === count.counted || only?.has(name) === false) continue
        const isSettled = yield* this.#correctOne(by, name, count, only?.get(name))
        if (!isSettled) left.set(name, [])
      }
    }
    return left
  }

  async *#correctOne(
    by: Keepers,
    name: string,
    count: Count,
    keepers: readonly VersionCondition[] | undefined,
  ): Findings<boolean> {
    const { stated, version, counted, asDirectory, isUncertain } = count
    // Without a row, an equal version does not show that nothing changed: what keeps it does.
    if (isUncertain || (version === 0 && keepers === undefined)) return false
    const key = new Key(digestOf(name), asDirectory ? 'directory' : 'bytes')
    const miscount = { key, of: by, stated, counted } as const
    // What a damaged directory holds is not known, so no count is known to be too high.
    const isKnown = counted > stated || this.#pace.damaged === 0
    if (!isKnown || (keepers?.length ?? 0) > KEEPERS) {
      yield this.#found(miscount, false)
      return true
    }
    if (!(await this.#corrections.count(by, key.digest, count, keepers ?? []))) return false
    yield this.#found(miscount, true)
    return true
  }

  /** What a damaged directory holds is kept, so nothing is removed while there is one. */
  async *#removeLoose(walk: EdgeWalk): Findings {
    if (this.#pace.damaged > 0) return
    for (const loose of walk.loose) {
      if (!(await this.#corrections.remove(loose))) continue
      yield this.#found({ key: new Key(loose.digest), of: 'nothing', stated: 1, counted: 0 }, true)
    }
  }

  async *#markMissing(tally: RangeTally): Findings {
    const held = [...tally.directories].filter(([, { counted }]) => counted > 0)
    for (let at = 0; at < held.length; at += BATCH_ITEMS) {
      const batch = held.slice(at, at + BATCH_ITEMS)
      const keys = batch.flatMap(([name]) => [keyRow(digestOf(name)), missingRow(digestOf(name))])
      const rows = await this.#options.store.rows(keys)
      for (const [i, [name, { asDirectory }]] of batch.entries()) {
        const [key, mark] = [rows[2 * i], rows[2 * i + 1]]
        yield* this.#mark(digestOf(name), asDirectory, key, mark)
      }
    }
  }

  async *#mark(
    digest: Uint8Array,
    asDirectory: boolean,
    key: Row | undefined,
    mark: Row | undefined,
  ): Findings {
    const isDirectory = key !== undefined && decodeKey(key).directory !== undefined
    const lacks = key === undefined || (asDirectory && !isDirectory)
    const corrections = this.#corrections
    const missing = new Key(digest, asDirectory ? 'directory' : 'bytes')
    if (lacks && mark === undefined) {
      if (!(await corrections.markMissing(digest, key, asDirectory))) return
      yield this.#found({ key: missing, of: 'missing', stated: 0, counted: 1 }, true)
    } else if (mark !== undefined && isWhole(mark, key !== undefined, isDirectory)) {
      const because = { key: keyRow(digest), version: key!.version }
      if (!(await corrections.unmarkMissing(digest, mark, because))) return
      yield this.#found({ key: missing, of: 'missing', stated: 1, counted: 0 }, true)
    }
  }

  /** Marks of keys that nothing holds. */
  async *#unmarkMissing(tally: RangeTally): Findings {
    const from = tally.start === 0 ? undefined : idAt(MISSING_ROWS, tally.start)
    for await (const mark of rowsOf(this.#options.store, 'meta', MISSING_ROWS, from)) {
      const digest = mark.id.slice(MISSING_ROWS.byteLength)
      if (placeOf(digest) >= tally.end) return
      if ((tally.directories.get(nameOf(digest))?.counted ?? 0) > 0) continue
      const because = { key: heldRow(digest), version: 0 }
      if (!(await this.#corrections.unmarkMissing(digest, mark, because))) continue
      yield this.#found({ key: new Key(digest), of: 'missing', stated: 1, counted: 0 }, true)
    }
  }

  #found(miscount: Omit<Miscount, 'corrected'>, corrected: boolean): Verification {
    this.#miscounted++
    return { type: 'miscounted', ...miscount, corrected }
  }
}
