/**
 * Runs plans: sends their reads and transactions out as effects, resumes each plan with the result,
 * and starts it over when its transaction conflicts. A *ticket* names an effect whose result is
 * still to come.
 */
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import { commitParts } from '../../store/commit-parts.ts'
import type { Location, Transaction, Write } from '../../store/store.ts'
import type { Body, Failure } from '../message.ts'
import { encodeChange, type Change } from '../records/change-record.ts'
import type { ChangeFeed } from './feed.ts'
import type { GlobalEffect, SessionId } from './global-events.ts'
import { conditionsOf } from './plan.ts'
import type { Asked, Attempt, Done, Outcome, Plan, Rows, StoreResult, StoreWork } from './plan.ts'

/** Takes the answer to a request, once. */
export type Finish = (body: Body) => void

export interface Origin {
  readonly session: SessionId
  readonly id: number
}

/** A request that is being served. */
export interface Task {
  readonly origin: Origin
  /** Makes the request's plan, each time from the start. */
  readonly begin: () => Plan
  /** A sealed value, adopted or discarded in the end. */
  readonly sealed?: Location
  readonly timeoutMs?: number | undefined
  readonly finish: Finish
}

export type ChangeOutcome = Outcome & { type: 'change' }

/** A seq; undefined where a condition did not hold; or why it was not committed. */
export type AttemptOutcome = number | undefined | Failure

type Awaited = Done & { type: 'await' }

type Result<T extends StoreResult['type']> = Extract<StoreResult, { type: T }>

export interface PlanRunnerOptions {
  readonly feed: ChangeFeed
  readonly emit: (effect: GlobalEffect) => void
  /** The time of the event that is being handled. */
  readonly now: () => number
  /** Wall-clock milliseconds since 1970, read at each event. */
  readonly wall: () => number
  readonly onCommitted: (change: Change, isLoss: boolean) => void
  /**
   * Finish the task when everything up to this seq is acknowledged. `since`: when it became
   * durable.
   */
  readonly onAwait: (task: Task, awaited: Awaited, since: number) => void
}

export class PlanRunner {
  readonly #options: PlanRunnerOptions
  readonly #tickets = new Map<number, (result: StoreResult) => void>()
  #lastTicket = 0
  /** Changes that are being committed. */
  #committing = 0
  /** Removals whose seq may be that of a change that is being committed. */
  #uncertain: { readonly task: Task; readonly awaited: Awaited; readonly since: number }[] = []

  constructor(options: PlanRunnerOptions) {
    this.#options = options
  }

  run(task: Task): void {
    this.#step(task, task.begin(), [], [])
  }

  /**
   * Writes rows without a change. If that fails, the next write of the same rows makes up for it.
   */
  write(writes: readonly Write[], then: () => void): void {
    const transaction = { conditions: [], writes, entry: undefined }
    this.ask<'committed'>({ type: 'commit', transaction }, then, () => undefined)
  }

  /** The same, and waits for the archive, where there is one. */
  writeArchived(writes: readonly Write[], then: () => void, failed: (why: Failure) => void): void {
    const transaction = { conditions: [], writes, entry: undefined }
    this.ask<'committed'>({ type: 'commit', transaction, isArchived: true }, then, failed)
  }

