/**
 * The requests of a Local to its Global (specs/004-index.md): pipelined, and each settled exactly
 * once. A request is sent again after the link broke, if that is safe, and when a removal has
 * overtaken its answer.
 */
import { DstoreError } from '../../errors.ts'
import {
  FAILOVER_PATIENCE_MS,
  JOINED_REQUESTS,
  REDIAL_PATIENCE_MS,
  REQUESTS_IN_FLIGHT,
} from '../../limits.ts'
import { errorOf } from '../failure.ts'
import type { Answer, Body, Digest, Message, Request } from '../message.ts'
import { ALL_RULES, type Rules } from '../rules.ts'
import { VERSIONS, refusalAt } from '../versions.ts'
import { whatIsWrong } from './answers.ts'
import { isJoinable, joinedBody, partsOf } from './joined.ts'
import type { OperationIds } from './operation-ids.ts'
import { keySubject, nameSubject, type InFlight, type RequestFlight } from './in-flight.ts'

/** The result of a request. `keep`: may the answer be kept? Not if a removal has overtaken it. */
export interface Settled {
  readonly ticket: number
  readonly result: Answer | DstoreError
  readonly keep: boolean
}

interface QueueOptions {
  readonly now: number
  readonly rules?: Rules
  readonly operations?: OperationIds | undefined
}

interface Pending {
  readonly ticket: number
  readonly body: Request
  readonly subjects: readonly string[]
  /** The caller has no other answer: it waits until a set has another active member. */
  readonly isPatient: boolean
  /** Undefined until the request is sent. */
  flight: RequestFlight | undefined
  /** It was sent a second time because a removal had overtaken the answer. */
  repeated: boolean
  /** It repeats an operation: the answer may be that of the first, and older than what is known. */
  isRepeat: boolean
}

/** Operations that have ended, for which a Local does not wait to tell Global: they fill it. */
const SETTLED_SOON = 1024

/** The range of request ids; the link itself uses others. */
const FIRST_ID = 16
const LAST_ID = 0x7fff_ffff

export class RequestQueue {
  readonly #inFlight: InFlight
  readonly #rules: Rules
  readonly #ids: OperationIds | undefined
  /** Global is a set: another member takes over where the active one is gone. */
  isOfSet = false
  /** Unanswered requests, in the order of the calls. */
  readonly #pending = new Map<number, Pending>()
  /** Tickets that are yet to be sent on this link. */
  readonly #unsent = new Set<number>()
  /**
   * The tickets of each message on this link, by its id. Several requests may share a message. A
   * cancelled ticket stays, so that its answer is recognised.
   */
  readonly #sent = new Map<number, readonly number[]>()
  /** The operations that were sent: ids, or lists of them. A repeat has the same object. */
  readonly #operations = new WeakSet<object>()
  #lastId = FIRST_ID
  #awaySince: number
  #linkError = new DstoreError('unreachable', 'not connected to Global yet')

  constructor(inFlight: InFlight, { rules = ALL_RULES, now, operations }: QueueOptions) {
    this.#inFlight = inFlight
    this.#rules = rules
    this.#ids = operations
    this.#awaySince = now
  }

  /** Is there enough to tell Global of operations that have ended not to wait for a ping? */
  get hasManySettled(): boolean {
    return this.#ids !== undefined && this.#ids.ended >= SETTLED_SOON
  }

  /** A ping, which tells Global of the operations that are not repeated any more (R004-132). */
  ping(): Body {
    const settled = this.#ids?.takeSettled() ?? []
    return { type: 'ping', ...(settled.length > 0 && { settled }) }
  }

  add(ticket: number, body: Request, digests: readonly Digest[] = [], isPatient = true): void {
    const subjects = [...subjectsOf(body), ...digests.map(keySubject)]
    const sent = { flight: undefined, repeated: false, isRepeat: false }
    this.#pending.set(ticket, { ticket, body, subjects, isPatient, ...sent })
    this.#unsent.add(ticket)
  }

  cancel(ticket: number): void {
    this.#pending.get(ticket)?.flight?.end()
    this.#pending.delete(ticket)
    this.#unsent.delete(ticket)
  }

  /** Should this request wait for others of the same turn, to share a message with them? */
  shouldWait(body: Request): boolean {
    return this.#sent.size > 0 && isJoinable(body)
  }

