/** What ends a read at a Local: a removal, its time limit, the end of the lease. */
import { deadline, type Deadline } from '../../../deadline.ts'
import { DstoreError } from '../../../errors.ts'
import { leaseOver } from '../../../index/local/freshness.ts'
import { CALL_TIMEOUT_MS } from '../../../limits.ts'
import type { CallOptions } from '../../node.ts'
import type { Read } from '../active-reads.ts'
import type { GlobalLink } from '../global-link.ts'

type Link = Pick<GlobalLink, 'isLeaseOver' | 'verdict' | 'status'>

export class ReadLimits {
  readonly #link: Link
  readonly #movedAt: () => number

  /** `movedAt`: when bytes of any value last came from Global, as `performance.now` has it. */
  constructor(link: Link, movedAt: () => number) {
    this.#link = link
    this.#movedAt = movedAt
  }

  /** Runs only while the caller waits for a peer. */
  deadline({ timeoutMs = CALL_TIMEOUT_MS, signal }: CallOptions): Deadline {
    const limit = deadline(timeoutMs, 'nothing more of the value came', signal, this.#movedAt)
    limit.pauseTimer()
    return limit
  }

  /** Throws once a removal, the time limit or the lease ends a read. */
  check(read: Read, limit: Deadline): void {
    read.signal.throwIfAborted()
    limit.signal.throwIfAborted()
    if (this.#link.isLeaseOver()) throw leaseOver()
  }

  /** Throws where this node may serve nothing any more: its lease is over, or it is no member. */
  checkMembership(): void {
    if (this.#link.isLeaseOver()) throw leaseOver()
    if (this.#link.verdict() === 'refused') throw this.#link.status.error ?? noMember()
  }
}

export const noMember = (): DstoreError =>
  new DstoreError('not-permitted', 'this node is not a member of its Global')
