/**
 * Runs the plans of one message together (specs/007, R007-197): each look-up of all of them in one
 * read, their changes in one commit, and one confirmation for all that exists. Each is a change of
 * its own, and has an outcome of its own.
 */
import type { Transaction } from '../../../store/store.ts'
import type { Body, Failure } from '../../message.ts'
import type { ChangeOutcome, PlanRunner, Task } from '../plan-runner.ts'
import { conditionsOf, keysIn, type Asked, type Outcome, type Plan, type Rows } from '../plan.ts'

/** A plan that has asked for rows, or ended. */
interface Running {
  /** Its place among the tasks. */
  readonly at: number
  readonly task: Task
  readonly plan: Plan
  readonly step: IteratorResult<Asked, Outcome>
  /** What it depends on, after its last look-up. */
  readonly conditions: Transaction['conditions']
}

/** A change that is ready to be committed. */
interface Prepared {
  readonly at: number
  readonly task: Task
  readonly outcome: ChangeOutcome
  readonly conditions: Transaction['conditions']
}

/** Of two tasks that change the same rows, one conflicts, and is run again after the others. */
export function runTogether(plans: PlanRunner, tasks: readonly Task[]): void {
  if (tasks.length <= 1) return tasks.forEach((task) => plans.run(task))
  const together = new Together(plans)
  together.read(
    tasks.map((task, at) => {
      const plan = task.begin()
      return { at, task, plan, step: plan.next([]), conditions: [] }
    }),
  )
}

class Together {
  readonly #plans: PlanRunner
  readonly #changes: Prepared[] = []
  readonly #confirmed: { readonly task: Task; readonly body: Body }[] = []

  constructor(plans: PlanRunner) {
    this.#plans = plans
  }

  read(running: readonly Running[]): void {
    const keys = running.flatMap(({ step }) => keysIn(step))
    this.#plans.ask<'rows'>(
      { type: 'read', keys },
      ({ rows }) => this.#resume(running, rows),
      (why) => {
        for (const { task } of [...running, ...this.#changes, ...this.#confirmed]) {
          this.#plans.fail(task, why)
        }
      },
    )
  }

  /** `rows`: of all their keys, in order. */
  #resume(running: readonly Running[], rows: Rows): void {
    const more: Running[] = []
    let read = 0
    for (const { at, task, plan, step } of running) {
      const keys = keysIn(step)
      const own = rows.slice(read, (read += keys.length))
      const next = step.done === true ? step : plan.next(own)
      const conditions = conditionsOf(keys, own)
      if (next.done === true) this.#conclude({ at, task }, next.value, conditions)
      else if ('type' in next.value) this.#plans.read(task, plan, next.value, conditions)
      else more.push({ at, task, plan, step: next, conditions })
    }
    if (more.length > 0) this.read(more)
    else this.#end()
  }

  #conclude(
    { at, task }: Pick<Running, 'at' | 'task'>,
    outcome: Outcome,
    conditions: Transaction['conditions'],
  ): void {
    if (outcome.type === 'change') {
      const all = [...conditions, ...(outcome.conditions ?? [])]
      this.#changes.push({ at, task, outcome, conditions: all })
    } else if (outcome.type === 'confirm') {
      this.#confirmed.push({ task, body: outcome.body })
    } else {
      this.#plans.conclude(task, outcome, conditions)
    }
  }

  #end(): void {
    if (this.#changes.length > 0) this.#commit()
    if (this.#confirmed.length > 0) this.#confirm()
  }

  #commit(): void {
    const plans = this.#plans
    const changes = this.#changes.toSorted((a, b) => a.at - b.at)
    const attempts = changes.map(({ outcome, conditions }) => ({ ...outcome, conditions }))
    plans.attempt(attempts, (i, seq) => {
      const { task, outcome } = changes[i]!
      if (seq === undefined) return plans.run(task)
      if (typeof seq !== 'number') return plans.fail(task, seq)
      if (outcome.adopt === undefined) plans.discardOf(task)
      // The caller of a removal waits before any Local can acknowledge it.
      plans.finish(task, outcome.next(seq))
    })
  }

  #confirm(): void {
    const confirmed = this.#confirmed
    const failed = (why: Failure): void => {
      for (const { task } of confirmed) task.finish(why)
    }
    for (const { task } of confirmed) this.#plans.discardOf(task)
    this.#plans.ask<'confirmed'>(
      { type: 'confirm' },
      () => {
        for (const { task, body } of confirmed) task.finish(body)
      },
      failed,
    )
  }
}
