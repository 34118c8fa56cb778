/**
 * Runs the state machine of Global's index (specs/004-index.md): its effects on the store, and its
 * messages over the channels of the Locals. It takes no decisions.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { errorOf, failureOf } from '../../index/failure.ts'
import { decodeMessage } from '../../index/codec/decode.ts'
import {
  SELF,
  type GlobalEffect,
  type SessionId,
  type UntimedGlobalEvent,
} from '../../index/global/global-events.ts'
import type { GlobalIndex } from '../../index/global/global-index.ts'
import type { AnswerTo, Body, Message, Receipt, Request } from '../../index/message.ts'
import type { StoreWork } from '../../index/global/plan.ts'
import { answerAt } from '../../index/versions.ts'
import {
  FAREWELL_MS,
  HELLO_BYTES,
  INDEX_MESSAGE_BYTES,
  SESSION_WINDOW_BYTES,
} from '../../limits.ts'
import type { Refusal } from '../../membership/refusal.ts'
import type { Keeper } from '../../transfer/upload.ts'
import type { Staged } from './ingest.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameReader } from '../../wire/frames.ts'
import { RequestWindow } from './request-window.ts'
import { WatchLog } from './watch-log.ts'
import { IndexIo } from './index-io.ts'
import type { Log } from '../../log.ts'
import type { Network } from '../../network/network.ts'
import { LogRetention } from './log-retention.ts'
import { openIndex, type OpenIndexOptions } from './open-index.ts'
import type { Location } from '../../store/store.ts'
import type { Repair } from './repair.ts'
import { OwnCallers } from './archive/own-callers.ts'
import { unarchived } from './archive/unarchived.ts'
import { VERSION } from '../version.ts'

/** How often the index gets the time, for pings, deadlines and silent Locals. */
const TICK_MS = 250

export interface IndexDriverOptions extends OpenIndexOptions {
  readonly log: Log
  readonly repair: Repair
  /** See `IndexIoOptions`. */
  readonly onReleased?: (locations: readonly Location[]) => void
  /** A peer was refused. */
  readonly onRefused?: ((peer: string, why: Refusal) => void) | undefined
  /** A peer is no longer a member: end everything that is done for it now. */
  readonly onExpelled?: ((peer: string) => void) | undefined
  /** Cut the connections of this peer. */
  readonly disconnect?: Network['disconnect'] | undefined
  /** Why the archive takes no changes at this moment, if that is so. */
  readonly refusal?: (() => DstoreError | undefined) | undefined
  /** Resolves once a set has confirmed, from now on, that this member is active. */
  readonly confirmed?: (() => Promise<void>) | undefined
  /** The port on which this node accepts lanes. */
  readonly lanePort?: (() => number | undefined) | undefined
}

interface Connection {
  readonly peer: string
  readonly window: RequestWindow
}

export class IndexDriver {
  readonly #options: IndexDriverOptions
  readonly #index: GlobalIndex
  readonly #connections = new Map<SessionId, Connection>()
  readonly #callers: OwnCallers
  readonly #io: IndexIo
  readonly #ticker: NodeJS.Timeout
  readonly #changes: WatchLog
  readonly #retention: LogRetention
  #lastSession: SessionId = SELF
  #lastId = 0
  /** Calls whose answers are awaited. */
  #due = 0
  #closed = false

