/**
 * The messages of the index protocol as the state machines see them (specs/004-index.md,
 * "Messages"): plain objects, with sizes and seqs as numbers. `codec` turns them into frames, and
 * refuses every message that breaks a bound.
 */
import type { Failure } from './failure-message.ts'
import type { MemberRole } from '../membership/role.ts'
import type { PutBatch, StoredBatch } from './batch-messages.ts'
import type {
  Digest,
  List,
  Listed,
  Locate,
  Located,
  Offer,
  Offered,
  Put,
  Remove,
  Removed,
  Stored,
  Target,
} from './value-messages.ts'
import type {
  Bind,
  Binding,
  Contents,
  Lookup,
  Named,
  Names,
  Rebind,
  Rebound,
  StoreContents,
  TagHistory,
  TagTargets,
  Unbind,
} from './name-messages.ts'
import type { SettledOperations } from './naming-messages.ts'
import type {
  CommitTree,
  Held,
  Hold,
  MadeDirectories,
  MakeDirectories,
  Present,
  PresentAnswer,
} from './tree-messages.ts'

import type { RuleAnswers, RuleRequest } from './rule-messages.ts'

export type * from './batch-messages.ts'
export type * from './failure-message.ts'
export type * from './name-messages.ts'
export type * from './naming-messages.ts'
export type * from './rule-messages.ts'
export type * from './tree-messages.ts'
export type * from './value-messages.ts'

/** A request of a Local that is welcome. */
export type Request =
  | Locate
  | Put
  | PutBatch
  | Offer
  | Remove
  | List
  | Bind
  | Rebind
  | Unbind
  | Lookup
  | TagHistory
  | Names
  | Contents
  | Watch
  | Hold
  | Present
  | MakeDirectories
  | CommitTree
  | RuleRequest
  | Invite
  | Admit
  | Expel
  | MembersRequest
  | Ping

/** The answer to each request, other than a Failure. */
export interface AnswerTo extends RuleAnswers {
  readonly locate: Located
  readonly put: Stored
  readonly 'put-batch': StoredBatch
  readonly offer: Offered
  readonly remove: Removed
  readonly list: Listed
  readonly bind: Binding
  readonly rebind: Rebound
  readonly 'tag-history': TagTargets
  readonly unbind: Removed
  readonly lookup: Binding
  readonly names: Named
  readonly contents: StoreContents
  readonly watch: Watched
  readonly hold: Held
  readonly present: PresentAnswer
  readonly 'make-directories': MadeDirectories
  readonly 'commit-tree': Stored
  readonly invite: Invited
  readonly admit: Admitted
  readonly expel: Removed
  readonly members: MemberPage
  readonly ping: Pong
}

export type Answer = AnswerTo[Request['type']]

export type Body = Hello | Welcome | Request | Answer | Feed | Ack | Goodbye | Failure

export interface Message {
  /** Chosen by the requester and repeated in the answer; 0 if no answer is due. */
  readonly id: number
  readonly body: Body
}

// Sessions and the feed: they open, feed and end a session.

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
  /** The name of its machine, beside a ticket: the label of the member by default. */
  readonly host?: string | undefined
}

export interface Welcome {
  readonly type: 'welcome'
  readonly version: number
  readonly position: Position
  readonly leaseMs: number | undefined
  readonly reset: boolean
  /** With a reset, the peer ids of all members. */
  readonly members: readonly string[]
  /** Where Global listens: multiaddrs without peer id. */
  readonly addresses: readonly string[]
  /** What Global reports of itself, for people only. What it does not report is missing. */
  readonly report?: GlobalReport
}

export interface GlobalReport {
  /** Its wall clock as it sent this, in milliseconds since 1970. */
  readonly wallMs?: number
  /** The version of its implementation. */
  readonly release?: string
  /** The TCP port on which it accepts lanes. */
  readonly lanePort?: number
  /** The role of the Local that it is sent to. */
  readonly role?: MemberRole
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
  /** From a Local: operations that it will not repeat (R004-132). */
  readonly settled?: readonly SettledOperations[]
}

export interface Pong {
  readonly type: 'pong'
  /** From Global: the seq of the last change before this answer. */
  readonly seq: number
  /** From Global: its wall clock as it sent this, in milliseconds since 1970, if it reports it. */
  readonly wallMs?: number
  /** From a set: where its members listen, as in `Welcome`. Missing: as before. */
  readonly addresses?: readonly string[]
  /** From Global: the role of the Local that it is sent to. */
  readonly role?: MemberRole
}

export interface Goodbye {
  readonly type: 'goodbye'
  readonly reason: string
}

// Watchers.

/** Before the oldest change in the log: the position of no run (R004-40). */
export const WATCH_START: Position = { runId: new Uint8Array(16), seq: 0 }

/** Asks for the changes after a position, to be answered as soon as there is one. */
export interface Watch {
  readonly type: 'watch'
  /** Undefined for the current position; `WATCH_START` for the oldest change in the log. */
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
  | 'run-started'
  | 'put'
  | 'bind'
  | 'rebind'
  | 'unbind'
  | 'remove'
  | 'invite'
  | 'admit'
  | 'expel'

/** Why a name or a key went. `moved`: as the replaced target of a tag, when its time was over. */
export type WhyGone = 'expired' | 'rule' | 'moved' | 'removed'

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
  /** The key is, or was, a directory. */
  readonly directory?: boolean
  /** Of a tag that moved: what it was bound to before. */
  readonly previous?: Target
  /** Of an unbinding or a removal. */
  readonly why?: WhyGone
}

// Tickets and members (specs/006-membership.md).

/** Makes a ticket. Global gets only the hash of its secret. */
export interface Invite {
  readonly type: 'invite'
  readonly secretHash: Digest
  readonly role: MemberRole
  readonly uses: number
  readonly validMs: number
  /** The label of the members that it admits. */
  readonly label?: string | undefined
}

export interface Invited {
  readonly type: 'invited'
  /** Where Global listens: multiaddrs without peer id. */
  readonly addresses: readonly string[]
  /** Wall clock, in milliseconds. */
  readonly expiresMs: number
}

/** Makes a peer a member, or changes its role. */
export interface Admit {
  readonly type: 'admit'
  readonly peer: string
  readonly role: MemberRole
}

export interface Admitted {
  readonly type: 'admitted'
}

/** Ends a membership. The answer is that of a removal. */
export interface Expel {
  readonly type: 'expel'
  readonly peer: string
  readonly timeoutMs: number | undefined
}

export interface MembersRequest {
  readonly type: 'members'
  readonly after: string | undefined
  readonly limit: number
}

export interface MemberPage {
  readonly type: 'member-page'
  readonly items: readonly MemberFacts[]
  readonly more: boolean
}

export interface MemberFacts {
  readonly peer: string
  /** Undefined if it was expelled. */
  readonly role: MemberRole | undefined
  readonly connected: boolean
  /** When it got this role or was expelled: wall clock, in milliseconds. */
  readonly sinceMs: number
  readonly label?: string | undefined
}
