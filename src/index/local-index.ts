/**
 * A Local's end of the index protocol, as a state machine without I/O (specs/004-index.md, "Local").
 *
 * Participants: one Global, reached over one link that comes and goes; any number of callers. Goals: requests are
 * pipelined and each is settled exactly once; a broken link is waited out for a moment and what may be repeated is
 * sent again; a Global that falls silent is given up. Non-goals: dialling, and the callers' own time-outs.
 */
import { DstoreError } from '../errors.ts'
import { PING_INTERVAL_MS, REDIAL_PATIENCE_MS, REQUESTS_IN_FLIGHT, SILENCE_MS } from '../limits.ts'
import { VERSIONS, type Answer, type Message, type Request } from './message.ts'

export type LocalEvent =
  /** The stream to Global is open. */
  | { readonly type: 'opened'; readonly now: number }
  | { readonly type: 'message'; readonly message: Message; readonly now: number }
  /** The stream is gone, or could not be opened. */
  | { readonly type: 'closed'; readonly now: number; readonly error: DstoreError }
  | {
      readonly type: 'request'
      readonly ticket: number
      readonly body: Request
      readonly now: number
    }
  /** The caller no longer waits. */
  | { readonly type: 'cancel'; readonly ticket: number }
  | { readonly type: 'tick'; readonly now: number }

export type LocalEffect =
  | { readonly type: 'send'; readonly message: Message }
  | { readonly type: 'settle'; readonly ticket: number; readonly result: Answer | DstoreError }
  /** Drop the stream: it is of no more use. */
  | { readonly type: 'hang-up'; readonly error: DstoreError }
  /** Global will not have this Local: dialling again would not help. */
  | { readonly type: 'refused'; readonly error: DstoreError }

/** `away`: no link. `greeting`: Hello was sent. `connected`: welcome. */
export type LinkState = 'away' | 'greeting' | 'connected'

const ANSWERS: Readonly<Record<Request['type'], Answer['type']>> = {
  locate: 'located',
  put: 'stored',
  offer: 'offered',
  remove: 'removed',
  list: 'listed',
  ping: 'pong',
}

/** The id of Hello; requests count up from the next. */
const HELLO_ID = 1

export class LocalIndex {
  readonly #bootId: Uint8Array
  #link: LinkState = 'away'
  #linkError: DstoreError
  #awaySince: number
  #heardAt = 0
  #sentAt = 0
  #lastId = HELLO_ID
  /** Unanswered requests by ticket, in the order of the calls. */
  readonly #pending = new Map<number, Request>()
  /** Tickets that were not sent on this link. */
  readonly #unsent = new Set<number>()
  /** Message id on this link -> ticket. A cancelled ticket leaves its id, so that the answer is recognised. */
  readonly #sent = new Map<number, number>()
  #effects: LocalEffect[] = []

  constructor(options: { bootId: Uint8Array; now: number }) {
    this.#bootId = options.bootId
    this.#awaySince = options.now
    this.#linkError = new DstoreError('unreachable', 'not connected to Global yet')
  }

  get link(): LinkState {
    return this.#link
  }