  /** Fails the requests that a session of this protocol version does not have (R004-3). */
  refuse(version: number): Settled[] {
    const settled: Settled[] = []
    if (version === VERSIONS[0]) return settled
    for (const ticket of this.#unsent) {
      const pending = this.#pending.get(ticket)!
      const refusal = refusalAt(version, pending.body)
      if (refusal !== undefined) settled.push(this.#settle(pending, errorOf(refusal), false))
    }
    return settled
  }

  /** The messages to send now. */
  *sendable(): Generator<Message> {
    const joined: Record<string, Pending[]> = { locate: [], put: [], operation: [] }
    for (const ticket of this.#unsent) {
      if (this.#sent.size >= REQUESTS_IN_FLIGHT) break
      const pending = this.#pending.get(ticket)!
      const { body } = pending
      if (!isJoinable(body)) {
        yield this.#send([pending])
        continue
      }
      // A message has an operation for each of its values, or for none.
      const isOperation = body.type === 'put' && body.operations !== undefined
      const some = joined[isOperation ? 'operation' : body.type]!
      if (some.push(pending) === JOINED_REQUESTS) yield this.#send(some.splice(0))
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
      this.#markRepeat(pending)
      pending.flight?.end()
      pending.flight = this.#inFlight.begin(pending.subjects)
    }
    return { id, body: joinedBody(pendings) }
  }

  #markRepeat(pending: Pending): void {
    for (const operation of operationsIn(pending.body)) {
      pending.isRepeat ||= this.#operations.has(operation)
    }
    for (const operation of operationsIn(pending.body)) this.#operations.add(operation)
  }

  /** The requests that an answer settles. Throws `protocol` if the answer fits no request. */
  answered({ id, body }: Message): Settled[] {
    const tickets = this.#sent.get(id)
    if (tickets === undefined)
      throw new DstoreError('protocol', 'Global answered a request that was not sent')
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
    const isFresh = this.#isFresh(pending, answer)
    const asks = pending.body.type === 'locate' || pending.body.type === 'lookup'
    const isOld = pending.isRepeat && this.#rules.repeatsNotKept
    const keep = isFresh && !pending.flight!.isSpoiled && !isOld
    if (isFresh || !asks) return [this.#settle(pending, answer, keep)]
    if (pending.repeated) {
      const gone = new DstoreError('removed', 'it was removed while it was being looked up')
      return [this.#settle(pending, gone, false)]
    }
    pending.repeated = true
    this.#unsent.add(pending.ticket)
    return []
  }

  /**
   * The link broke. Requests wait for the next one, except those that are not safe to send twice.
   */
  closed(error: DstoreError, awaySince: number = this.#awaySince): Settled[] {
    this.#linkError = error
    this.#awaySince = awaySince
    this.#sent.clear()
    this.#lastId = FIRST_ID
    const settled: Settled[] = []
    for (const pending of this.#pending.values()) {
      const { type } = pending.body
      const isOnce = type === 'remove' || type === 'unbind' || type === 'expel' || type === 'invite'
      if (isOnce && !this.#unsent.has(pending.ticket)) {
        // A second removal could hit a value that was put meanwhile.
        const message = 'the link to Global broke: it may or may not have been done'
        settled.push(this.#settle(pending, new DstoreError('unreachable', message), false))
      } else {
        pending.repeated = false
        this.#unsent.add(pending.ticket)
      }
    }
    return settled
  }

  /** May another member of the set still take over? Only while the link is away. */
  isFailingOver(now: number): boolean {
    const isRefused = this.#linkError.code === 'not-permitted'
    return this.isOfSet && now - this.#awaySince < FAILOVER_PATIENCE_MS && !isRefused
  }

  /**
   * Fails the requests for which the link has been away too long: for longer than a redial may
   * take, or than a set needs for another active member.
   */
  expire(now: number): Settled[] {
    const cause = this.#linkError
    const isRefused = cause.code === 'not-permitted'
    const isPatient = now - this.#awaySince < REDIAL_PATIENCE_MS && !isRefused
    if (isPatient || this.#pending.size === 0) return []
    const isFailingOver = this.isFailingOver(now)
    const over = [...this.#pending.values()].filter((one) => !(isFailingOver && one.isPatient))
    const away = `Global cannot be reached: ${cause.message}`
    const error = isRefused ? cause : new DstoreError('unreachable', away, { cause })
    return over.map((pending) => this.#settle(pending, error, false))
  }

  /** Global counts as away on a link that is there: callers that have another answer take it. */
  silent(): Settled[] {
    const impatient = [...this.#pending.values()].filter(({ isPatient }) => !isPatient)
    const error = new DstoreError('unreachable', 'Global is silent')
    return impatient.map((pending) => this.#settle(pending, error, false))
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
              fact === undefined || flight.isFresh(keySubject(digests[i]!), fact.incarnation),
          )
        )
      }
      case 'stored':
        return (
          !putsInFlight ||
          answer.receipts.every(({ digest, incarnation }) =>
            flight.isFresh(keySubject(digest), incarnation),
          )
        )
      case 'stored-batch':
        return (
          !putsInFlight ||
          answer.outcomes.every(
            (one) =>
              !('receipt' in one) ||
              flight.isFresh(keySubject(one.receipt.digest), one.receipt.incarnation),
          )
        )
      case 'offered':
        return (
          !putsInFlight ||
          answer.have === undefined ||
          flight.isFresh(keySubject(answer.have.digest), answer.have.incarnation)
        )
      case 'rebound': {
        const { name } = body as Request & { type: 'rebind' }
        return !namesInFlight || flight.isFresh(nameSubject(name), answer.found.incarnation)
      }
      case 'binding': {
        if (answer.found === undefined || !namesInFlight) return true
        const { name } = body as Request & { type: 'lookup' | 'bind' }
        return flight.isFresh(nameSubject(name), answer.found.incarnation)
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

/** The keys or names in a request. */
function subjectsOf(body: Request): string[] {
  switch (body.type) {
    case 'locate':
      return body.digests.map(keySubject)
    case 'offer':
      return [keySubject(body.digest)]
    case 'bind':
    case 'rebind':
    case 'lookup':
      return [nameSubject(body.name)]
    default:
      return []
  }
}

/** The ids of the operations in a request, or the list that a put has of them. */
function operationsIn(body: Request): readonly object[] {
  if (body.type === 'put' && body.operations !== undefined) return [body.operations]
  const all = body.type === 'put-batch' ? body.items : [body]
  return all.flatMap((one) => ('operation' in one && one.operation ? [one.operation] : []))
}
