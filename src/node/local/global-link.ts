/**
 * A Local's link to its Global: carries out what the Local's index decides (specs/004-index.md, "Local"), and dials
 * again, for ever, whenever the link is gone.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { decodeMessage } from '../../index/codec/decode.ts'
import { encodeMessage } from '../../index/codec/encode.ts'
import type { Flight } from '../../index/local/in-flight.ts'
import type { LocalEffect, LocalEvent } from '../../index/local/local-events.ts'
import { LocalIndex } from '../../index/local/local-index.ts'
import type { Answer, AnswerTo, Digest, Position, Request } from '../../index/message.ts'
import type { Verdict } from '../../index/local/freshness.ts'
import {
  CALL_TIMEOUT_MS,
  FAREWELL_MS,
  INDEX_MESSAGE_BYTES,
  REFUSED_REDIAL_MS,
} from '../../limits.ts'
import type { KnownMembers } from '../../membership/known-members.ts'
import type { Channel } from '../../wire/channel.ts'
import { FrameReader } from '../../wire/frames.ts'
import { FrameWriter } from '../../wire/frame-writer.ts'
import type { Log } from '../../log.ts'
import { inTime, pause, untilAborted } from '../../deadline.ts'
import type { Holdings } from './holdings.ts'
import { Reconnect } from './reconnect.ts'

/** How often the link looks at the clock: for pings, silence, and callers that have waited long enough. */
const TICK_MS = 250

export interface GlobalLinkOptions {
  /** Opens the index stream to Global. */
  readonly dial: (signal: AbortSignal) => Promise<Channel>
  /** Milliseconds to wait before attempt number `attempt` (from 1) after the link was lost. */
  readonly backoffMs: (attempt: number) => number
  /** Told who is a member. */
  readonly members: KnownMembers
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
  /** Where Global is away: is it to be dialled first? Not where there is another answer. */
  readonly waits?: () => boolean
  /** Keys that the request is about, where it does not name them: those of values to be put. */
  readonly digests?: readonly Digest[]
}

/**
 * Takes an answer in, at the very place in the order of messages at which it came: a removal that came after it is not
 * applied yet. `keep`: may what the answer says be kept?
 */
export type Take<R extends Request, T> = (answer: AnswerTo[R['type']], keep: boolean) => T

/** What the Local holds, for the link to dispose of. */
export type Held = Pick<Holdings, 'apply' | 'reset' | 'verified' | 'cut'>

interface Caller {
  readonly take: (answer: Answer, keep: boolean) => void
  readonly reject: (error: DstoreError) => void
}

export class GlobalLink {
  readonly #options: GlobalLinkOptions
  readonly #index: LocalIndex
  readonly #callers = new Map<number, Caller>()
  readonly #readers = new Map<number, (verdict: Verdict) => void>()
  #held: Held | undefined
  readonly #stop = new AbortController()
  readonly #ticker: NodeJS.Timeout
  #current: { readonly channel: Channel; readonly writer: FrameWriter } | undefined
  /** Why the index has dropped the stream that there is, or was last. */
  #dropped: DstoreError | undefined
  #lastTicket = 0
  /** A goodbye was said: what ends now is not begun again. */
  #leaving = false
  #status: LinkStatus = { state: 'away', since: new Date(), error: undefined }
  #firstAttempt: ((result: DstoreError | undefined) => void) | undefined
  #running: Promise<void> | undefined
  readonly #redial: Reconnect