  handle(event: LocalEvent): LocalEffect[] {
    this.#effects = []
    switch (event.type) {
      case 'opened':
        this.#opened(event.now)
        break
      case 'message':
        this.#message(event.message, event.now)
        break
      case 'closed':
        this.#closed(event.now, event.error)
        break
      case 'request':
        this.#pending.set(event.ticket, event.body)
        this.#unsent.add(event.ticket)
        if (this.#link === 'connected') this.#sendWaiting(event.now)
        else this.#failImpatient(event.now)
        break
      case 'cancel':
        this.#pending.delete(event.ticket)
        this.#unsent.delete(event.ticket)
        break
      case 'tick':
        this.#tick(event.now)
        break
    }
    return this.#effects
  }

  #opened(now: number): void {
    this.#link = 'greeting'
    this.#heardAt = now
    this.#lastId = HELLO_ID
    this.#sent.clear()
    this.#send(now, {
      id: HELLO_ID,
      body: {
        type: 'hello',
        versions: VERSIONS,
        bootId: this.#bootId,
        position: undefined,
        ticketSecret: undefined,
      },
    })
  }

  #message({ id, body }: Message, now: number): void {
    this.#heardAt = now
    if (body.type === 'ping') {
      this.#send(now, { id, body: { type: 'pong' } })
      return
    }
    if (body.type === 'pong' && id === 0) return
    if (this.#link === 'greeting') {
      this.#greeted({ id, body }, now)
      return
    }
    if (body.type === 'goodbye') {
      this.#hangUp(new DstoreError('unreachable', `Global stopped: ${body.reason}`))
      return
    }
    if (body.type === 'failure' && id === 0) {
      this.#hangUp(new DstoreError(body.code, body.message))
      return
    }
    const ticket = this.#sent.get(id)
    if (ticket === undefined) {
      this.#hangUp(new DstoreError('protocol', 'Global answered what was not asked'))
      return
    }
    this.#sent.delete(id)
    const request = this.#pending.get(ticket)
    this.#pending.delete(ticket)
    if (request !== undefined) this.#settle(ticket, request, body)
    this.#sendWaiting(now)
  }

  #greeted({ body }: Message, now: number): void {
    if (body.type === 'welcome' && VERSIONS.includes(body.version)) {
      this.#link = 'connected'
      this.#sendWaiting(now)
    } else if (body.type === 'failure') {
      const error = new DstoreError(body.code, body.message, hintOf(body.hint))
      this.#effects.push({ type: 'refused', error })
      this.#hangUp(error)
    } else {
      this.#hangUp(new DstoreError('protocol', 'Global did not answer the hello with a welcome'))
    }
  }

  #settle(ticket: number, asked: Request, body: Message['body']): void {
    if (body.type === 'failure') {
      const result = new DstoreError(body.code, body.message, hintOf(body.hint))
      this.#effects.push({ type: 'settle', ticket, result })
    } else if (body.type === ANSWERS[asked.type]) {
      this.#effects.push({ type: 'settle', ticket, result: body })
    } else {
      const error = new DstoreError('protocol', `Global answered a ${asked.type} with ${body.type}`)
      this.#effects.push({ type: 'settle', ticket, result: error })
      this.#hangUp(error)
    }
  }

  #closed(now: number, error: DstoreError): void {
    if (this.#link === 'connected') this.#awaySince = now
    this.#link = 'away'
    this.#linkError = error
    this.#sent.clear()
    for (const [ticket, body] of this.#pending) {
      if (body.type === 'remove' && !this.#unsent.has(ticket)) {
        // It may have been done: repeating it would answer "no such key".
        this.#pending.delete(ticket)
        const message = 'the link to Global broke: the value may be removed or not'
        const result = new DstoreError('unreachable', message)
        this.#effects.push({ type: 'settle', ticket, result })
      } else {
        this.#unsent.add(ticket)
      }
    }
    this.#failImpatient(now)
  }

  #tick(now: number): void {
    if (this.#link === 'away') {
      this.#failImpatient(now)
    } else if (now - this.#heardAt >= SILENCE_MS) {
      this.#hangUp(
        new DstoreError('unreachable', `Global has been silent for ${SILENCE_MS / 1000} s`),
      )
    } else if (this.#link === 'connected' && now - this.#sentAt >= PING_INTERVAL_MS) {
      this.#send(now, { id: 0, body: { type: 'ping' } })
    }
  }

  /** Whoever waited for the link as long as a redial may take is told that Global is away. */
  #failImpatient(now: number): void {
    if (now - this.#awaySince < REDIAL_PATIENCE_MS) return
    for (const ticket of this.#pending.keys()) {
      const { message } = this.#linkError
      const result = new DstoreError('unreachable', `Global cannot be reached: ${message}`, {
        cause: this.#linkError,
      })
      this.#effects.push({ type: 'settle', ticket, result })
    }
    this.#pending.clear()
    this.#unsent.clear()
  }

  #sendWaiting(now: number): void {
    if (this.#link !== 'connected') return
    for (const ticket of this.#unsent) {
      if (this.#sent.size >= REQUESTS_IN_FLIGHT) return
      const id = this.#nextId()
      this.#unsent.delete(ticket)
      this.#sent.set(id, ticket)
      this.#send(now, { id, body: this.#pending.get(ticket)! })
    }
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? HELLO_ID : this.#lastId + 1
    while (this.#sent.has(this.#lastId))
    return this.#lastId
  }

  #send(now: number, message: Message): void {
    this.#sentAt = now
    this.#effects.push({ type: 'send', message })
  }

  #hangUp(error: DstoreError): void {
    this.#effects.push({ type: 'hang-up', error })
  }
}

const hintOf = (hint: string | undefined): { hint?: string } => (hint === undefined ? {} : { hint })
