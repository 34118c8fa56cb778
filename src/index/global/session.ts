/** One session of a Local with Global, and what all of them are given. */
import type { Members } from '../../membership/members.ts'
import type { Write } from '../../store/store.ts'
import type { Body, Failure, Hello } from '../message.ts'
import type { Run } from '../records/record.ts'
import type { Rules } from '../rules.ts'
import type { ChangeFeed } from './feed.ts'
import type { GlobalEffect, SessionId } from './global-events.ts'
import type { LocalRegister } from './local-register.ts'
import type { ShownTicket } from './membership-plans.ts'

export interface SessionsOptions {
  readonly runs: readonly Run[]
  readonly leaseMs: number | undefined
  readonly rules: Rules
  readonly feed: ChangeFeed
  readonly register: LocalRegister
  readonly members: Members
  /** Where Global listens: multiaddrs without its peer id. */
  readonly addresses: () => readonly string[]
  /** Redeems the ticket with this secret; `then` gets `admitted`, or a failure. */
  readonly redeem: (peer: string, shown: ShownTicket, then: (answer: Body) => void) => void
  /** The changes up to this one were trimmed from the log. */
  readonly trimmed: () => number
  readonly emit: (effect: GlobalEffect) => void
  /** Makes rows of the register durable, in the archive too, then calls `then`. */
  readonly write: (
    writes: readonly Write[],
    then: () => void,
    failed: (why: Failure) => void,
  ) => void
  /** See `GlobalIndexOptions`. */
  readonly mayRenew: () => boolean
  /** The time of the event that is being handled. */
  readonly now: () => number
}

export interface Session {
  readonly peer: string
  state: 'opened' | 'registering' | 'welcome'
  /** The protocol version, from the welcome on. */
  version: number | undefined
  heardAt: number
  sentAt: number
  hello: { readonly id: number; readonly body: Hello } | undefined
  /** Counts the hellos of all sessions: this one came after those with a lower number. */
  order: number
  /** The seq up to which it has been fed. */
  fedUpTo: number
  /** The seq that it has yet to acknowledge. */
  outstanding: number | undefined
  /** The log is being read for it. */
  replaying: boolean
  /** Older sessions of the same boot end as soon as this one is heard after its welcome. */
  replacesOlder: boolean
  /** A newer session of the same identity, which takes over unless this one is heard. */
  challenger: { readonly session: SessionId; readonly since: number } | undefined
}

/** One that was opened just now, and has said nothing yet. */
export function newSession(peer: string, now: number): Session {
  return {
    peer,
    state: 'opened',
    version: undefined,
    heardAt: now,
    sentAt: now,
    hello: undefined,
    order: 0,
    fedUpTo: 0,
    outstanding: undefined,
    replaying: false,
    replacesOlder: false,
    challenger: undefined,
  }
}
