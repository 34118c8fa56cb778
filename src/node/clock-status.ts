/** Whether Global trusts its wall clock, as its status says (specs/004-index.md, R004-64). */
import type { WallDoubt } from '../index/global/wall-trust.ts'
import type { ClockStatus } from './node-status.ts'

export function clockStatus(doubt: WallDoubt | undefined): ClockStatus {
  if (doubt === undefined) return { trusted: true }
  const { why } = doubt
  if ('leftMs' in doubt) return { trusted: false, why, leftMs: Math.round(doubt.leftMs) }
  return { trusted: false, why, offMs: Math.round(doubt.byMs) }
}
