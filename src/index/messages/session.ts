/**
 * Messages that open, feed and end a session (specs/004-index.md, "Rules: sessions" and "Rules: the
 * feed").
 */
import type { ErrorCode } from '../../errors.ts'
import type { Digest } from './values.ts'

/** A place in the order of changes of one run of Global. */
export interface Position {
  readonly runId: Uint8Array
  readonly seq: number
}

export interface Hello {
  readonly type: 'hello'
  readonly versions: readonly number[]
  readonly bootId: Uint8Array
  readonly position: Position | undefined
  /** The highest seq of the run of `position` that any message named. */
  readonly highestSeen: number
  readonly ticketSecret: Uint8Array | undefined
}

export interface Welcome {
  readonly type: 'welcome'
  readonly version: number
  readonly position: Position
  readonly leaseMs: number | undefined
  readonly reset: boolean
  /** With a reset, the peer ids of all members. */
  readonly members: readonly string[]
}

/** The losses and changes of members among the changes `after` < seq <= `upto`. */
export interface Feed {
  readonly type: 'feed'
  readonly after: number
  readonly upto: number
  readonly removals: readonly Removal[]
  readonly unbindings: readonly Unbinding[]
  readonly memberships: readonly Membership[]
}

export interface Removal {
  readonly digest: Digest
  readonly seq: number
}

export interface Unbinding {
  readonly name: string
  readonly seq: number
}

/** A peer was admitted or expelled. */
export interface Membership {
  readonly peer: string
  readonly admitted: boolean
  readonly seq: number
}

/** The Local has applied every change up to this one. */
export interface Ack {
  readonly type: 'ack'
  readonly seq: number
}

export interface Ping {
  readonly type: 'ping'
}

export interface Pong {
  readonly type: 'pong'
  /** From Global: the seq of the last change before this answer. */
  readonly seq: number
}

export interface Goodbye {
  readonly type: 'goodbye'
  readonly reason: string
}

export interface Failure {
  readonly type: 'failure'
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}
