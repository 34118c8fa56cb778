/** A verifier of groups, on another thread for instance. */
import type { ExpectedGroups } from '../hash/proof/group-check.ts'

export interface GroupChecker {
  /**
   * Verifies `length` bytes of groups at `at`. Takes over the whole buffer of `memory`, and returns
   * it with the result. Rejects with `integrity`.
   */
  check(memory: Uint8Array, at: number, length: number, groups: ExpectedGroups): Promise<Uint8Array>
}
