/**
 * Carries out what Global's index decides (specs/004-index.md, "Global"): reads its rows, seals its values, commits
 * its transactions, and carries its messages over the channels of the Locals. No decision is taken here.
 */
import { DstoreError, asDstoreError } from '../errors.ts'
import { hash } from '../hash/hasher.ts'
import { decodeMessage, encodeMessage } from '../index/codec.ts'
import {
  GlobalIndex,
  SELF,
  keyRow,
  rowsWanted,
  type GlobalEffect,
  type GlobalEvent,
  type Sealed,
  type SessionId,
} from '../index/global-index.ts'
import type {
  AnswerTo,
  Body,
  Failure,
  Locate,
  Message,
  Receipt,
  Request,
} from '../index/message.ts'
import { decodeKey, encodeChange } from '../index/record.ts'
import {
  INDEX_MESSAGE_BYTES,
  INLINE_ANSWER_BYTES,
  INLINE_VALUE_BYTES,
  REQUESTS_IN_FLIGHT,
} from '../limits.ts'
import type { Location, Row, Staging, Store, Transaction } from '../store/store.ts'
import type { Channel } from '../wire/channel.ts'
import { FrameReader } from '../wire/frames.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import type { Log } from './log.ts'
import { readSmall } from './values.ts'

/** How often the index looks at the clock: for pings, and for Locals that have fallen silent. */
const TICK_MS = 500

export interface IndexHostOptions {
  readonly store: Store
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
}

interface Connection {
  readonly channel: Channel
  readonly writer: FrameWriter
  /** Requests that were read and not yet answered. */
  unanswered: number
  resume: (() => void) | undefined
}

interface Caller {
  readonly resolve: (body: Body) => void
}

export class IndexHost {
  readonly #options: IndexHostOptions
  readonly #index: GlobalIndex
  readonly #connections = new Map<SessionId, Connection>()
  readonly #callers = new Map<number, Caller>()
  /** Sealed values that the index has not decided about. */
  readonly #sealedValues = new Map<Location, Staging>()
  readonly #ticker: NodeJS.Timeout
  #lastSession: SessionId = SELF
  #lastId = 0
  #closed = false

  private constructor(options: IndexHostOptions, index: GlobalIndex) {
    this.#options = options
    this.#index = index
    this.#ticker = setInterval(() => this.#handle({ type: 'tick', now: options.now() }), TICK_MS)
    this.#ticker.unref()
  }

  /** Every start begins a run, which is the first change that it writes. */
  static async open(options: IndexHostOptions): Promise<IndexHost> {
    const runId = options.random(16)
    const entry = encodeChange({ type: 'run-started', runId })
    const started = await options.store.commit({ conditions: [], writes: [], entry })
    if (!started.ok) throw new DstoreError('internal', 'the start of a run was not committed')
    return new IndexHost(options, new GlobalIndex({ runId, seq: started.seq }))
  }

  /** Peer ids of the Locals that are connected. */
  peers(): string[] {
    return this.#index.peers()
  }

  /** A request of the node's own callers. A failure rejects. */
  async ask<R extends Request>(request: R): Promise<AnswerTo[R['type']]> {
    const body = await this.#call((id) => this.#receive(SELF, { id, body: request }))
    return body as AnswerTo[R['type']]
  }

  /** Make a value that was verified and sealed exist: the same as a put of it, and its receipt. */
  async adopt(value: Sealed & { readonly staging: Staging }): Promise<Receipt> {
    this.#sealedValues.set(value.location, value.staging)
    const body = await this.#call((id) => this.#sealed(SELF, id, [value]))
    if (body.type !== 'stored') throw new DstoreError('internal', `${body.type} answered a put`)
    return body.receipts[0]!
  }

