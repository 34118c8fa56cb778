/**
 * Reads what keeps each key, out of a store that is at work: directories, holds, and trees that are
 * being made or removed (specs/004-index.md, R004-111).
 */
import { DstoreError } from '../../../errors.ts'
import type { Child, Children } from '../../../directory/children.ts'
import type { Sealed } from '../../../index/global/plan.ts'
import { KEEP_ROWS, keepOf } from '../../../index/records/keep-record.ts'
import { decodeKey, keyRow } from '../../../index/records/record.ts'
import {
  ADDING_ROWS,
  CASCADE_ROWS,
  HELD_ROWS,
  HOLD_ROWS,
  KEPT_ROWS,
  decodeAdding,
  decodeCascade,
  decodeHeld,
  holdOf,
  type Counted,
} from '../../../index/records/tree-record.ts'
import { decodeCounter } from '../../../store/counters.ts'
import type { Row, Store, VersionCondition } from '../../../store/store.ts'
import { rowsOf } from './rows.ts'
import { idAt, nameOf, placeOf, type Keepers, type RangeTally } from './range-tally.ts'

export interface EdgeWalkOptions {
  readonly store: Store
  /**
   * Distinct children of a stored directory, in its order, from one on, at most `limit`. Errors:
   * `integrity`, `removed`.
   */
  readonly childrenOf: (directory: Sealed, from: number, limit: number) => Promise<Children>
  /** Fetches a damaged value from a Local. True if it is whole now. */
  readonly heal: (digest: Uint8Array) => Promise<boolean>
}

/** A directory that was read, or that is damaged: what it holds is not known. */
export interface WalkedDirectory {
  readonly digest: Uint8Array
  /** Bytes. */
  readonly size: number
  readonly isDamaged: boolean
}

/** A key that nothing keeps, and the version of its row. */
export interface LooseKey {
  readonly digest: Uint8Array
  readonly version: number
}

/** A directory that is being made or removed. */
interface Unfinished {
  readonly id: string
  readonly isRemoved: boolean
  readonly directory: Sealed
  readonly counted: Counted
  readonly keeper: VersionCondition
}

/** Keys that nothing keeps, for one walk: what is beyond that, the next recount finds. */
const LOOSE_KEYS = 16_384

export class EdgeWalk {
  readonly tally: RangeTally
  readonly #options: EdgeWalkOptions
  #loose: LooseKey[] = []
  /** What is being removed already, unless something keeps it. */
  readonly #doomed = new Set<string>()

  constructor(options: EdgeWalkOptions, tally: RangeTally) {
    this.#options = options
    this.tally = tally
  }

