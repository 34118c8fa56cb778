/**
 * What a Local has asked its Global (specs/004-index.md, "Requests"): pipelined, each settled exactly once, sent again
 * where the link broke and that is safe, asked again where a removal has overtaken the answer.
 */
import { DstoreError } from '../../errors.ts'
import { JOINED_REQUESTS, REQUESTS_IN_FLIGHT } from '../../limits.ts'
import { keyThing, nameThing, type Flight, type InFlight } from './in-flight.ts'
import type { Answer, Body, Digest, Locate, Message, Put, Request } from '../message.ts'
import type { Rules } from '../rules.ts'

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

export class RequestQueue {
  readonly #inFlight: InFlight
  readonly #rules: Rules
  /** Unanswered requests, in the order of the calls. */
  readonly #pending = new Map<number, Pending>()
  /** Tickets that were not sent on this link. */
  readonly #unsent = new Set<number>()
  /**
   * Message id on this link -> tickets, several where it asks about several keys. A cancelled ticket stays, so that the
   * answer is recognised.
   */
  readonly #sent = new Map<number, readonly number[]>()
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

  /** Is it better to wait a moment for others that can be asked in one message with this? */
  mayGather(body: Request): boolean {
    return this.#sent.size > 0 && isJoinable(body)
  }

  /** The messages that may be sent now. */
  *sendable(): Generator<Message> {
    const joined: Record<'locate' | 'put', Pending[]> = { locate: [], put: [] }
    for (const ticket of this.#unsent) {
      if (this.#sent.size >= REQUESTS_IN_FLIGHT) break
      const pending = this.#pending.get(ticket)!
      const { body } = pending
      if (!isJoinable(body)) {
        yield this.#send([pending])
      } else if (joined[body.type].push(pending) === JOINED_REQUESTS) {
        yield this.#send(joined[body.type].splice(0))
      }
    }
    for (const some of Object.values(joined)) if (some.length > 0) yield this.#send(some)
  }

  #send(pendings: readonly Pending[]): Message {
    const id = this.#nextId()
    this.#sent.set(
      id,
      pendings.map(({ ticket }) => ticket),
    )
    for (const pending of pendings) {
      this.#unsent.delete(pending.ticket)
      pending.flight?.end()
      pending.flight = this.#inFlight.begin(pending.things)
    }
    return { id, body: joinedBody(pendings) }
  }

  /** What an answer settles. `protocol` is thrown where nothing was asked, or not that much. */
  answered({ id, body }: Message): Settled[] {
    const tickets = this.#sent.get(id)
    if (tickets === undefined)
      throw new DstoreError('protocol', 'Global answered what was not asked')
    this.#sent.delete(id)
    const parts = partsOf(body, tickets.length)
    return tickets.flatMap((ticket, i) => {
      const pending = this.#pending.get(ticket)
      return pending === undefined ? [] : this.#answeredOne(pending, parts[i]!)
    })
  }

  #answeredOne(pending: Pending, body: Body): Settled[] {
    if (body.type === 'failure') return [this.#settle(pending, errorOf(body), false)]
    const wrong = whatIsWrong(pending.body, body)
    if (wrong !== undefined) {
      const message = `Global answered a ${pending.body.type} with ${wrong}`
      return [this.#settle(pending, new DstoreError('protocol', message), false)]
    }
    const answer = body as Answer
    const keep = this.#isFresh(pending, answer)
    const asks = pending.body.type === 'locate' || pending.body.type === 'lookup'
    if (keep || !asks) return [this.#settle(pending, answer, keep)]
    if (pending.repeated) {
      const gone = new DstoreError('removed', 'it was removed while it was asked for')
      return [this.#settle(pending, gone, false)]
    }
    pending.repeated = true
    this.#unsent.add(pending.ticket)
    return []
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

/** What an answer is that is none to this request; undefined where it is one. */
function whatIsWrong(request: Request, answer: Body): string | undefined {
  if (answer.type !== ANSWERS[request.type]) return answer.type
  const [asked, told] =
    request.type === 'locate' && answer.type === 'located'
      ? [request.digests.length, answer.facts.length]
      : request.type === 'put' && answer.type === 'stored'
        ? [request.values.length, answer.receipts.length]
        : [0, 0]
  return asked === told ? undefined : `${told} answers to ${asked}`
}

/** A question for one key and its value, or a put of one value: several go in one message, with room for every value. */
function isJoinable(body: Request): body is Locate | Put {
  return body.type === 'locate'
    ? body.inline && body.digests.length === 1
    : body.type === 'put' && body.name === undefined && body.values.length === 1
}

/** One request for what several ask, all of the same type. */
function joinedBody(pendings: readonly Pending[]): Request {
  const [{ body }] = pendings as [Pending]
  if (pendings.length === 1) return body
  const bodies = pendings.map((pending) => pending.body)
  if (body.type === 'put') {
    const values = (bodies as Put[]).flatMap((one) => one.values)
    return { type: 'put', values, name: undefined }
  }
  const digests = (bodies as Locate[]).flatMap((one) => one.digests)
  return { type: 'locate', digests, inline: true }
}

/** The answer to each of the requests that went in one message: its own part, or the failure of all. */
function partsOf(body: Body, count: number): readonly Body[] {
  if (count === 1) return [body]
  const parts: readonly Body[] =
    body.type === 'located'
      ? body.facts.map((fact) => ({ type: 'located', facts: [fact] }))
      : body.type === 'stored'
        ? body.receipts.map((receipt) => ({ type: 'stored', receipts: [receipt] }))
        : Array.from({ length: count }, () => body)
  if (parts.length === count) return parts
  throw new DstoreError('protocol', `Global answered ${count} in one with ${parts.length}`)
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
