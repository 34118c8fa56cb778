/** What a link to Global is given, reports, and calls. */
import type { DstoreError } from '../../errors.ts'
import type { AnswerTo, Digest, Request } from '../../index/message.ts'
import type { OperationIds } from '../../index/local/operation-ids.ts'
import type { Log } from '../../log.ts'
import type { KnownMembers } from '../../membership/known-members.ts'
import type { Target } from './connection-race.ts'
import type { Connect } from './global-connector.ts'
import type { Holdings } from './holdings.ts'

export interface GlobalLinkOptions {
  /** The name of this machine, as a label: the node's own where its ticket has none. */
  readonly host?: string | undefined
  /** Opens an index stream to Global, and greets it. */
  readonly connect: Connect
  /** Milliseconds to wait before attempt number `attempt` (from 1) after the link was lost. */
  readonly backoffMs: (attempt: number) => number
  /** Receives the list of members, and its changes. */
  readonly members: KnownMembers
  /**
   * Called when Global has welcomed this node, at the start of each session: where it was reached,
   * and the addresses that it named.
   */
  readonly onWelcome?: (peer: string, target: Target | undefined, named: readonly string[]) => void
  /** A set named the addresses of its members, which may have changed. */
  readonly onNamed?: (target: Target, named: readonly string[]) => void
  readonly log: Log
  /** Elapsed milliseconds that never lag behind real time: see `holderClock`. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** The operations of this Local, of which Global hears when they end. */
  readonly operations?: OperationIds | undefined
}

export interface LinkStatus {
  readonly state: 'connected' | 'away'
  readonly since: Date
  /** Where Global is connected now: its address as it is known. */
  readonly address?: string | undefined
  /** Why it is away. */
  readonly error: DstoreError | undefined
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** While Global is away: wait for a connection? Not if the caller has another answer. */
  readonly waits?: () => boolean
  /** Digests that the request concerns but does not name: those of values to be put. */
  readonly digests?: readonly Digest[]
}

/**
 * Handles an answer at its place in the order of messages: a removal that arrived after it is not
 * applied yet. `keep`: may its content be kept?
 */
export type Take<R extends Request, T> = (answer: AnswerTo[R['type']], keep: boolean) => T

/** The values and bindings of the Local, which the link removes and confirms. */
export type Held = Pick<Holdings, 'apply' | 'reset' | 'verified' | 'cut'>
