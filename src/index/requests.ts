/**
 * What a Local has asked its Global (specs/004-index.md, "Requests"): pipelined, each settled exactly once, sent again
 * where the link broke and that is safe, asked again where a removal has overtaken the answer.
 */
import { DstoreError } from '../errors.ts'
import { REQUESTS_IN_FLIGHT } from '../limits.ts'
import { keyThing, nameThing, type Flight, type InFlight } from './in-flight.ts'
import type { Answer, Body, Digest, Message, Request } from './message.ts'
import type { Rules } from './rules.ts'

/** An answer, and whether what it says may be kept: not where a removal was seen since the question. */
export interface Settled {
  readonly ticket: number
  readonly result: Answer | DstoreError
  readonly keep: boolean
}

interface Pending {
  readonly ticket: number
  readonly body: Request
  readonly things: readonly string[]
  /** From the moment it was sent. */
  flight: Flight | undefined
  /** It was asked again already. */
  repeated: boolean
}

const ANSWERS: Readonly<Record<Request['type'], Answer['type']>> = {
  locate: 'located',
  put: 'stored',
  offer: 'offered',
  remove: 'removed',
  unbind: 'removed',
  list: 'listed',
  bind: 'binding',
  lookup: 'binding',
  names: 'named',
  watch: 'watched',
  invite: 'invited',
  admit: 'admitted',
  expel: 'removed',
  members: 'member-page',
  ping: 'pong',
}

/** Ids of requests; all others are the link's own. */
const FIRST_ID = 16
const LAST_ID = 0x7fff_ffff

export class Requests {
  readonly #inFlight: InFlight
  readonly #rules: Rules
  /** Unanswered requests, in the order of the calls. */
  readonly #pending = new Map<number, Pending>()
  /** Tickets that were not sent on this link. */
  readonly #unsent = new Set<number>()
  /** Message id on this link -> ticket. A cancelled ticket leaves its id, so that the answer is recognised. */
  readonly #sent = new Map<number, number>()
  #lastId = FIRST_ID

  constructor(inFlight: InFlight, rules: Rules) {
    this.#inFlight = inFlight
    this.#rules = rules
  }

  add(ticket: number, body: Request, digests: readonly Digest[] = []): void {
    const things = [...thingsOf(body), ...digests.map(keyThing)]
    this.#pending.set(ticket, { ticket, body, things, flight: undefined, repeated: false })
    this.#unsent.add(ticket)
  }

  cancel(ticket: number): void {
    this.#pending.get(ticket)?.flight?.end()
    this.#pending.delete(ticket)
    this.#unsent.delete(ticket)
  }

  /** The messages that may be sent now. */
  *sendable(): Generator<Message> {
    for (const ticket of this.#unsent) {
      if (this.#sent.size >= REQUESTS_IN_FLIGHT) return
      const id = this.#nextId()
      const pending = this.#pending.get(ticket)!
      this.#unsent.delete(ticket)
      this.#sent.set(id, ticket)
      pending.flight?.end()
      pending.flight = this.#inFlight.begin(pending.things)
      yield { id, body: pending.body }
    }
  }

  /** An answer came. Undefined where it settles nothing; `protocol` is thrown where nothing was asked. */
  answered({ id, body }: Message): Settled | undefined {
    const ticket = this.#sent.get(id)
    if (ticket === undefined)
      throw new DstoreError('protocol', 'Global answered what was not asked')
    this.#sent.delete(id)
    const pending = this.#pending.get(ticket)
    if (pending === undefined) return undefined
    if (body.type === 'failure') return this.#settle(pending, errorOf(body), false)
    if (body.type !== ANSWERS[pending.body.type]) {
      const message = `Global answered a ${pending.body.type} with ${body.type}`
      return this.#settle(pending, new DstoreError('protocol', message), false)
    }
    const keep = this.#isFresh(pending, body)
    const asks = pending.body.type === 'locate' || pending.body.type === 'lookup'
    if (keep || !asks) return this.#settle(pending, body, keep)
    if (pending.repeated) {
      const gone = new DstoreError('removed', 'it was removed while it was asked for')
      return this.#settle(pending, gone, false)
    }
    pending.repeated = true
    this.#unsent.add(ticket)
    return undefined
  }

  /** The link is gone: what may be repeated waits for the next; what may have been done is told so. */
  broke(): Settled[] {
    this.#sent.clear()
    this.#lastId = FIRST_ID
    const settled: Settled[] = []
    for (const pending of this.#pending.values()) {
      const { type } = pending.body
      const isOnce = type === 'remove' || type === 'unbind' || type === 'expel' || type === 'invite'
      if (isOnce && !this.#unsent.has(pending.ticket)) {
        // A value that was put again meanwhile would be removed, too.
        const message = 'the link to Global broke: it may be done or not'
        settled.push(this.#settle(pending, new DstoreError('unreachable', message), false))
      } else {
        pending.repeated = false
        this.#unsent.add(pending.ticket)
      }
    }
    return settled
  }

  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  /** Global is away: nobody waits for it any longer. */
  fail(error: DstoreError): Settled[] {
    return [...this.#pending.values()].map((pending) => this.#settle(pending, error, false))
  }

  #settle(pending: Pending, result: Answer | DstoreError, keep: boolean): Settled {
    const { ticket } = pending
    this.cancel(ticket)
    return { ticket, result, keep }
  }

  #isFresh(pending: Pending, answer: Answer): boolean {
    const { body } = pending
    const flight = pending.flight!
    const { fetchesInFlight, putsInFlight, namesInFlight } = this.#rules
    switch (answer.type) {
      case 'located': {
        const { digests } = body as Request & { type: 'locate' }
        return (
          !fetchesInFlight ||
          answer.facts.every(
            (fact, i) =>
              fact === undefined || flight.isFresh(keyThing(digests[i]!), fact.incarnation),
          )
        )
      }
      case 'stored':
        return (
          !putsInFlight ||
          answer.receipts.every(({ digest, incarnation }) =>
            flight.isFresh(keyThing(digest), incarnation),
          )
        )
      case 'offered':
        return (
          !putsInFlight ||
          answer.have === undefined ||
          flight.isFresh(keyThing(answer.have.digest), answer.have.incarnation)
        )
      case 'binding': {
        if (answer.found === undefined || !namesInFlight) return true
        const { name } = body as Request & { type: 'lookup' | 'bind' }
        return flight.isFresh(nameThing(name), answer.found.incarnation)
      }
      default:
        return true
    }
  }

  #nextId(): number {
    do this.#lastId = this.#lastId >= LAST_ID ? FIRST_ID : this.#lastId + 1
    while (this.#sent.has(this.#lastId))
    return this.#lastId
  }
}

/** What a request is about, as far as it says so itself. */
function thingsOf(body: Request): string[] {
  switch (body.type) {
    case 'locate':
      return body.digests.map(keyThing)
    case 'offer':
      return [keyThing(body.digest)]
    case 'bind':
    case 'lookup':
      return [nameThing(body.name)]
    default:
      return []
  }
}

export function errorOf({ code, message, hint }: Body & { type: 'failure' }): DstoreError {
  return new DstoreError(code, message, hint === undefined ? {} : { hint })
}
