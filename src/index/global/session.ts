/** One session of a Local with Global. */
import type { Hello } from '../message.ts'
import type { SessionId } from './global-events.ts'

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
