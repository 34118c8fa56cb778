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
import { batchesOf } from '../../calls/batches.ts'
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
  type Again,
  type Count,
  type Keepers,
} from './range-tally.ts'
import { rowsOf } from './rows.ts'

export interface RecountOptions extends EdgeWalkOptions, CorrectionsOptions {
  /** Default: `RECOUNT_KEYS`. */
  readonly keysAtOnce?: number
}

type Findings<T = void> = AsyncGenerator<Verification, T, undefined>

/** A count that is wrong. */
interface Due {
  readonly by: Keepers
  readonly name: string
  readonly count: Count
  readonly keepers: readonly VersionCondition[] | undefined
}

/** How often keys are counted whose counters change, until fewer of them are left. */
const ATTEMPTS = 3

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
    for (let attempt = 1; left.size > 0 && attempt < ATTEMPTS; attempt++) {
      const again = new RangeTally(start, tally.end, keysAtOnce, left)
      yield* this.#walk(new EdgeWalk(this.#options, again))
      const still = yield* this.#correct(again, left)
      if (still.size < left.size) attempt = 0
      left = still
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
    const due: Due[] = []
    for (const by of ['directories', 'holds'] as const) {
      for (const [name, count] of tally[by]) {
        if (count.stated === count.counted || only?.has(name) === false) continue
        const keepers = only?.get(name)
        // Without a row, an equal version does not show that nothing changed: what keeps it does.
        if (count.isUncertain || (count.version === 0 && keepers === undefined)) {
          left.set(name, count.version === 0 ? [] : undefined)
          continue
        }
        due.push({ by, name, count, keepers })
        if (due.length === BATCH_ITEMS) yield* this.#commit(due.splice(0), left)
      }
    }
    yield* this.#commit(due, left)
    return left
  }

  async *#commit(due: readonly Due[], left: Again): Findings {
    // What a damaged directory holds is not known, so no count is known to be too high.
    const isKnown = ({ count }: Due): boolean =>
      count.counted > count.stated || this.#pace.damaged === 0
    for (const one of due) if (!isKnown(one)) yield this.#found(miscountOf(one), false)
    const known = due.filter(isKnown)
    const corrections = await Promise.all(
      known.map(({ by, name, count, keepers = [] }) =>
        this.#corrections.count(by, digestOf(name), count, keepers),
      ),
    )
    const isDone = await this.#corrections.commitAll(corrections)
    for (const [i, one] of known.entries()) {
      if (isDone[i]!) yield this.#found(miscountOf(one), true)
      else left.set(one.name, one.count.version === 0 ? [] : undefined)
    }
  }

  /** What a damaged directory holds is kept, so nothing is removed while there is one. */
  async *#removeLoose({ loose }: EdgeWalk): Findings {
    if (this.#pace.damaged > 0) return
    for (const batch of batchesOf(loose)) {
      const corrections = await Promise.all(batch.map((one) => this.#corrections.remove(one)))
      const isDone = await this.#corrections.commitAll(corrections)
      for (const [i, { digest }] of batch.entries()) {
        if (!isDone[i]!) continue
        yield this.#found({ key: new Key(digest), of: 'nothing', stated: 1, counted: 0 }, true)
      }
    }
  }

  async *#markMissing(tally: RangeTally): Findings {
    const held = [...tally.directories].filter(([, { counted }]) => counted > 0)
    for (const batch of batchesOf(held)) {
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

function miscountOf({ by, name, count }: Due): Omit<Miscount, 'corrected'> {
  const { stated, counted, asDirectory } = count
  const key = new Key(digestOf(name), asDirectory ? 'directory' : 'bytes')
  return { key, of: by, stated, counted }
}
