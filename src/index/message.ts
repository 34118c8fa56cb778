/**
 * The messages of the index protocol as the state machines see them (specs/004-index.md, "Messages"): plain objects,
 * sizes and sequence numbers as numbers. `codec.ts` turns them into frames and refuses whatever does not fit.
 */
import type { ErrorCode } from '../errors.ts'

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
  readonly ticketSecret: Uint8Array | undefined
}

export interface Welcome {
  readonly type: 'welcome'
  readonly version: number
  readonly position: Position
  readonly leaseMs: number | undefined
  readonly reset: boolean
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
}

export interface Located {
  readonly type: 'located'
  readonly facts: readonly (Fact | undefined)[]
}

/** Store these small values. */
export interface Put {
  readonly type: 'put'
  readonly values: readonly Uint8Array[]
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
  readonly timeoutMs: number
}

export interface Removed {
  readonly type: 'removed'
  readonly seq: number
  readonly freedBytes: number
  readonly acknowledged: readonly string[]
  readonly owed: readonly string[]
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
export type Request = Locate | Put | Offer | Remove | List | Ping

/** What answers each request, besides a Failure. */
export interface AnswerTo {
  readonly locate: Located
  readonly put: Stored
  readonly offer: Offered
  readonly remove: Removed
  readonly list: Listed
  readonly ping: Pong
}

export type Answer = AnswerTo[Request['type']]

export type Body = Hello | Welcome | Request | Answer | Goodbye | Failure

export interface Message {
  /** Chosen by who asks, repeated in the answer; 0 where no answer is due. */
  readonly id: number
  readonly body: Body
}

/** Versions of the protocol that this implementation speaks, best first. */
export const VERSIONS: readonly number[] = [1]