  /** Sends out work under a new ticket. */
  ask<T extends StoreResult['type']>(
    work: StoreWork,
    done: (result: Result<T>) => void,
    failed: (why: Failure) => void,
  ): void {
    const ticket = ++this.#lastTicket
    this.#tickets.set(ticket, (result) => {
      if (result.type === 'failed') failed(result.failure)
      else done(result as Result<T>)
    })
    this.#options.emit({ ...work, ticket })
  }

  resume({ ticket, ...result }: StoreResult & { readonly ticket: number }): void {
    const then = this.#tickets.get(ticket)
    if (then === undefined) throw new RangeError(`ticket ${ticket} is not waiting`)
    this.#tickets.delete(ticket)
    then(result)
  }

  /** Checks again the removals whose seq was uncertain. */
  poll(): void {
    for (const { task, awaited, since } of this.#uncertain.splice(0)) {
      this.#await(task, awaited, since)
    }
  }

  #step(task: Task, plan: Plan, conditions: Transaction['conditions'], rows: Rows): void {
    const step = plan.next(rows)
    if (step.done === true) this.conclude(task, step.value, conditions)
    else this.read(task, plan, step.value, conditions)
  }

  /** Reads what a plan asks for, and resumes the plan with it. */
  read(task: Task, plan: Plan, asked: Asked, conditions: Transaction['conditions']): void {
    this.ask<'rows'>(
      'type' in asked ? asked : { type: 'read', keys: asked },
      ({ rows }) => {
        const depends = 'type' in asked ? conditions : conditionsOf(asked, rows)
        this.#step(task, plan, depends, rows)
      },
      (why) => this.fail(task, why),
    )
  }

  /** Does what the outcome of a plan says. `conditions`: what it depends on. */
  conclude(task: Task, outcome: Outcome, conditions: Transaction['conditions']): void {
    if (outcome.type === 'load') {
      this.#load(task, outcome)
    } else if (outcome.type === 'change') {
      this.#change(task, outcome, conditions)
    } else {
      this.discardOf(task)
      this.finish(task, outcome)
    }
  }

  #load(task: Task, { answer, ...work }: Outcome & { type: 'load' }): void {
    const { values } = work
    if (values.every((value) => value === undefined)) {
      return task.finish(answer(values.map(() => undefined)))
    }
    this.ask<'loaded'>(
      work,
      (loaded) => task.finish(answer(loaded.values)),
      (why) => this.fail(task, why),
    )
  }

  #change(task: Task, outcome: ChangeOutcome, conditions: Transaction['conditions']): void {
    this.#committing++
    const attempt = { ...outcome, conditions: [...conditions, ...(outcome.conditions ?? [])] }
    const transaction = this.#transactionOf(attempt, this.#options.wall())
    this.ask<'committed' | 'conflicted'>(
      { type: 'commit', transaction },
      (result) => {
        this.#committing--
        if (result.type === 'conflicted') this.run(task)
        else this.#committed(task, outcome, result.seq)
      },
      (why) => {
        this.#committing--
        this.fail(task, why)
      },
    )
  }

  /**
   * Commits transactions together, each if its conditions hold. `settled` gets the place of each
   * and what came of it. Those without a change have no seq of their own.
   */
  attempt(
    attempts: readonly Attempt[],
    settled: (at: number, outcome: AttemptOutcome) => void,
  ): void {
    this.#committing += attempts.filter(isChange).length
    const atMs = this.#options.wall()
    const transactions = attempts.map((one) => this.#transactionOf(one, atMs))
    for (const [first, end] of commitParts(transactions, (at) => valueBytesOf(attempts[at]!))) {
      this.#attemptPart(attempts.slice(first, end), transactions.slice(first, end), (i, outcome) =>
        settled(first + i, outcome),
      )
    }
  }

  #attemptPart(
    attempts: readonly Attempt[],
    transactions: readonly Transaction[],
    settled: (at: number, outcome: AttemptOutcome) => void,
  ): void {
    const changes = attempts.filter(isChange).length
    this.ask<'committed-all'>(
      { type: 'commit-all', transactions },
      ({ seqs }) => {
        this.#committing -= changes
        const losses = attempts.map(({ change }, i) => {
          const seq = seqs[i]
          return change !== undefined && seq !== undefined && this.#options.feed.report(seq, change)
        })
        seqs.forEach((seq, i) => settled(i, seq))
        attempts.forEach(({ change }, i) => {
          if (change !== undefined && seqs[i] !== undefined) {
            this.#options.onCommitted(change, losses[i]!)
          }
        })
      },
      (why) => {
        this.#committing -= changes
        attempts.forEach((_, i) => settled(i, why))
      },
    )
  }

  /** Of a change that is counted in `#committing`. */
  #transactionOf(attempt: Attempt, atMs: number): Transaction {
    const { change, conditions, writes, increments, mark, adopt = [], release = [] } = attempt
    // The highest seq that the change can get.
    const marked =
      mark === undefined ? writes : [...writes, mark(this.#options.feed.highest + this.#committing)]
    const entry = change === undefined ? undefined : encodeChange(change, atMs)
    return { conditions, writes: marked, ...(increments && { increments }), entry, adopt, release }
  }

  #committed(task: Task, outcome: ChangeOutcome, seq: number): void {
    const isLoss = this.#options.feed.report(seq, outcome.change)
    this.changed(task, outcome, seq)
    this.#options.onCommitted(outcome.change, isLoss)
  }

  /** To be called first: the caller of a removal waits before any Local can acknowledge it. */
  changed(task: Task, { adopt, next }: ChangeOutcome, seq: number): void {
    const done = next(seq)
    // A request that is served again needs its value.
    if (adopt === undefined && done.type !== 'again') this.discardOf(task)
    this.finish(task, done)
  }

  finish(task: Task, done: Done): void {
    switch (done.type) {
      case 'answer':
        return task.finish(done.body)
      case 'await':
        return this.#await(task, done, this.#options.now())
      case 'again':
        return this.run(task)
      case 'confirm':
        return this.ask<'confirmed'>(
          { type: 'confirm' },
          () => task.finish(done.body),
          (why) => task.finish(why),
        )
      case 'inspect': {
        const { answer, ...work } = done
        this.ask<'inspected'>(
          work,
          (inspected) => task.finish(answer(inspected.facts)),
          (why) => task.finish(why),
        )
      }
    }
  }

  #await(task: Task, awaited: Awaited, since: number): void {
    const { feed, onAwait } = this.#options
    // The mark of a removal names the highest seq that it can get. The store may be ahead of what
    // was reported here, so nothing is certain while anything is being committed.
    if (awaited.seq > feed.highest && this.#committing > 0) {
      this.#uncertain.push({ task, awaited, since })
    } else {
      onAwait(task, { ...awaited, seq: Math.min(awaited.seq, feed.highest) }, since)
    }
  }

  fail(task: Task, why: Failure): void {
    this.discardOf(task)
    task.finish(why)
  }

  /** Frees the value of a task that has not adopted it. */
  discardOf({ sealed }: Task): void {
    if (sealed !== undefined) this.discard(sealed)
  }

  /** Frees a sealed value; does nothing once it is adopted. */
  discard(location: Location): void {
    this.#options.emit({ type: 'discard', location })
  }
}

const isChange = ({ change }: Attempt): boolean => change !== undefined

/** At most how many bytes the records take of a value that is adopted. */
function valueBytesOf({ change }: Attempt): number {
  return change?.type === 'put' ? Math.min(change.size, SMALL_VALUE_BYTES) : SMALL_VALUE_BYTES
}
