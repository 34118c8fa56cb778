/**
 * Carries out what Global's index decides (specs/004-index.md, "Global"): reads its rows, seals its values, commits
 * its transactions, and carries its messages over the channels of the Locals. No decision is taken here.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { decodeMessage } from '../../index/codec/decode.ts'
import {
  GlobalIndex,
  SELF,
  type GlobalEffect,
  type GlobalEvent,
  type SessionId,
} from '../../index/global/global-index.ts'
import type {
  AnswerTo,
  Body,
  Failure,
  Message,
  Position,
  Receipt,
  Request,
} from '../../index/message.ts'
import { beginRun } from '../../index/global/recovery.ts'
import type { HoldersOf, Sealed } from '../../index/global/request-plans.ts'
import { INDEX_ROW, LOCAL_ROWS } from '../../index/records/record.ts'
import {
  FAREWELL_MS,
  HELLO_BYTES,
  INDEX_MESSAGE_BYTES,
  MEMBERS,
  REGISTERED_LOCALS,
  TICKETS,
} from '../../limits.ts'
import type { Members } from '../../membership/members.ts'
import { MEMBER_ROWS, TICKET_ROWS } from '../../membership/record.ts'
import type { Refusal } from '../../membership/refusal.ts'
import type { Staging, Store } from '../../store/store.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameReader } from '../../wire/frames.ts'
import { RequestWindow } from './request-window.ts'
import { WatchLog } from './watch-log.ts'
import { IndexIo } from './index-io.ts'
import type { Log } from '../../log.ts'
import { Offers } from './resume-offers.ts'
import type { Repair } from './repair.ts'
import { LogRetention } from './log-retention.ts'

/** How often the index looks at the clock: for pings, for who waits, and for Locals that have fallen silent. */
const TICK_MS = 250

export interface IndexDriverOptions {
  readonly store: Store
  readonly log: Log
  /** Milliseconds that never go back. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** What is known of damage in the store. */
  readonly repair: Repair
  /** No Local may serve what it holds for longer than this without having heard of Global, in milliseconds. */
  readonly leaseMs?: number | undefined
  /** A Local that is out of touch for so long is forgotten, in milliseconds. */
  readonly forgetAfterMs?: number | undefined
  /** Where Global listens: multiaddrs without its peer id. None on a standalone node. */
  readonly addresses?: (() => readonly string[]) | undefined
  readonly holders?: HoldersOf
  /** A peer was refused: count it. */
  readonly onRefused?: ((peer: string, why: Refusal) => void) | undefined
  /** A peer is no longer a member: end at once what is done for it. */
  readonly onExpelled?: ((peer: string) => void) | undefined
  /** Nothing more is to be said to this peer: cut its connections. */
  readonly disconnect?: ((peer: string) => void) | undefined
}

interface Connection {
  readonly peer: string
  readonly backlog: RequestWindow
  readonly offers: Offers
}

export class IndexDriver {
  readonly #options: IndexDriverOptions
  readonly #index: GlobalIndex
  readonly #connections = new Map<SessionId, Connection>()
  readonly #callers = new Map<number, (body: Body) => void>()
  readonly #work: IndexIo
  readonly #ticker: NodeJS.Timeout
  readonly #changes: WatchLog
  readonly #retention: LogRetention
  #lastSession: SessionId = SELF
  #lastId = 0
  #closed = false