  private constructor(options: IndexDriverOptions, index: GlobalIndex) {
    const { store, log } = options
    this.#options = options
    this.#index = index
    this.#callers = new OwnCallers(options.now)
    this.#changes = new WatchLog(store, index)
    this.#io = new IndexIo({ ...options, changes: this.#changes })
    this.#retention = new LogRetention({
      store,
      log,
      onTrim: (upto) => this.#handle({ type: 'trimmed', upto }),
      present: () => index.present,
    })
    this.#ticker = setInterval(() => {
      this.#handle({ type: 'tick' })
      this.#callers.refuse(options.refusal?.())
    }, TICK_MS)
    this.#ticker.unref()
  }

  /** Begins a run, which is the first change that Global writes. */
  static async open(options: IndexDriverOptions): Promise<IndexDriver> {
    return new IndexDriver(options, await openIndex(options))
  }

  /** The index, as of the last durable change. */
  get index(): Pick<
    GlobalIndex,
    | 'expectMissing'
    | 'members'
    | 'nameCounts'
    | 'peers'
    | 'position'
    | 'registered'
    | 'used'
    | 'usedKey'
    | 'wallDoubt'
    | 'watch'
  > {
    return this.#index
  }

  /** A request of the node's own callers. Rejects with the error of a failure. */
  async ask<R extends Request>(request: R): Promise<AnswerTo[R['type']]> {
    const body = await this.#call((id) => {
      this.#handle({ type: 'message', session: SELF, message: { id, body: request } })
    }, request.type !== 'watch')
    return body as AnswerTo[R['type']]
  }

  /** Puts a value that was verified and sealed. */
  async adopt(value: Staged, { name, hold, naming, operation }: Keeper = {}): Promise<Receipt> {
    const { staging, ...sealed } = value
    await this.#options.repair.mend(value).catch(async (error: unknown) => {
      await staging.discard()
      throw error
    })
    this.#io.hold(sealed.location, staging)
    const body = await this.#call((id) => {
      const kept = { name, naming, ...(hold && { hold }), ...(operation && { operation }) }
      this.#handle({ type: 'uploaded', id, value: sealed, ...kept })
    })
    if (body.type !== 'stored') throw new DstoreError('internal', `${body.type} answered a put`)
    return body.receipts[0]!
  }

  /** Serves one Local until its channel ends. Never rejects. */
  async serve(channel: Channel): Promise<void> {
    const { log } = this.#options
    const session = ++this.#lastSession
    const window = new RequestWindow(channel)
    this.#connections.set(session, { peer: channel.peer, window })
    this.#handle({ type: 'opened', session, peer: channel.peer })
    try {
      const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
      const maxBytes = (): number =>
        this.#isMember(channel.peer) ? INDEX_MESSAGE_BYTES : HELLO_BYTES
      for (;;) {
        const frame = await reader.next(maxBytes)
        if (frame === undefined) break
        const message = decodeMessage(frame)
        window.opened(message)
        this.#handle({ type: 'message', session, message })
        if (this.#isMember(channel.peer)) channel.allow?.(SESSION_WINDOW_BYTES)
        await window.room()
      }
      await window.end(stopped('the Local ended the session'))
    } catch (error) {
      const fault = asDstoreError(error)
      if (fault.code === 'protocol') {
        log.debug('a Local broke the index protocol', { peer: channel.peer, error: fault.message })
        this.#options.onRefused?.(channel.peer, 'protocol')
        void window.send({ id: 0, body: failureOf(fault) })
        await window.end(fault)
      }
      channel.abort(fault)
    } finally {
      this.#connections.delete(session)
      this.#handle({ type: 'closed', session })
    }
  }

  /** Says goodbye to every Local, and rejects the calls of this node that still wait. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#ticker)
    this.#changes.close()
    await this.#retention.close()
    const body: Body = { type: 'goodbye', reason: 'it was stopped' }
    const farewells = [...this.#connections.values()].map(({ window }) => {
      void window.send({ id: 0, body })
      return window.end(stopped('Global stopped'))
    })
    this.#connections.clear()
    await Promise.all(farewells)
    const stopping = failureOf(new DstoreError('unreachable', 'the node is stopping'))
    this.#callers.answerAll(stopping)
  }

  /** `isDue`: its answer may need the time, so the process does not end before it comes. */
  async #call(start: (id: number) => void, isDue: boolean = true): Promise<Body> {
    if (this.#closed) throw new DstoreError('unreachable', 'the node is stopping')
    const id = ++this.#lastId
    if (isDue && this.#due++ === 0) this.#ticker.ref()
    const answer = this.#callers.wait(id, isDue)
    start(id)
    const body = await answer
    if (isDue && --this.#due === 0) this.#ticker.unref()
    if (body.type === 'failure') throw errorOf(body)
    return body
  }

  #handle(event: UntimedGlobalEvent): void {
    const now = this.#options.now()
    for (const effect of this.#index.handle({ ...event, now })) this.#carryOut(effect)
    this.#changes.poll()
  }

  #carryOut(effect: GlobalEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.session, effect.message)
        break
      case 'close':
        void this.#endSession(effect.session)
        break
      case 'refused':
        this.#options.onRefused?.(effect.peer, effect.why)
        break
      case 'disconnect':
        this.#options.onExpelled?.(effect.peer)
        break
      case 'discard':
        void this.#io.discard(effect.location)
        break
      case 'page':
        void this.#page(effect)
        break
      case 'replay':
        void this.#replay(effect)
        break
      default:
        this.#do(effect)
    }
  }

  /** Does the work of a ticket, and reports its outcome to the index. */
  #do({ ticket, ...work }: StoreWork & { readonly ticket: number }): void {
    this.#io
      .do(work)
      .catch((error: unknown) => ({ type: 'failed', failure: failureOf(error) }) as const)
      .then((outcome) => {
        if (!this.#closed) this.#handle({ ...outcome, ticket })
        return undefined
      })
      .catch((error: unknown) => {
        this.#options.log.error('the index failed', { error: asDstoreError(error).message })
      })
  }

  #send(session: SessionId, message: Message): void {
    const waits = message.body.type === 'removed' && this.#options.store.archived !== undefined
    if (waits) void this.#sendArchived(session, message)
    else if (message.body.type === 'pong') void this.#sendPong(session, message)
    else this.#sendNow(session, message)
  }

  /** A removal, an unbinding or an expulsion is confirmed once the archive has it (R011-80). */
  async #sendArchived(session: SessionId, { id, body }: Message): Promise<void> {
    const failure = await unarchived(this.#options.store)
    this.#sendNow(session, { id, body: failure ?? body })
  }

  /** With leases, a pong renews one, which another member would not know of (R012-44). */
  async #sendPong(session: SessionId, message: Message): Promise<void> {
    const { leaseMs, confirmed } = this.#options
    try {
      if (leaseMs !== undefined && confirmed !== undefined) await confirmed()
    } catch {
      return
    }
    this.#sendNow(session, message)
  }

  #sendNow(session: SessionId, { id, body }: Message): void {
    if (session === SELF) {
      this.#callers.answer(id, body)
      return
    }
    const to = this.#connections.get(session)
    void to?.window.send({ id, body: this.#reporting(to.peer, body) })
  }

  /** Adds what this node reports of itself (R004-77, R004-78): no decision depends on it. */
  #reporting(peer: string, body: Body): Body {
    if (body.type !== 'pong' && body.type !== 'welcome') return body
    const { wall, lanePort, confirmed, addresses } = this.#options
    const role = this.#index.members.roleOf(peer)
    const facts = { wallMs: Math.trunc(wall()), ...(role && { role }) }
    const others = confirmed === undefined ? {} : { addresses: addresses?.() ?? [] }
    if (body.type === 'pong') return { ...body, ...facts, ...others }
    const port = lanePort?.()
    return { ...body, report: { ...facts, release: VERSION, ...(port && { lanePort: port }) } }
  }

  async #page({ session, id, body }: GlobalEffect & { type: 'page' }): Promise<void> {
    const request = body.type === 'watch' ? await this.#changes.wait(body) : body
    const answer = async (): Promise<Message> => {
      const page = await this.#io.page(request).catch(failureOf)
      return { id, body: answerAt(this.#index.versionOf(session), page) }
    }
    if (session === SELF) this.#send(session, await answer())
    else await this.#connections.get(session)?.window.page(answer)
  }

  async #replay({ session, after, limit }: GlobalEffect & { type: 'replay' }): Promise<void> {
    try {
      // The log may be ahead of the changes that are reported to the index.
      const upto = this.#index.position.seq
      const changes = await this.#io.replay(after, Math.min(limit, upto - after))
      this.#handle({ type: 'replayed', session, after, changes })
    } catch (error) {
      void this.#connections.get(session)?.window.end(asDstoreError(error))
    }
  }

  /**
   * Ends a session. A peer that is not a member gets a moment to read why, and is then
   * disconnected.
   */
  async #endSession(session: SessionId): Promise<void> {
    const connection = this.#connections.get(session)
    await connection?.window.end(stopped('Global ended the session'))
    if (connection === undefined || this.#isMember(connection.peer)) return
    const { peer } = connection
    // Only what is open now: the peer may come back at once, with a ticket that is right.
    const unless = (): boolean => this.#isMember(peer)
    this.#options.disconnect?.(peer, { afterMs: FAREWELL_MS, unless })
  }

  #isMember(peer: string): boolean {
    return this.#index.members.roleOf(peer) !== undefined
  }
}

const stopped = (why: string): DstoreError => new DstoreError('unreachable', why)
