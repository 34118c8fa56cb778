/** Messages to watchers (specs/004-index.md, "Rules: retention and watching"). */
import type { MemberRole } from '../../membership/role.ts'
import type { Position } from './session.ts'
import type { Digest } from './values.ts'

/** Asks for the changes after a position, to be answered as soon as there is one. */
export interface Watch {
  readonly type: 'watch'
  /** Undefined for the current position. */
  readonly after: Position | undefined
  readonly waitMs: number
  readonly limit: number
}

export interface Watched {
  readonly type: 'watched'
  readonly position: Position
  readonly changes: readonly WatchedChange[]
  /** Some changes after the position are no longer in the log. */
  readonly lost: boolean
}

export type ChangeType =
  'run-started' | 'put' | 'bind' | 'unbind' | 'remove' | 'invite' | 'admit' | 'expel'

/** A change, as watchers get it. */
export interface WatchedChange {
  readonly seq: number
  readonly type: ChangeType
  readonly digest: Digest | undefined
  readonly names: readonly string[]
  readonly size: number | undefined
  /** The peer that was admitted or expelled. */
  readonly peer: string | undefined
  /** The role of the ticket, or of the peer that was admitted. */
  readonly role: MemberRole | undefined
}