  private constructor(options: IndexDriverOptions, index: GlobalIndex) {
    const { store, now, log } = options
    this.#options = options
    this.#index = index
    this.#changes = new WatchLog(store, {
      position: () => index.position,
      contains: (position) => index.contains(position),
    })
    this.#work = new IndexIo({ ...options, changes: this.#changes })
    this.#retention = new LogRetention(store, log, (upto) => {
      this.#handle({ type: 'trimmed', upto, now: now() })
    })
    this.#ticker = setInterval(() => this.#handle({ type: 'tick', now: now() }), TICK_MS)
    this.#ticker.unref()
  }

  /** Every start begins a run, which is the first change that it writes. */
  static async open(options: IndexDriverOptions): Promise<IndexDriver> {
    const { store, random, leaseMs, now, forgetAfterMs, addresses, holders } = options
    const [index] = await store.rows([INDEX_ROW])
    const locals = await store.scan('meta', { prefix: LOCAL_ROWS, limit: REGISTERED_LOCALS })
    const members = await store.scan('meta', { prefix: MEMBER_ROWS, limit: MEMBERS })
    const tickets = await store.scan('meta', { prefix: TICKET_ROWS, limit: 2 * TICKETS })
    const lastSeq = await store.lastSeq()
    const [first] = await store.log(0, 1)
    const atMs = Date.now()
    const { transaction, recovered } = beginRun({
      runId: random(16),
      leaseMs,
      atMs,
      lastSeq,
      firstSeq: first?.seq,
      index,
      locals,
      members,
      tickets,
    })
    const started = await store.commit(transaction)
    if (!started.ok) throw new DstoreError('internal', 'the start of a run was not committed')
    const forget = forgetAfterMs === undefined ? {} : { forgetAfterMs }
    const more = { ...forget, ...(addresses && { addresses }), ...(holders && { holders }) }
    const begun = { recovered, now: now(), epochMs: atMs - now(), leaseMs, ...more }
    return new IndexDriver(options, new GlobalIndex(begun))
  }

  /** Peer ids of the Locals that are connected. */
  peers(): string[] {
    return this.#index.peers()
  }

  /** Who is a member, as of the last durable change. */
  get members(): Members {
    return this.#index.members
  }

  /** The last durable change, and every Local that removals wait for. */
  get standing(): { position: Position; registered: ReturnType<GlobalIndex['registered']> } {
    return { position: this.#index.position, registered: this.#index.registered() }
  }

  /** A request of the node's own callers. A failure rejects. */
  async ask<R extends Request>(request: R): Promise<AnswerTo[R['type']]> {
    const { now } = this.#options
    const body = await this.#call((id) => {
      this.#handle({ type: 'message', session: SELF, message: { id, body: request }, now: now() })
    })
    return body as AnswerTo[R['type']]
  }

  /** Make a value that was verified and sealed exist: the same as a put of it, and its receipt. */
  async adopt(value: Sealed & { readonly staging: Staging }, name?: string): Promise<Receipt> {
    const { digest, size, location, staging } = value
    await this.#options.repair.mend(value).catch(async (error: unknown) => {
      await staging.discard()
      throw error
    })
    this.#work.hold(location, staging)
    const sealed = { digest, size, location }
    const body = await this.#call((id) => {
      this.#handle({ type: 'uploaded', id, value: sealed, name, now: this.#options.now() })
    })
    if (body.type !== 'stored') throw new DstoreError('internal', `${body.type} answered a put`)
    return body.receipts[0]!
  }

  /** Serve one Local until its channel ends. Never rejects: what went wrong is logged. */
  async serve(channel: Channel): Promise<void> {
    const { log, now, store, repair } = this.#options
    const session = ++this.#lastSession
    const backlog = new RequestWindow(channel)
    const offers = new Offers(store, repair)
    this.#connections.set(session, { peer: channel.peer, backlog, offers })
    this.#handle({ type: 'opened', session, peer: channel.peer, now: now() })
    try {
      const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
      const most = (): number => (this.#isMember(channel.peer) ? INDEX_MESSAGE_BYTES : HELLO_BYTES)
      for (;;) {
        const frame = await reader.next(most)
        if (frame === undefined) break
        const message = decodeMessage(frame)
        backlog.heard(message)
        offers.heard(message)
        this.#handle({ type: 'message', session, message, now: now() })
        await backlog.room()
      }
      await backlog.end(stopped('the Local ended the session'))
    } catch (error) {
      const fault = asDstoreError(error)
      if (fault.code === 'protocol') {
        log.debug('a Local broke the index protocol', { peer: channel.peer, error: fault.message })
        this.#options.onRefused?.(channel.peer, 'protocol')
        void backlog.send({ id: 0, body: failureOf(fault) })
        await backlog.end(fault)
      }
      channel.abort(fault)
    } finally {
      this.#connections.delete(session)
      this.#handle({ type: 'closed', session, now: now() })
    }
  }

  /** Say goodbye to every Local and stop. Callers that still wait are told. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#ticker)
    this.#changes.close()
    await this.#retention.close()
    const body: Body = { type: 'goodbye', reason: 'it was told to' }
    const farewells = [...this.#connections.values()].map(({ backlog }) => {
      void backlog.send({ id: 0, body })
      return backlog.end(stopped('Global stopped'))
    })
    this.#connections.clear()
    await Promise.all(farewells)
    const stopping = failureOf(new DstoreError('unreachable', 'the node is stopping'))
    for (const resolve of this.#callers.values()) resolve(stopping)
    this.#callers.clear()
  }

  async #call(start: (id: number) => void): Promise<Body> {
    if (this.#closed) throw new DstoreError('unreachable', 'the node is stopping')
    const id = ++this.#lastId
    const body = await new Promise<Body>((resolve) => {
      this.#callers.set(id, resolve)
      start(id)
    })
    if (body.type === 'failure') {
      const { hint } = body
      throw new DstoreError(body.code, body.message, hint === undefined ? {} : { hint })
    }
    return body
  }

  #handle(event: GlobalEvent): void {
    for (const effect of this.#index.handle(event)) this.#carryOut(effect)
    this.#changes.look()
  }

  #carryOut(effect: GlobalEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.session, effect.message)
        break
      case 'hang-up':
        void this.#hangUp(effect.session)
        break
      case 'refused':
        this.#options.onRefused?.(effect.peer, effect.why)
        break
      case 'cut':
        this.#options.onExpelled?.(effect.peer)
        break
      case 'discard':
        void this.#work.discard(effect.location)
        break
      case 'page':
        void this.#page(effect)
        break
      case 'replay':
        void this.#replay(effect)
        break
      case 'read':
        this.#do(effect.ticket, async () => {
          const rows = await this.#options.store.rows(effect.keys)
          return { type: 'rows', rows }
        })
        break
      case 'load':
        this.#do(effect.ticket, async () => {
          const values = await this.#work.load(effect.values)
          return { type: 'loaded', values }
        })
        break
      case 'stage':
        this.#do(effect.ticket, async () => {
          const values = await this.#work.stage(effect.values)
          return { type: 'sealed', values }
        })
        break
      case 'commit':
        this.#do(effect.ticket, async () => {
          const result = await this.#work.commit(effect.transaction)
          return result.ok ? { type: 'committed', seq: result.seq } : { type: 'conflicted' }
        })
        break
    }
  }

  /** Do what a ticket stands for, and tell the index how it ended. */
  #do(ticket: number, work: () => Promise<Outcome>): void {
    const { now } = this.#options
    work()
      .catch((error: unknown) => ({ type: 'failed', failure: failureOf(error) }) as const)
      .then((outcome) => {
        if (!this.#closed) this.#handle({ ...outcome, ticket, now: now() })
        return undefined
      })
      .catch((error: unknown) => {
        this.#options.log.error('the index failed', { error: asDstoreError(error).message })
      })
  }

  #send(session: SessionId, message: Message): void {
    const { id, body } = message
    if (session === SELF) {
      this.#callers.get(id)?.(body)
      this.#callers.delete(id)
      return
    }
    const { backlog, offers } = this.#connections.get(session) ?? {}
    const completed = offers?.answer(message)
    if (completed === undefined) void backlog?.send(message)
    else void completed.then((better) => backlog?.send({ id, body: better }))
  }

  async #page({ session, id, body }: GlobalEffect & { type: 'page' }): Promise<void> {
    const request = body.type === 'watch' ? await this.#changes.wait(body) : body
    const answer = async (): Promise<Message> => {
      const page = await this.#work.page(request).catch(failureOf)
      return { id, body: page }
    }
    if (session === SELF) this.#send(session, await answer())
    else await this.#connections.get(session)?.backlog.page(answer)
  }

  async #replay({ session, after, limit }: GlobalEffect & { type: 'replay' }): Promise<void> {
    const { now } = this.#options
    try {
      // Beyond what the index knows to be durable and complete the log is not its to tell.
      const upto = this.#index.position.seq
      const changes = await this.#work.replay(after, Math.min(limit, upto - after))
      this.#handle({ type: 'replayed', session, after, changes, now: now() })
    } catch (error) {
      void this.#connections.get(session)?.backlog.end(asDstoreError(error))
    }
  }

  /** End a session; whoever is no member is given a moment to read why, and is then disconnected. */
  async #hangUp(session: SessionId): Promise<void> {
    const connection = this.#connections.get(session)
    await connection?.backlog.end(stopped('Global ended the session'))
    if (connection === undefined || this.#isMember(connection.peer)) return
    const { peer } = connection
    const cut = (): void => {
      if (!this.#isMember(peer)) this.#options.disconnect?.(peer)
    }
    setTimeout(cut, FAREWELL_MS).unref()
  }

  #isMember(peer: string): boolean {
    return this.members.roleOf(peer) !== undefined
  }
}

/** How work for a ticket ended. */
type Outcome = GlobalEvent extends infer E
  ? E extends { readonly ticket: number }
    ? Omit<E, 'ticket' | 'now'>
    : never
  : never

const stopped = (why: string): DstoreError => new DstoreError('unreachable', why)

function failureOf(error: unknown): Failure {
  const { code, message, hint } = asDstoreError(error)
  return { type: 'failure', code, message, hint }
}
