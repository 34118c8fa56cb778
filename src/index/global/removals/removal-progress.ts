/** How far a removal is, by its own change and by those that it led to. */
import type { LocalRegister } from '../local-register.ts'
import type { CascadeProgress } from '../trees/cascades.ts'

/** A removal that is durable. */
export interface DurableRemoval {
  readonly seq: number
  /** When it was first asked how far it is. */
  readonly addedAt: number
  /** What a removed directory held goes with it. */
  readonly cascade?: CascadeProgress | undefined
}

/** The last change of a removal, and when the leases that were granted before it are over. */
export interface RemovalEnd {
  readonly seq: number
  readonly graceEnds: number
}

export function endOf({ seq, addedAt, cascade }: DurableRemoval, graceMs: number): RemovalEnd {
  return {
    seq: Math.max(seq, cascade?.lastSeq ?? 0),
    graceEnds: Math.max(addedAt, cascade?.movedAt ?? -Infinity) + graceMs,
  }
}

/** Is there more to come, or a Local that owes it? */
export function isOpen(
  { cascade }: DurableRemoval,
  { seq, graceEnds }: RemovalEnd,
  register: LocalRegister,
  now: number,
): boolean {
  return cascade?.hasEnded === false || register.isOwed(seq, now, graceEnds)
}
