/**
 * The messages of the index protocol as the state machines see them (specs/004-index.md, "Messages"): plain objects,
 * sizes and sequence numbers as numbers. `codec.ts` turns them into frames and refuses whatever does not fit.
 */
import type { ErrorCode } from '../errors.ts'
import type { MemberRole } from '../membership/role.ts'

/** A BLAKE3 digest, 32 bytes: a key without its spelling. */
export type Digest = Uint8Array

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
  /** The highest seq that was heard of in the run of `position`, in whatever answer. */
  readonly seen: number
  readonly ticketSecret: Uint8Array | undefined
}

export interface Welcome {
  readonly type: 'welcome'
  readonly version: number
  readonly position: Position
  readonly leaseMs: number | undefined
  readonly reset: boolean
  /** With a reset: the peer ids of all members. */
  readonly members: readonly string[]
}

/** Where are these values? With `inline`, small ones come with the answer. */
export interface Locate {
  readonly type: 'locate'
  readonly digests: readonly Digest[]
  readonly inline: boolean
}

/** What the index knows of one key; undefined where it does not exist. */
export interface Fact {
  readonly size: number
  readonly incarnation: number
  readonly value: Uint8Array | undefined
  readonly holders: readonly string[]
  /** Names of the key, as many as fit. */
  readonly names: readonly string[]
}

export interface Located {
  readonly type: 'located'
  readonly facts: readonly (Fact | undefined)[]
}

/** Store these small values; a name goes with a single one. */
export interface Put {
  readonly type: 'put'
  readonly values: readonly Uint8Array[]
  readonly name: string | undefined
}

/** One value that is stored. */
export interface Receipt {
  readonly digest: Digest
  readonly size: number
  readonly incarnation: number
  readonly existed: boolean
}

export interface Stored {
  readonly type: 'stored'
  readonly receipts: readonly Receipt[]
}

/** May I send this large value? */
export interface Offer {
  readonly type: 'offer'
  readonly digest: Digest
  readonly size: number
  readonly name: string | undefined
}

/** `have`: nothing need be sent. Otherwise send from this byte on. */
export interface Offered {
  readonly type: 'offered'
  readonly have: Receipt | undefined
  readonly sendFrom: number
}

export interface Remove {
  readonly type: 'remove'
  readonly digest: Digest
  /** How long Global may wait for acknowledgements; undefined: as long as it finds right. */
  readonly timeoutMs: number | undefined
  /** Remove the value although it has names. */
  readonly force: boolean
}

/** Unbind a name; its value goes with its last name, if it was never put without one and need not be kept. */
export interface Unbind {
  readonly type: 'unbind'
  readonly name: string
  readonly keepValue: boolean
  readonly timeoutMs: number | undefined
}

export interface Removed {
  readonly type: 'removed'
  readonly seq: number
  readonly freedBytes: number
  /** Locals that have applied it, that have not, and whose lease ran out: peer ids. */
  readonly acknowledged: readonly string[]
  readonly owed: readonly string[]
  readonly expired: readonly string[]
  /** Names that are bound no more. */
  readonly names: readonly string[]
  /** The key whose value was removed, if one was. */
  readonly digest: Digest | undefined
}

export interface Bind {
  readonly type: 'bind'
  readonly name: string
  readonly digest: Digest
}

export interface Lookup {
  readonly type: 'lookup'
  readonly name: string
  readonly inline: boolean
}

/** A name and its key; undefined where the name is not bound. */
export interface Binding {
  readonly type: 'binding'
  readonly found: Found | undefined
}

export interface Found {
  readonly digest: Digest
  /** Seq of the change that bound the name. */
  readonly incarnation: number
  readonly fact: Fact
}

export interface Names {
  readonly type: 'names'
  readonly prefix: string
  readonly after: string | undefined
  readonly limit: number
}

export interface Named {
  readonly type: 'named'
  readonly items: readonly { readonly name: string; readonly digest: Digest }[]
  readonly more: boolean
}

/** Changes after a position, as soon as there are any. */
export interface Watch {
  readonly type: 'watch'
  /** Undefined: from now on. */
  readonly after: Position | undefined
  readonly waitMs: number
  readonly limit: number
}

