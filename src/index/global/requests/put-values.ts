/**
 * Puts the small values of one message, each an operation of its own (specs/004-index.md,
 * R004-125): several puts share a message, and each may be repeated in another.
 */
import type { Body } from '../../message.ts'
import type { Names } from '../names/names.ts'
import type { Sealed } from '../plan.ts'
import type { Origin, PlanRunner, Task } from '../plan-runner.ts'
import { joined, putTask, type PutContext } from '../put-plans.ts'
import { runTogether } from './run-together.ts'

export interface PutValuesParts {
  readonly plans: PlanRunner
  readonly names: Names
  /** Called once, when the last one is put or the first has failed. */
  readonly finish: (body: Body) => void
}

/** `operations`: one for each value. */
export function putValues(
  values: readonly Sealed[],
  operations: readonly Uint8Array[],
  origin: Origin,
  context: PutContext,
  { plans, names, finish }: PutValuesParts,
): void {
  const put = joined(values.length, finish)
  const together: Task[] = []
  let isCollecting = true
  values.forEach((value, at) => {
    const as = { operation: operations[at]! }
    let isFirst = false
    const done = (body: Body): void => {
      // A repeat has no use for the value.
      if (!isFirst) plans.discard(value.location)
      put(at, body)
    }
    names.operate({ type: 'put', ...as }, done, (first) => {
      isFirst = true
      const task = putTask(origin, value, as, context, first)
      if (isCollecting) together.push(task)
      // It had to wait for the log to be read back.
      else plans.run(task)
    })
  })
  isCollecting = false
  runTogether(plans, together)
}