  /** `ticketSecret`: of a ticket, for a node that is no member yet; forgotten once Global has welcomed it. */
  constructor(options: GlobalLinkOptions, ticketSecret?: Uint8Array) {
    this.#options = options
    const bootId = options.random(16)
    this.#redial = new Reconnect(options.now)
    this.#index = new LocalIndex({ bootId, now: options.now(), ticketSecret })
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

  /** From here on the link says what becomes of what is held; nothing may be held before. */
  attach(held: Held): void {
    this.#held = held
  }

  /** The lease that Global grants, in milliseconds. */
  get leaseMs(): number | undefined {
    return this.#index.freshness.leaseMs
  }

  /** When Global was last heard, and how long it took to answer then; undefined before it ever was. */
  get pulse(): { readonly lastHeard: Date; readonly roundTripMs: number | undefined } | undefined {
    if (this.#index.position === undefined) return undefined
    const { heardAt, roundTripMs } = this.#index.freshness.pulse
    return { lastHeard: new Date(Date.now() - (this.#options.now() - heardAt)), roundTripMs }
  }

  /** Where this Local stands in the order of changes; undefined before it was ever welcomed. */
  get position(): Position | undefined {
    return this.#index.position
  }

  /** The link stands, but nothing was heard for so long that reads ask first. */
  isDoubtful(): boolean {
    return this.#index.isDoubtful(this.#options.now())
  }

  /** May what is held be served? Waits a moment where that is about to be known. Rejects with `cancelled`. */
  async checkFreshness(signal?: AbortSignal): Promise<Exclude<Verdict, 'wait'>> {
    const ticket = ++this.#lastTicket
    for (;;) {
      const verdict = this.#index.verdict(this.#options.now())
      if (verdict !== 'wait') return verdict
      const limit = { ms: CALL_TIMEOUT_MS, what: 'nothing was known of Global', signal }
      const decided = await inTime<Verdict>(limit, (resolve) => {
        this.#readers.set(ticket, (verdict) => resolve(() => verdict))
        this.#handle({ type: 'check-freshness', ticket, now: this.#options.now() })
        return () => {
          if (this.#readers.delete(ticket)) this.#handle({ type: 'cancel', ticket })
        }
      })
      if (decided !== 'wait') return decided
    }
  }

  /** Has the lease of what is held run out? */
  isLeaseOver(): boolean {
    return this.#index.freshness.isExpired(this.#options.now())
  }

  /** Something about this key goes on beside the index stream, and may end in keeping the value. */
  begin(digest: Digest): Flight {
    return this.#index.begin(digest)
  }

  /**
   * Somebody wants Global: where it is away, dial now, and not when the wait is over. Resolves when it is there, that has
   * failed, or a caller has waited for long enough; at once where it was dialled a moment ago: then it is soon dialled again.
   */
  dialNow(): Promise<void> {
    if (this.#status.state === 'connected') return Promise.resolve()
    // Whoever is refused is let in, if at all, by somebody: that takes its time.
    if (this.#status.error?.code === 'not-permitted') return Promise.resolve()
    return this.#redial.dialNow()
  }

  /**
   * Ask Global. Rejects with Global's failure, with `unreachable` where the link is gone and was not mended in a
   * moment, with `timeout` where no answer came, with `cancelled`.
   */
  async ask<R extends Request, T = AnswerTo[R['type']]>(
    request: R,
    options: AskOptions = {},
    take: Take<R, T> = (answer) => answer as T,
  ): Promise<T> {
    this.#stop.signal.throwIfAborted()
    const ticket = ++this.#lastTicket
    const { timeoutMs = CALL_TIMEOUT_MS, signal, digests = [], waits = () => true } = options
    const isAway = this.#status.state === 'away'
    const ms = isAway && waits() ? await this.#waited(timeoutMs, signal) : timeoutMs
    const limit = { ms, what: 'Global did not answer', signal }
    return inTime<T>(limit, (resolve, reject) => {
      this.#callers.set(ticket, {
        take: (body, keep) => resolve(() => take(body as AnswerTo[R['type']], keep)),
        reject,
      })
      this.#handle({ type: 'request', ticket, body: request, digests, now: this.#options.now() })
      return () => {
        if (this.#callers.delete(ticket)) this.#handle({ type: 'cancel', ticket })
      }
    })
  }

  /** Waits until Global is there, or is known not to be: how much of so many milliseconds is left then. */
  async #waited(timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const begin = this.#options.now()
    const limit = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal])
    await untilAborted(this.dialNow(), either).catch(() => undefined)
    this.#stop.signal.throwIfAborted()
    return Math.max(0, timeoutMs - (this.#options.now() - begin))
  }

  /** Say goodbye, and never dial again. Callers that still wait are told. */
  async close(): Promise<void> {
    clearInterval(this.#ticker)
    const reason = new DstoreError('unreachable', 'the node is stopping')
    if (this.#status.state === 'connected' && this.#current !== undefined) {
      const { writer, channel } = this.#current
      this.#leaving = true
      const body = { type: 'goodbye', reason: 'it was told to stop' } as const
      await writer.send(encodeMessage({ id: 0, body })).catch(() => undefined)
      await writer.end().catch(() => undefined)
      // Global ends its side once it has read that: until then, an abort might overtake the goodbye.
      await pause(FAREWELL_MS, channel.signal)
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
      this.#redial.begins()
      try {
        const channel = await dial(signal)
        error = await this.#session(channel, () => (attempt = 0))
      } catch (cause) {
        error = asDstoreError(cause)
      }
      if (signal.aborted || this.#leaving) break
      if (this.#status.state === 'connected' || attempt === 1) {
        log.warn('Global is away', { error: error.message })
      }
      this.#became('away', error)
      this.#handle({ type: 'closed', now: now(), error })
      const isRefused = error.code === 'not-permitted'
      const wait = backoffMs(Math.max(1, attempt))
      const waitMs = isRefused ? Math.max(wait, REFUSED_REDIAL_MS) : wait
      await this.#redial.pause(waitMs, signal)
    }
    this.#firstAttempt?.(signal.reason as DstoreError)
  }

  /** Speak on one channel until it ends; the reason why it ended. */
  async #session(channel: Channel, welcomed: () => void): Promise<DstoreError> {
    const { log, now } = this.#options
    this.#current = { channel, writer: new FrameWriter(channel) }
    this.#dropped = undefined
    try {
      this.#handle({ type: 'opened', now: now() })
      const reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
      for (;;) {
        const frame = await reader.next()
        if (frame === undefined) return new DstoreError('unreachable', 'Global ended the session')
        const message = decodeMessage(frame)
        this.#handle({ type: 'message', message, now: now() })
        // The index has dropped the stream: its reason counts, whatever became of the stream meanwhile.
        if (this.#dropped !== undefined) return this.#dropped
        if (this.#index.link === 'connected' && this.#status.state === 'away') {
          welcomed()
          this.#became('connected', undefined)
          log.info('connected to Global', { peer: channel.peer })
        }
      }
    } catch (error) {
      return this.#dropped ?? asDstoreError(error)
    } finally {
      this.#current = undefined
      channel.abort(new DstoreError('unreachable', 'the session with Global has ended'))
    }
  }

  #became(state: LinkStatus['state'], error: DstoreError | undefined): void {
    const since = this.#status.state === state ? this.#status.since : new Date()
    this.#status = { state, since, error }
    this.#redial.ended()
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
      case 'schedule-flush':
        setImmediate(() => this.#handle({ type: 'flush', now: this.#options.now() }))
        break
      case 'settle': {
        const caller = this.#callers.get(effect.ticket)
        this.#callers.delete(effect.ticket)
        if (effect.result instanceof DstoreError) caller?.reject(effect.result)
        else caller?.take(effect.result, effect.keep)
        break
      }
      case 'verdict': {
        const reader = this.#readers.get(effect.ticket)
        this.#readers.delete(effect.ticket)
        reader?.(effect.verdict)
        break
      }
      case 'apply':
        this.#held?.apply(effect.removals, effect.unbindings)
        this.#options.members.apply(effect.memberships)
        break
      case 'members':
        this.#options.members.replace(effect.peers)
        break
      case 'reset': {
        const digests = this.#held?.reset() ?? []
        this.#handle({ type: 'held', digests, now: this.#options.now() })
        break
      }
      case 'revalidated':
        this.#held?.verified(effect.digest, effect.incarnation)
        break
      case 'end-reads':
        this.#held?.cut(effect.error)
        break
      case 'refused':
        this.#options.log.error('Global refuses this Local', { error: effect.error.message })
        break
      case 'close':
        this.#dropped = effect.error
        this.#current?.channel.abort(effect.error)
        break
    }
  }
}
