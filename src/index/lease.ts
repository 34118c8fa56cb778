/** The arithmetic of leases for both ends (specs/004-index.md, "Rules: leases"). */
import { LEASE_MARGIN_MS, LEASE_MARGIN_PERCENT } from '../limits.ts'

/**
 * How long Global counts a lease, in milliseconds: longer than the Local, whose clock may be
 * slower.
 */
export function withMargin(leaseMs: number): number {
  return leaseMs * (1 + LEASE_MARGIN_PERCENT / 100) + LEASE_MARGIN_MS
}
