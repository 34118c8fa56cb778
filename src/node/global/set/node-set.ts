/** What a Global has of its set while it is the active member (specs/012-set.md). */
import type { Elected, MemberStatus } from '../../../set/interface.ts'

export interface NodeSet {
  readonly elected: Elected
  /** Bytes that large values may take on the disk; the bucket has all of them. */
  readonly diskBytes?: number | undefined
  /** Where Locals reach the members, without the peer id. */
  readonly addresses: () => readonly string[]
  readonly status: () => MemberStatus
}
