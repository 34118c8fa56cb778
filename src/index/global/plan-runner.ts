/**
 * Runs plans: sends their reads and transactions out as effects, resumes each plan with the result,
 * and starts it over when its transaction conflicts. A *ticket* names an effect whose result is
 * still to come.
 */
import type { Location, RecordKey, Transaction, Write } from '../../store/store.ts'
import type { Body, Failure } from '../message.ts'
import { encodeChange, type Change } from '../records/record.ts'
import type { ChangeFeed } from './feed.ts'
import type { GlobalEffect, SessionId } from './global-events.ts'
import type { Done, Outcome, Plan, Rows, StoreResult, StoreWork } from './plan.ts'

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
  readonly finish: (body: Body) => void
}

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

  #step(task: Task, plan: Plan, keys: readonly RecordKey[], rows: Rows): void {
    const step = plan.next(rows)
    if (step.done === true) {
      const conditions = keys.map((key, i) => ({ key, version: rows[i]?.version ?? 0 }))
      return this.#conclude(task, step.value, conditions)
    }
    this.ask<'rows'>(
      { type: 'read', keys: step.value },
      (read) => this.#step(task, plan, step.value, read.rows),
      (why) => this.#fail(task, why),
    )
  }

  #conclude(task: Task, outcome: Outcome, conditions: Transaction['conditions']): void {
    if (outcome.type === 'load') {
      this.#load(task, outcome)
    } else if (outcome.type === 'change') {
      this.#change(task, outcome, conditions)
    } else {
      this.#discard(task)
      this.#finish(task, outcome)
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
      (why) => this.#fail(task, why),
    )
  }

  #change(
    task: Task,
    outcome: Outcome & { type: 'change' },
    conditions: Transaction['conditions'],
  ): void {
    const { feed, wall } = this.#options
    const { change, writes, mark, adopt = [], release = [] } = outcome
    this.#committing++
    // The highest seq that the change can get.
    const latest = feed.highest + this.#committing
    const marked = mark === undefined ? writes : [...writes, mark(latest)]
    const entry = encodeChange(change, wall())
    const transaction = { conditions, writes: marked, entry, adopt, release }
    this.ask<'committed' | 'conflicted'>(
      { type: 'commit', transaction },
      (result) => {
        this.#committing--
        if (result.type === 'conflicted') this.run(task)
        else this.#committed(task, outcome, result.seq)
      },
      (why) => {
        this.#committing--
        this.#fail(task, why)
      },
    )
  }

  #committed(task: Task, { adopt, change, next }: Outcome & { type: 'change' }, seq: number): void {
    if (adopt === undefined) this.#discard(task)
    const isLoss = this.#options.feed.report(seq, change)
    // The caller of a removal waits before any Local can acknowledge it.
    this.#finish(task, next(seq))
    this.#options.onCommitted(change, isLoss)
  }

  #finish(task: Task, done: Done): void {
    switch (done.type) {
      case 'answer':
        return task.finish(done.body)
      case 'await':
        return this.#await(task, done, this.#options.now())
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
    // The mark of a removal was written before its seq was known, and names the highest that it can
    // get. The store may be ahead of what was reported here, so nothing is certain while anything
    // is being committed.
    if (awaited.seq > feed.highest && this.#committing > 0) {
      this.#uncertain.push({ task, awaited, since })
    } else {
      onAwait(task, { ...awaited, seq: Math.min(awaited.seq, feed.highest) }, since)
    }
  }

  #fail(task: Task, why: Failure): void {
    this.#discard(task)
    task.finish(why)
  }

  #discard({ sealed }: Task): void {
    if (sealed !== undefined) this.#options.emit({ type: 'discard', location: sealed })
  }
}
