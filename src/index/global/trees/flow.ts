/**
 * A *flow* is what a request about trees does to the index, or what goes on in the background: a
 * generator that asks for work of the store and gets its result, any number of times. A plan
 * commits at most once; a flow commits in steps, each of which leaves the rows as whole as it found
 * them. So a flow may stop after any step, at a crash too.
 */
import type { Children } from '../../../directory/children.ts'
import { DstoreError } from '../../../errors.ts'
import type { RecordKey, Row, VersionCondition } from '../../../store/store.ts'
import { errorOf } from '../../failure.ts'
import type { Failure } from '../../message.ts'
import type { PlanRunner } from '../plan-runner.ts'
import type { Attempt, LoggedChange, Rows, Sealed, StoreResult, StoreWork } from '../plan.ts'

type Work = Extract<
  StoreWork,
  { type: 'read' | 'scan' | 'children' | 'inspect' | 'log' | 'confirm' }
>

type Step = Work | { readonly type: 'attempt'; readonly attempts: readonly Attempt[] }

/** What a step gives: the result of the work, or the seqs of the attempts. */
type Given = StoreResult | { readonly type: 'attempted'; readonly seqs: Seqs }

/** The seq of each attempt; undefined where a condition did not hold. */
type Seqs = readonly (number | undefined)[]

export type Flow<T> = Generator<Step, T, Given>

/** The rows for these keys, in the same order. */
export function* read(keys: readonly RecordKey[]): Flow<Rows> {
  if (keys.length === 0) return []
  const given = yield { type: 'read', keys }
  return (given as StoreResult & { type: 'rows' }).rows
}

/** Rows that begin with a prefix, in the order of their ids, at most `limit` after one of them. */
export function* scan(
  table: 'keys' | 'names' | 'meta',
  prefix: Uint8Array,
  limit: number,
  after?: Uint8Array,
): Flow<readonly Row[]> {
  const given = yield { type: 'scan', table, prefix, after, limit }
  return (given as StoreResult & { type: 'rows' }).rows as readonly Row[]
}

/** Distinct children of a directory. Throws `integrity` where its value is damaged, or is none. */
export function* childrenOf(directory: Sealed, from: number, limit: number): Flow<Children> {
  const given = yield { type: 'children', directory, from, limit }
  return (given as StoreResult & { type: 'children' }).children
}

/** Is the stored value damaged, and how much of an interrupted upload is kept? */
export function* inspect(
  work: Omit<StoreWork & { type: 'inspect' }, 'type'>,
): Flow<(StoreResult & { type: 'inspected' })['facts']> {
  const given = yield { type: 'inspect', ...work }
  return (given as StoreResult & { type: 'inspected' }).facts
}

/** Entries of the log after this seq, at most `limit`. */
export function* logAfter(after: number, limit: number): Flow<readonly LoggedChange[]> {
  const given = yield { type: 'log', after, limit }
  return (given as StoreResult & { type: 'entries' }).entries
}

/** Waits until the store would find everything again that it has. */
export function* confirm(): Flow<void> {
  yield { type: 'confirm' }
}

/** Commits transactions together, each if its conditions hold. */
export function* attemptAll(attempts: readonly Attempt[]): Flow<Seqs> {
  if (attempts.length === 0) return []
  const given = yield { type: 'attempt', attempts }
  return (given as Given & { type: 'attempted' }).seqs
}

/** The same for one. */
export function* attempt(one: Attempt): Flow<number | undefined> {
  const [seq] = yield* attemptAll([one])
  return seq
}

/** The row is as it was read. */
export const unchanged = (key: RecordKey, row: Row | undefined): VersionCondition => ({
  key,
  version: row?.version ?? 0,
})

/** Runs flows over the tickets of plans. */
export class FlowRunner {
  readonly #plans: PlanRunner

  constructor(plans: PlanRunner) {
    this.#plans = plans
  }

  /** `failed` gets what the flow throws: a `DstoreError`, where the store failed too. */
  run<T>(flow: Flow<T>, done: (result: T) => void, failed: (why: DstoreError) => void): void {
    this.#resume(flow, () => flow.next(undefined as unknown as Given), done, failed)
  }

  /** Runs the flows of these items, at most `atOnce` at a time. `done` gets their results. */
  runAll<I, T>(
    items: readonly I[],
    { atOnce, begin }: { readonly atOnce: number; readonly begin: (item: I) => Flow<T> },
    done: (results: T[]) => void,
    failed: (why: DstoreError) => void,
  ): void {
    const results: T[] = []
    let next = 0
    let left = items.length
    let hasFailed = false
    if (left === 0) return done([])
    const start = (): void => {
      const at = next++
      if (at >= items.length || hasFailed) return
      this.run(
        begin(items[at]!),
        (result) => {
          results[at] = result
          if (--left === 0) done(results)
          else start()
        },
        (why) => {
          if (hasFailed) return
          hasFailed = true
          failed(why)
        },
      )
    }
    for (let i = 0; i < atOnce; i++) start()
  }

  #resume<T>(
    flow: Flow<T>,
    resume: () => IteratorResult<Step, T>,
    done: (result: T) => void,
    failed: (why: DstoreError) => void,
  ): void {
    let step: IteratorResult<Step, T>
    try {
      step = resume()
    } catch (error) {
      if (!(error instanceof DstoreError)) throw error
      return failed(error)
    }
    if (step.done === true) return done(step.value)
    const given = (result: Given): void => {
      this.#resume(flow, () => flow.next(result), done, failed)
    }
    const thrown = (why: Failure): void => {
      this.#resume(flow, () => flow.throw(errorOf(why)), done, failed)
    }
    const { value } = step
    if (value.type === 'attempt') {
      this.#attempt(value.attempts, given, thrown)
    } else {
      this.#plans.ask<StoreResult['type']>(value, given, thrown)
    }
  }

  /** Fails with the first that was not committed, when every attempt has its outcome. */
  #attempt(
    attempts: readonly Attempt[],
    given: (result: Given) => void,
    thrown: (why: Failure) => void,
  ): void {
    const seqs: (number | undefined)[] = []
    let left = attempts.length
    let fault: Failure | undefined
    this.#plans.attempt(attempts, (at, outcome) => {
      if (typeof outcome === 'object') fault ??= outcome
      else seqs[at] = outcome
      if (--left > 0) return
      if (fault === undefined) given({ type: 'attempted', seqs })
      else thrown(fault)
    })
  }
}
