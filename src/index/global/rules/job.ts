/** Work that goes on in the background, one piece after another. */
import type { DstoreError } from '../../../errors.ts'
import type { Flow, FlowRunner } from '../trees/flow.ts'

/** Calls one of these when it is done. */
export type Job = (done: () => void, failed: (why: DstoreError) => void) => void

/** `after` gets what comes of it, once it is done. */
export const jobOf =
  <T>(flows: FlowRunner, flow: () => Flow<T>, after: (result: T) => void): Job =>
  (done, failed) => {
    flows.run(
      flow(),
      (result) => {
        done()
        after(result)
      },
      failed,
    )
  }
