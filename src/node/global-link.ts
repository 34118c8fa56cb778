/**
 * A Local's link to its Global: carries out what the Local's index decides (specs/004-index.md, "Local"), and dials
 * again, for ever, whenever the link is gone.
 */
import { DstoreError, asDstoreError } from '../errors.ts'
import { decodeMessage, encodeMessage } from '../index/codec.ts'
import { LocalIndex, type LocalEffect, type LocalEvent } from '../index/local-index.ts'
import type { Answer, AnswerTo, Request } from '../index/message.ts'
import { CALL_TIMEOUT_MS, INDEX_MESSAGE_BYTES } from '../limits.ts'
import type { Channel } from '../wire/channel.ts'
import { FrameReader } from '../wire/frames.ts'
import { FrameWriter } from '../wire/frame-writer.ts'
import type { Log } from './log.ts'
import { deadline, pause, untilAborted } from './deadline.ts'

/** How often the link looks at the clock: for pings, silence, and callers that have waited long enough. */
const TICK_MS = 250

export interface GlobalLinkOptions {
  /** Opens the index stream to Global. */
  readonly dial: (signal: AbortSignal) => Promise<Channel>
  /** Milliseconds to wait before attempt number `attempt` (from 1) after the link was lost. */
  readonly backoffMs: (attempt: number) => number
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
}

export interface LinkStatus {
  readonly state: 'connected' | 'away'
  readonly since: Date
  /** Why it is away. */
  readonly error: DstoreError | undefined
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

interface Caller {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: DstoreError) => void
}

export class GlobalLink {
  readonly #options: GlobalLinkOptions
  readonly #index: LocalIndex
  readonly #callers = new Map<number, Caller>()
  readonly #stop = new AbortController()
  readonly #ticker: NodeJS.Timeout
  #current: { readonly channel: Channel; readonly writer: FrameWriter } | undefined
  #lastTicket = 0
  #status: LinkStatus = { state: 'away', since: new Date(), error: undefined }
  #firstAttempt: ((result: DstoreError | undefined) => void) | undefined
  #running: Promise<void> | undefined

  constructor(options: GlobalLinkOptions) {
    this.#options = options
    this.#index = new LocalIndex({ bootId: options.random(16), now: options.now() })
    this.#ticker = setInterval(() => this.#handle({ type: 'tick', now: options.now() }), TICK_MS)
    this.#ticker.unref()
  }

  get status(): LinkStatus {
    return this.#status
  }

  /** Start dialling. Resolves when the first attempt has ended: with its error, or undefined once connected. */
  async start(): Promise<DstoreError | undefined> {
    const first = new Promise<DstoreError | undefined>((resolve) => {
      this.#firstAttempt = resolve
    })
    this.#running = this.#run()
    return first
  }

  /**
   * Ask Global. Rejects with Global's failure, with `unreachable` where the link is gone and was not mended in a
   * moment, with `timeout` where no answer came, with `cancelled`.
   */
  async ask<R extends Request>(request: R, options: AskOptions = {}): Promise<AnswerTo[R['type']]> {
    const ticket = ++this.#lastTicket
    const wait = options.timeoutMs ?? CALL_TIMEOUT_MS
    const limit = deadline(wait, 'Global did not answer', options.signal)
    try {
      this.#stop.signal.throwIfAborted()
      const answer = new Promise<Answer>((resolve, reject) => {
        this.#callers.set(ticket, { resolve, reject })
      })
      this.#handle({ type: 'request', ticket, body: request, now: this.#options.now() })
      return (await untilAborted(answer, limit.signal)) as AnswerTo[R['type']]
    } finally {
      limit.clear()
      if (this.#callers.delete(ticket)) this.#handle({ type: 'cancel', ticket })
    }
  }

  /** Say goodbye, and never dial again. Callers that still wait are told. */
  async close(): Promise<void> {
    clearInterval(this.#ticker)
    const reason = new DstoreError('unreachable', 'the node is stopping')
    if (this.#status.state === 'connected' && this.#current !== undefined) {
      const { writer } = this.#current
      const body = { type: 'goodbye', reason: 'it was told to stop' } as const
      await writer.send(encodeMessage({ id: 0, body })).catch(() => undefined)
      await writer.end().catch(() => undefined)
    }
    this.#stop.abort(reason)
    this.#current?.channel.abort(reason)
    await this.#running
    for (const { reject } of this.#callers.values()) reject(reason)
    this.#callers.clear()
  }

  async #run(): Promise<void> {
    const { dial, backoffMs, log, now } = this.#options
    const { signal } = this.#stop
    for (let attempt = 1; !signal.aborted; attempt++) {
      let error: DstoreError
      try {
        const channel = await dial(signal)
        error = await this.#session(channel, () => (attempt = 0))
      } catch (cause) {
        error = asDstoreError(cause)
      }
      if (signal.aborted) break
      if (this.#status.state === 'connected' || attempt === 1) {
        log.warn('Global is away', { error: error.message })
      }
      this.#became('away', error)
      this.#handle({ type: 'closed', now: now(), error })
      await pause(backoffMs(Math.max(1, attempt)), signal)
    }
    this.#firstAttempt?.(signal.reason as DstoreError)
  }

  /** Speak on one channel until it ends; the reason why it ended. */
  async #session(channel: Channel, welcomed: () => void): Promise<DstoreError> {
    const { log, now } = this.#options
    this.#current = { channel, writer: new FrameWriter(channel) }
    try {
      this.#handle({ type: 'opened', now: now() })
      const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
      for (;;) {
        const frame = await reader.next()
        if (frame === undefined) return new DstoreError('unreachable', 'Global ended the session')
        const message = decodeMessage(frame)
        this.#handle({ type: 'message', message, now: now() })
        if (this.#index.link === 'connected' && this.#status.state === 'away') {
          welcomed()
          this.#became('connected', undefined)
          log.info('connected to Global', { peer: channel.peer })
        }
      }
    } catch (error) {
      return asDstoreError(error)
    } finally {
      this.#current = undefined
      channel.abort(new DstoreError('unreachable', 'the session with Global has ended'))
    }
  }

  #became(state: LinkStatus['state'], error: DstoreError | undefined): void {
    const since = this.#status.state === state ? this.#status.since : new Date()
    this.#status = { state, since, error }
    this.#firstAttempt?.(error)
    this.#firstAttempt = undefined
  }

  #handle(event: LocalEvent): void {
    for (const effect of this.#index.handle(event)) this.#carryOut(effect)
  }

  #carryOut(effect: LocalEffect): void {
    switch (effect.type) {
      case 'send':
        this.#current?.writer.send(encodeMessage(effect.message)).catch(() => undefined)
        break
      case 'settle': {
        const caller = this.#callers.get(effect.ticket)
        this.#callers.delete(effect.ticket)
        if (effect.result instanceof DstoreError) caller?.reject(effect.result)
        else caller?.resolve(effect.result)
        break
      }
      case 'refused':
        this.#options.log.error('Global refuses this Local', { error: effect.error.message })
        break
      case 'hang-up':
        this.#current?.channel.abort(effect.error)
        break
    }
  }
}
