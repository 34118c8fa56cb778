/** What the thread that proves is asked, and what it answers. Memory goes over and comes back: neither side copies it. */
import type { ExpectedGroups } from '../../hash/proof/group-check.ts'

export interface VerifyJob extends ExpectedGroups {
  readonly id: number
  readonly memory: ArrayBuffer
  /** Where in it the groups are, in bytes. */
  readonly at: number
  readonly length: number
}

export interface VerifyReport {
  readonly id: number
  readonly memory: ArrayBuffer
  /** Offset within the value of the first group that is not what it must be. */
  readonly wrong: number | undefined
}