  /**
   * Counts for the keys of the range. If the counter of a key has the same version afterwards, the
   * same rows kept the key all the while: then its count is right, unless it is uncertain.
   */
  async *run(): Walked {
    const { store } = this.#options
    await this.#state('directories', HELD_ROWS)
    await this.#state('holds', KEPT_ROWS)
    const known = new Set<string>()
    for await (const { id, directory, counted, keeper } of this.#unfinished()) {
      known.add(id)
      yield* this.#visit(directory, 0, counted.upto, (child) => this.#count(child, keeper))
    }
    for await (const row of rowsOf(store, 'keys')) yield* this.#key(row, known)
    for await (const row of rowsOf(store, 'meta', HOLD_ROWS)) this.#hold(row)
    for await (const row of rowsOf(store, 'meta', KEEP_ROWS)) {
      this.tally.count('holds', keepOf(row).digest, keeperOf(row))
    }
    for await (const { id, isRemoved, directory, counted } of this.#unfinished()) {
      const { upto, unchecked } = counted
      yield* this.#visit(directory, upto, unchecked, ({ digest }) => {
        this.#doomed.add(nameOf(digest))
      })
      // Its removal began meanwhile: what it still holds was counted for its key, or was not.
      if (!isRemoved || known.has(id)) continue
      yield* this.#visit(directory, 0, Infinity, ({ digest }) => {
        this.tally.doubt('directories', digest)
      })
    }
  }

  /** Keys of the range that nothing keeps. */
  get loose(): readonly LooseKey[] {
    const { directories, holds } = this.tally
    return this.#loose.filter(({ digest }) => {
      const name = nameOf(digest)
      const isKept = directories.has(name) || holds.has(name)
      return this.tally.has(digest) && !isKept && !this.#doomed.has(name)
    })
  }

  async #state(by: Keepers, prefix: Uint8Array): Promise<void> {
    const { tally } = this
    const from = tally.start === 0 ? undefined : idAt(prefix, tally.start)
    for await (const row of rowsOf(this.#options.store, 'meta', prefix, from)) {
      const digest = row.id.subarray(prefix.byteLength)
      if (placeOf(digest) >= tally.end) return
      tally.state(by, digest, decodeCounter(row.value), row.version)
    }
  }

  async *#key(row: Row, known: ReadonlySet<string>): Walked {
    const { size, location, names, unnamed, directory } = decodeKey(row)
    const { id: digest, version } = row
    if (!unnamed && names === 0 && this.tally.has(digest)) {
      if (this.#loose.length === LOOSE_KEYS) this.#loose = [...this.loose]
      if (this.#loose.length < LOOSE_KEYS) this.#loose.push({ digest: digest.slice(), version })
    }
    // What is known to be made was counted as such, in part.
    if (directory === undefined || known.has(madeId(digest))) return
    const keeper = { key: keyRow(digest), version }
    const value = { digest, size, location }
    yield* this.#visit(value, 0, Infinity, (child) => this.#count(child, keeper))
  }

  #hold(row: Row): void {
    if (holdOf(row, HOLD_ROWS) !== undefined) return
    const { digests, released } = decodeHeld(row)
    for (const digest of digests) {
      if (released) this.#doomed.add(nameOf(digest))
      else this.tally.count('holds', digest, keeperOf(row))
    }
  }

  #count({ digest, totals }: Child, keeper: VersionCondition): void {
    this.tally.count('directories', digest, keeper, totals !== undefined)
  }

  async *#unfinished(): AsyncGenerator<Unfinished, void, undefined> {
    const { store } = this.#options
    for await (const row of rowsOf(store, 'meta', ADDING_ROWS)) {
      const digest = row.id.slice(ADDING_ROWS.byteLength)
      const [key] = await store.rows([keyRow(digest)])
      if (key === undefined) continue
      const { size, location } = decodeKey(key)
      const { counted } = decodeAdding(row)
      const directory = { digest, size, location }
      const made = { id: madeId(digest), isRemoved: false }
      yield { ...made, directory, counted, keeper: keeperOf(row) }
    }
    for await (const row of rowsOf(store, 'meta', CASCADE_ROWS)) {
      const { counted, ...directory } = decodeCascade(row)
      const removed = { id: `removed ${nameOf(row.id)}`, isRemoved: true }
      yield { ...removed, directory, counted, keeper: keeperOf(row) }
    }
  }

  /**
   * Visits distinct children from one to before another; none or some, if the directory is removed
   * meanwhile: then the counters of its children change.
   */
  async *#visit(
    directory: Sealed,
    from: number,
    to: number,
    visit: (child: Child) => void,
  ): Walked {
    const { childrenOf, heal } = this.#options
    const { digest, size } = directory
    let isHealed = false
    for (let at = from, end = to; at < end;) {
      try {
        const { items, count } = await childrenOf(directory, at, Math.min(CHILDREN, end - at))
        for (const child of items) visit(child)
        at += CHILDREN
        end = Math.min(end, count)
      } catch (error) {
        if (!(error instanceof DstoreError)) throw error
        if (error.code === 'removed') return
        if (error.code !== 'integrity') throw error
        if (isHealed || !(await heal(digest))) return yield { digest, size, isDamaged: true }
        isHealed = true
      }
    }
    if (from < to) yield { digest, size, isDamaged: false }
  }
}

type Walked = AsyncGenerator<WalkedDirectory, void, undefined>

/** Children that are read at a time. */
const CHILDREN = 4096

const madeId = (digest: Uint8Array): string => `made ${nameOf(digest)}`

const keeperOf = ({ id, version }: Row): VersionCondition => ({
  key: { table: 'meta', id },
  version,
})