export interface Watched {
  readonly type: 'watched'
  readonly position: Position
  readonly changes: readonly ChangeSeen[]
  /** There were changes that the log does not hold. */
  readonly lost: boolean
}

export type ChangeType =
  'run-started' | 'put' | 'bind' | 'unbind' | 'remove' | 'invite' | 'admit' | 'expel'

/** One change, as watchers are told. */
export interface ChangeSeen {
  readonly seq: number
  readonly type: ChangeType
  readonly digest: Digest | undefined
  readonly names: readonly string[]
  readonly size: number | undefined
  /** Who was admitted or expelled. */
  readonly peer: string | undefined
  /** The role of who was invited or admitted. */
  readonly role: MemberRole | undefined
}

/** What a Local must let go of among the changes `after` < seq <= `upto`. */
export interface Feed {
  readonly type: 'feed'
  readonly after: number
  readonly upto: number
  readonly removals: readonly Removal[]
  readonly unbindings: readonly Unbinding[]
  readonly memberships: readonly Membership[]
}

/** A peer became a member, or is one no more. */
export interface Membership {
  readonly peer: string
  readonly admitted: boolean
  readonly seq: number
}

export interface Removal {
  readonly digest: Digest
  readonly seq: number
}

export interface Unbinding {
  readonly name: string
  readonly seq: number
}

/** All changes up to this one are applied. */
export interface Ack {
  readonly type: 'ack'
  readonly seq: number
}

/** Let a ticket be good for so many peers and so long: Global is told the hash of its secret alone. */
export interface Invite {
  readonly type: 'invite'
  readonly secretHash: Digest
  readonly role: MemberRole
  readonly uses: number
  readonly validMs: number
}

export interface Invited {
  readonly type: 'invited'
  /** Where Global listens: multiaddrs without peer id. */
  readonly addresses: readonly string[]
  /** Wall clock. */
  readonly expiresMs: number
}

/** Let a peer be a member, or give a member another role. */
export interface Admit {
  readonly type: 'admit'
  readonly peer: string
  readonly role: MemberRole
}

export interface Admitted {
  readonly type: 'admitted'
}

/** Let a member be one no more; answered as a removal is. */
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
  /** Undefined where it was expelled. */
  readonly role: MemberRole | undefined
  readonly connected: boolean
  /** When it became what it is: wall clock. */
  readonly sinceMs: number
}

export interface List {
  readonly type: 'list'
  readonly after: Digest | undefined
  readonly limit: number
}

export interface Listed {
  readonly type: 'listed'
  readonly items: readonly { readonly digest: Digest; readonly size: number }[]
  readonly more: boolean
}

export interface Ping {
  readonly type: 'ping'
}

export interface Pong {
  readonly type: 'pong'
  /** From Global: the seq of the last change before it. */
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

/** What a Local asks, once it was welcomed. */
export type Request =
  | Locate
  | Put
  | Offer
  | Remove
  | List
  | Bind
  | Unbind
  | Lookup
  | Names
  | Watch
  | Invite
  | Admit
  | Expel
  | MembersRequest
  | Ping

/** What answers each request, besides a Failure. */
export interface AnswerTo {
  readonly locate: Located
  readonly put: Stored
  readonly offer: Offered
  readonly remove: Removed
  readonly list: Listed
  readonly bind: Binding
  readonly unbind: Removed
  readonly lookup: Binding
  readonly names: Named
  readonly watch: Watched
  readonly invite: Invited
  readonly admit: Admitted
  readonly expel: Removed
  readonly members: MemberPage
  readonly ping: Pong
}

export type Answer = AnswerTo[Request['type']]

export type Body = Hello | Welcome | Request | Answer | Feed | Ack | Goodbye | Failure

export interface Message {
  /** Chosen by who asks, repeated in the answer; 0 where no answer is due. */
  readonly id: number
  readonly body: Body
}

/** Versions of the protocol that this implementation speaks, best first. */
export const VERSIONS: readonly number[] = [1]
