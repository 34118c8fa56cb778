/**
 * Replaced targets of tags, kept for a while (specs/004-index.md, R004-121 and R004-122). Each has
 * a row, and counts as kept. Its end is a change of its own, in the background: in the run that
 * wrote it by the elapsed clock, after a restart by trusted wall time.
 */
import { equal, toHex } from '../../../bytes.ts'
import type { RecordKey } from '../../../store/store.ts'
import { KEEP_ROWS, keepOf } from '../../records/keep-record.ts'
import { keptRow } from '../../records/tree-record.ts'
import type { Digest } from '../../message.ts'
import type { Rules } from '../../rules.ts'
import { conditionsOf } from '../plan.ts'
import { attempt, read, scan, type Flow, type FlowRunner } from '../trees/flow.ts'
import {
  isFree,
  removalOf,
  stateOf,
  stateRows,
  unawaited,
  type OnCascade,
} from '../trees/key-removal.ts'
import type { KeepContext } from './replaced.ts'

/**
 * Rows of this run whose ends are remembered; those beyond that end by wall time, as after a
 * restart.
 */
const REMEMBERED = 65_536

/** Targets that are given up in one go. */
const AT_ONCE = 64

/** How often rows of earlier runs are looked for. */
const LOOK_MS = 10_000

/** How long it rests after the store could not do its work. */
const RETRY_MS = 1000

export interface KeepsOptions {
  readonly flows: FlowRunner
  /** The seq that began this run. */
  readonly run: number
  readonly now: () => number
  readonly rules: Rules
  readonly onCascade: OnCascade
}

export class Keeps {
  readonly #options: KeepsOptions
  /** When each row ends by the elapsed clock, by its id in hex. */
  readonly #due = new Map<string, { readonly key: RecordKey; readonly at: number }>()
  #numbers = 0
  #isRunning = false
  #restsUntil = -Infinity
  /** Rows may be there that are not remembered. */
  #hasOthers = true

  constructor(options: KeepsOptions) {
    this.#options = options
  }

  get context(): KeepContext {
    const { run, now, rules } = this.#options
    return {
      run,
      nextNumber: () => ++this.#numbers,
      onKept: ({ key }, forMs) => {
        const isRemembered = this.#due.size < REMEMBERED && rules.keepsElapsed
        const at = rules.targetsStay ? now() + forMs : now()
        if (isRemembered) this.#due.set(toHex(key.id), { key, at })
        else this.#hasOthers = true
      },
    }
  }

  /** Does a replaced target keep this key? Undefined: only an earlier run knows. */
  isReplaced(digest: Digest): boolean | undefined {
    for (const { key } of this.#due.values()) if (equal(keepOf(key).digest, digest)) return true
    return this.#hasOthers ? undefined : false
  }

  /** `trustedMs`: the wall time, if something may be deleted by it. */
  tick(trustedMs: number | undefined): void {
    const now = this.#options.now()
    if (this.#isRunning || now < this.#restsUntil) return
    const due = [...this.#due.values()].filter(({ at }) => at <= now).slice(0, AT_ONCE)
    if (due.length > 0) return this.#run(this.#endAll(due.map(({ key }) => key)), false)
    if (this.#hasOthers && trustedMs !== undefined) this.#run(this.#others(trustedMs), true)
  }

  #run(flow: Flow<boolean>, looks: boolean): void {
    this.#isRunning = true
    this.#options.flows.run(
      flow,
      (hasOthers) => {
        this.#isRunning = false
        if (!looks) return
        this.#hasOthers = hasOthers
        this.#restsUntil = this.#options.now() + LOOK_MS
      },
      () => {
        this.#isRunning = false
        this.#restsUntil = this.#options.now() + RETRY_MS
      },
    )
  }

  *#endAll(keys: readonly RecordKey[]): Flow<boolean> {
    for (const key of keys) {
      yield* this.#end(key)
      this.#due.delete(toHex(key.id))
    }
    return true
  }

  /** Ends what an earlier run left, as far as its time is over. Is any of it left? */
  *#others(trustedMs: number): Flow<boolean> {
    let after: Uint8Array | undefined
    for (;;) {
      const rows = yield* scan('meta', KEEP_ROWS, AT_ONCE, after)
      for (const { id } of rows) {
        if (this.#due.has(toHex(id))) continue
        if (keepOf({ id }).untilMs > trustedMs) return true
        yield* this.#end({ table: 'meta', id })
      }
      if (rows.length < AT_ONCE) return false
      after = rows.at(-1)!.id
    }
  }

  /** Takes the row away, and the key with it if nothing else keeps it. */
  *#end(key: RecordKey): Flow<void> {
    const { digest } = keepOf(key)
    for (;;) {
      const keys = [key, ...stateRows(digest)]
      const rows = yield* read(keys)
      if (rows[0] === undefined) return
      const state = stateOf(digest, rows, 1)
      const conditions = conditionsOf(keys, rows)
      const gone = {
        writes: [{ key, value: undefined }],
        increments: [{ key: keptRow(digest), by: -1 }],
      }
      const { found } = state
      if (found === undefined || !isFree({ ...state, kept: state.kept - 1 })) {
        if ((yield* attempt({ conditions, ...gone })) !== undefined) return
        continue
      }
      const { parts, cascade } = removalOf({ ...state, found }, [], unawaited('moved'))
      const seq = yield* attempt({
        ...parts,
        conditions,
        writes: [...parts.writes, ...gone.writes],
        increments: [...(parts.increments ?? []), ...gone.increments],
      })
      if (seq === undefined) continue
      if (cascade !== undefined) this.#options.onCascade(cascade, seq, found)
      return
    }
  }
}
