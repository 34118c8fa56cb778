/**
 * Puts many small values, each under a name of its own or without one (specs/004-index.md,
 * R004-167). Each has its outcome; what one names does not depend on the others.
 */
import { toHex } from '../../../bytes.ts'
import type { BatchItem, BatchOutcome, Body, PutBatch } from '../../message.ts'
import type { Names } from '../names/names.ts'
import type { Lifecycle } from '../rules/lifecycle.ts'
import type { Finish, Origin, PlanRunner, Task } from '../plan-runner.ts'
import type { Sealed } from '../plan.ts'
import { putTask, type PutContext } from '../put-plans.ts'
import { runTogether } from './run-together.ts'

export interface PutBatchParts {
  readonly plans: PlanRunner
  readonly names: Names
  readonly lifecycle: Lifecycle
  /** Called once, when every item has its outcome. */
  readonly finish: Finish
}

export function putBatch(
  { items }: PutBatch,
  origin: Origin,
  context: PutContext,
  parts: PutBatchParts,
): void {
  const { plans, finish } = parts
  if (items.length === 0) return finish({ type: 'stored-batch', outcomes: [] })
  plans.ask<'sealed'>(
    {
      type: 'stage',
      values: items.map(({ value }) => value),
      names: items.map(({ name }) => name),
    },
    ({ values }) => new Batch(items, values, origin, context, parts).begin(),
    finish,
  )
}

class Batch {
  readonly #items: readonly BatchItem[]
  readonly #values: readonly Sealed[]
  readonly #origin: Origin
  readonly #context: PutContext
  readonly #parts: PutBatchParts
  readonly #outcomes: (BatchOutcome | undefined)[]
  #left: number

  constructor(
    items: readonly BatchItem[],
    values: readonly Sealed[],
    origin: Origin,
    context: PutContext,
    parts: PutBatchParts,
  ) {
    this.#items = items
    this.#values = values
    this.#origin = origin
    this.#context = context
    this.#parts = parts
    this.#outcomes = items.map(() => undefined)
    this.#left = items.length
  }

  begin(): void {
    this.#run(rounds(this.#items, this.#values))
  }

  /** A round begins when the one before it is done: its items change the same rows. */
  #run([round, ...later]: readonly (readonly number[])[]): void {
    if (round === undefined) return
    let left = round.length
    const done = (): void => void (--left === 0 && this.#run(later))
    const together: Task[] = []
    let isCollecting = true
    for (const at of round) {
      this.#operate(at, done, (task) => {
        if (isCollecting) together.push(task)
        // It had to wait: for the log to be read back, for its turn, or for room in a rule.
        else this.#parts.plans.run(task)
      })
    }
    isCollecting = false
    runTogether(this.#parts.plans, together)
  }

  /** `begin` is not called for the repeat of an operation: that has its answer. */
  #operate(at: number, done: () => void, begin: (task: Task) => void): void {
    const { plans, names, lifecycle } = this.#parts
    const { name, naming, operation } = this.#items[at]!
    const value = this.#values[at]!
    const as = { name, naming, ...(operation && { operation }) }
    const wish = name === undefined ? undefined : { ...value, name, directory: false }
    let isFirst = false
    const finish = (body: Body): void => {
      if (!isFirst) plans.discard(value.location)
      this.#finished(at, body)
      done()
    }
    names.operate({ ...as, type: 'put' }, finish, (first) => {
      lifecycle.admit(wish, first, (admitted) => {
        isFirst = true
        begin(putTask(this.#origin, value, as, this.#context, admitted))
      })
    })
  }

  #finished(at: number, body: Body): void {
    this.#outcomes[at] = outcomeOf(body)
    if (--this.#left > 0) return
    this.#parts.finish({ type: 'stored-batch', outcomes: this.#outcomes as BatchOutcome[] })
  }
}

function outcomeOf(body: Body): BatchOutcome {
  if (body.type === 'stored') return { receipt: body.receipts[0]! }
  if (body.type === 'failure') return { failure: body }
  throw new RangeError(`a ${body.type} answered a put`)
}

/**
 * The items by their places, so that no two of a round have the same bytes or the same name, and
 * those that do keep their order.
 */
function rounds(items: readonly BatchItem[], values: readonly Sealed[]): number[][] {
  const all: number[][] = []
  /** The first round that is open to an item with this name or digest. */
  const open = new Map<string, number>()
  for (const [at, { name }] of items.entries()) {
    const subjects = [`#${toHex(values[at]!.digest)}`]
    if (name !== undefined) subjects.push(`/${name}`)
    const round = Math.max(...subjects.map((one) => open.get(one) ?? 0))
    for (const one of subjects) open.set(one, round + 1)
    ;(all[round] ??= []).push(at)
  }
  return all
}