  /** Serve one Local until its channel ends. Never rejects: what went wrong is logged. */
  async serve(channel: Channel): Promise<void> {
    const { log, now } = this.#options
    const session = ++this.#lastSession
    const writer = new FrameWriter(channel)
    const connection: Connection = { channel, writer, unanswered: 0, resume: undefined }
    this.#connections.set(session, connection)
    this.#handle({ type: 'opened', session, peer: channel.peer, now: now() })
    try {
      const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
      for (;;) {
        const frame = await reader.next()
        if (frame === undefined) break
        const message = decodeMessage(frame)
        connection.unanswered++
        void this.#receive(session, message).finally(() => {
          connection.unanswered--
          connection.resume?.()
        })
        if (connection.unanswered >= REQUESTS_IN_FLIGHT) await room(connection)
      }
      await writer.end()
    } catch (error) {
      const fault = asDstoreError(error)
      if (fault.code === 'protocol') {
        log.warn('a Local broke the index protocol', { peer: channel.peer, error: fault.message })
        await this.#farewell(connection, fault)
      }
      channel.abort(fault)
    } finally {
      this.#connections.delete(session)
      this.#handle({ type: 'closed', session })
    }
  }

  /** Say goodbye to every Local and stop. Callers that still wait are told. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#ticker)
    const body: Body = { type: 'goodbye', reason: 'it was told to' }
    for (const [session, { writer, channel }] of this.#connections) {
      this.#connections.delete(session)
      await writer.send(encodeMessage({ id: 0, body })).catch(() => undefined)
      await writer.end().catch(() => undefined)
      channel.abort(new DstoreError('unreachable', 'Global stopped'))
    }
    for (const { resolve } of this.#callers.values()) {
      resolve(failureOf(new DstoreError('unreachable', 'the node is stopping')))
    }
    this.#callers.clear()
  }

  async #call(start: (id: number) => Promise<void>): Promise<Body> {
    if (this.#closed) throw new DstoreError('unreachable', 'the node is stopping')
    const id = ++this.#lastId
    const body = await new Promise<Body>((resolve) => {
      this.#callers.set(id, { resolve })
      void start(id)
    })
    if (body.type === 'failure') throw new DstoreError(body.code, body.message, hintOf(body))
    return body
  }

  /** Bring in the rows that a message needs, and hand it over. */
  async #receive(session: SessionId, message: Message): Promise<void> {
    const { store, now } = this.#options
    const { id, body } = message
    try {
      const wanted = rowsWanted(body)
      const rows = wanted.length === 0 ? [] : await store.rows(wanted)
      if (body.type === 'list') {
        this.#send(session, { id, body: await this.#list(body.after, body.limit) })
      } else if (body.type === 'locate' && body.inline) {
        const values = await this.#inlineValues(body, rows)
        this.#handle({ type: 'message', session, message, now: now(), rows, values })
      } else {
        this.#handle({ type: 'message', session, message, now: now(), rows })
      }
    } catch (error) {
      this.#send(session, { id, body: failureOf(error) })
    }
  }

  /** The small values among these rows, as many as fit into one answer. */
  async #inlineValues(
    { digests }: Locate,
    rows: readonly (Row | undefined)[],
  ): Promise<(Uint8Array | undefined)[]> {
    let left = INLINE_ANSWER_BYTES
    return Promise.all(
      digests.map(async (_, i) => {
        const row = rows[i]
        if (row === undefined) return undefined
        const { size, location } = decodeKey(row)
        if (size > INLINE_VALUE_BYTES || size > left) return undefined
        left -= size
        return readSmall(this.#options.store, location, size).catch(() => undefined)
      }),
    )
  }

  async #list(after: Uint8Array | undefined, limit: number): Promise<Body> {
    const options = after === undefined ? { limit: limit + 1 } : { after, limit: limit + 1 }
    const rows = await this.#options.store.scan('keys', options)
    const items = rows.slice(0, limit).map((row) => ({ digest: row.id, size: decodeKey(row).size }))
    return { type: 'listed', items, more: rows.length > limit }
  }

  #handle(event: GlobalEvent): void {
    for (const effect of this.#index.handle(event)) this.#carryOut(effect)
  }

  #carryOut(effect: GlobalEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.session, effect.message)
        break
      case 'stage':
        void this.#stage(effect.session, effect.id, effect.values)
        break
      case 'commit':
        void this.#commit(effect.ticket, effect.transaction)
        break
      case 'discard':
        void this.#discard(effect.location)
        break
      case 'hang-up':
        void this.#hangUp(effect.session)
        break
    }
  }

  #send(session: SessionId, message: Message): void {
    if (session === SELF) {
      this.#callers.get(message.id)?.resolve(message.body)
      this.#callers.delete(message.id)
      return
    }
    // A Local that does not read its answers is cut off by the silence of its pongs; the queue is bounded by the
    // number of its requests in flight.
    this.#connections
      .get(session)
      ?.writer.send(encodeMessage(message))
      .catch(() => undefined)
  }

  async #stage(session: SessionId, id: number, values: readonly Uint8Array[]): Promise<void> {
    const { store } = this.#options
    const sealed: Sealed[] = []
    try {
      for (const value of values) {
        const { digest, size, outboard } = hash(value)
        const staging = await store.stage(size)
        try {
          await staging.write(value)
          const location = await staging.seal(outboard)
          this.#sealedValues.set(location, staging)
          sealed.push({ digest, size, location })
        } catch (error) {
          await staging.discard()
          throw error
        }
      }
      await this.#sealed(session, id, sealed)
    } catch (error) {
      for (const { location } of sealed) await this.#discard(location)
      this.#handle({ type: 'failed', session, id, failure: failureOf(error) })
    }
  }

  async #sealed(session: SessionId, id: number, values: readonly Sealed[]): Promise<void> {
    const rows = await this.#options.store.rows(values.map(({ digest }) => keyRow(digest)))
    this.#handle({ type: 'sealed', session, id, values, rows })
  }

  async #commit(ticket: number, transaction: Transaction): Promise<void> {
    const { store } = this.#options
    try {
      const result = await store.commit(transaction)
      if (result.ok) {
        for (const location of transaction.adopt ?? []) this.#sealedValues.delete(location)
        this.#handle({ type: 'committed', ticket, seq: result.seq })
      } else {
        const [row] = await store.rows([result.failed.key])
        this.#handle({ type: 'conflicted', ticket, row })
      }
    } catch (error) {
      this.#handle({ type: 'aborted', ticket, failure: failureOf(error) })
    }
  }

  async #discard(location: Location): Promise<void> {
    const staging = this.#sealedValues.get(location)
    this.#sealedValues.delete(location)
    await staging?.discard().catch((error: unknown) => {
      const { message } = asDstoreError(error)
      this.#options.log.warn('a value that was not needed could not be freed', { error: message })
    })
  }

  async #hangUp(session: SessionId): Promise<void> {
    const connection = this.#connections.get(session)
    if (connection === undefined) return
    await connection.writer.end().catch(() => undefined)
    connection.channel.abort(new DstoreError('unreachable', 'Global ended the session'))
  }

  async #farewell({ writer }: Connection, fault: DstoreError): Promise<void> {
    await writer.send(encodeMessage({ id: 0, body: failureOf(fault) })).catch(() => undefined)
    await writer.end().catch(() => undefined)
  }
}

function room(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    connection.resume = () => {
      connection.resume = undefined
      resolve()
    }
  })
}

function failureOf(error: unknown): Failure {
  const { code, message, hint } = asDstoreError(error)
  return { type: 'failure', code, message, hint }
}

const hintOf = ({ hint }: Failure): { hint?: string } => (hint === undefined ? {} : { hint })
