/**
 * The messages of the index protocol as the state machines see them (specs/004-index.md,
 * "Messages"): plain objects, with sizes and seqs as numbers. `codec` turns them into frames, and
 * refuses every message that breaks a bound.
 */
import type { Watch, Watched } from './messages/changes.ts'
import type {
  Admit,
  Admitted,
  Expel,
  Invite,
  Invited,
  MemberPage,
  MembersRequest,
} from './messages/members.ts'
import type { Bind, Binding, Lookup, Named, Names, Unbind } from './messages/names.ts'
import type { Ack, Failure, Feed, Goodbye, Hello, Ping, Pong, Welcome } from './messages/session.ts'
import type {
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
} from './messages/values.ts'

export type * from './messages/changes.ts'
export type * from './messages/members.ts'
export type * from './messages/names.ts'
export type * from './messages/session.ts'
export type * from './messages/values.ts'

/** A request of a Local that is welcome. */
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

/** The answer to each request, other than a Failure. */
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
  /** Chosen by the requester and repeated in the answer; 0 if no answer is due. */
  readonly id: number
  readonly body: Body
}

/** The protocol versions of this implementation, best first. */
export const VERSIONS: readonly number[] = [1]

/** The seqs that a message names (R004-10). */
export function seqsIn(body: Body): number[] {
  switch (body.type) {
    case 'located':
      return body.facts.map((fact) => fact?.incarnation ?? 0)
    case 'stored':
      return body.receipts.map(({ incarnation }) => incarnation)
    case 'offered':
      return [body.have?.incarnation ?? 0]
    case 'binding':
      return [body.found?.incarnation ?? 0, body.found?.fact.incarnation ?? 0]
    case 'feed':
      return [body.upto]
    default:
      return []
  }
}
