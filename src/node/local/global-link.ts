/**
 * Runs the Local's index state machine (specs/004-index.md, "Local") over one stream to Global,
 * reconnecting indefinitely.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { decodeMessage } from '../../index/codec/decode.ts'
import { encodeMessage } from '../../index/codec/encode.ts'
import type { Flight } from '../../index/local/in-flight.ts'
import type { LocalEffect, UntimedLocalEvent } from '../../index/local/local-events.ts'
import { LocalIndex } from '../../index/local/local-index.ts'
import type { AnswerTo, Digest, Message, Position, Request } from '../../index/message.ts'
import type { Verdict } from '../../index/local/freshness.ts'
import { CALL_TIMEOUT_MS, DOUBT_MS } from '../../limits.ts'
import { inTime } from '../../deadline.ts'
import { sayGoodbye, type Greeted, type Greeter } from './global-connector.ts'
import { GlobalReports, type Pulse } from '../global-facts.ts'
import type { AskOptions, GlobalLinkOptions, Held, LinkStatus, Take } from './link-options.ts'
import { PendingCalls } from './pending-calls.ts'
import { Reconnect, redialMs } from './reconnect.ts'
import { SecondConnection } from './second-connection.ts'

/** How often the index checks the time: for pings, silence, and callers' time-outs. */
const TICK_MS = 250
const TAKEN_OVER = new DstoreError('unreachable', 'Global was silent on an older connection')

export class GlobalLink {
  readonly #options: GlobalLinkOptions
  readonly #index: LocalIndex
  readonly #calls = new PendingCalls()
  #held: Held | undefined
  readonly #stop = new AbortController()
  readonly #ticker: NodeJS.Timeout
  #current: Greeted | undefined
  /** The hello that the index has just made. */
  #hello: Message | undefined
  #named: readonly string[] = []
  readonly #greeter: Greeter = {
    hello: () => {
      this.#handle({ type: 'opened' })
      return this.#hello!
    },
    unanswered: (error) => this.#handle({ type: 'unanswered', error }),
  }
  readonly #second: SecondConnection
  readonly #reports = new GlobalReports(() => Date.now())
  #dropped: DstoreError | undefined
  /** When Global was last heard, by the link's clock. */
  #heardAt = 0
  #isClosing = false
  #status: LinkStatus = { state: 'away', since: new Date(), error: undefined }
  #firstAttempt: ((result: DstoreError | undefined) => void) | undefined
  #running: Promise<void> | undefined
  readonly #reconnect: Reconnect

  /** `ticketSecret`: for a node that is not a member yet; forgotten once Global has admitted it. */
  constructor(options: GlobalLinkOptions, ticketSecret?: Uint8Array) {
    this.#options = options
    const { random, now, host, operations } = options
    this.#reconnect = new Reconnect(now)
    const own = { bootId: random(16), host, operations }
    this.#index = new LocalIndex({ ...own, now: now(), ticketSecret })
    this.#second = new SecondConnection({
      connect: options.connect,
      greeter: this.#greeter,
      now: options.now,
      isGreeting: () => this.#index.isGreeting,
      onGreeted: () => this.#current?.channel.abort(TAKEN_OVER),
    })
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref()
  }

  get status(): LinkStatus {
    return this.#status
  }

  /** Dials. Resolves after the first attempt, with its error, or undefined if connected. */
  async start(): Promise<DstoreError | undefined> {
    const first = new Promise<DstoreError | undefined>((resolve) => {
      this.#firstAttempt = resolve
    })
    this.#running = this.#run()
    return first
  }

  /** The link keeps these holdings up to date from now on; they must be empty. */
  attach(held: Held): void {
    this.#held = held
  }

  /** The lease that Global grants, in milliseconds. */
  get leaseMs(): number | undefined {
    return this.#index.freshness.leaseMs
  }

  /** When Global was last heard, and its last round-trip time; undefined before the first. */
  get pulse(): Pulse | undefined {
    return this.#index.position && this.#reports.pulse(this.#index.freshness.roundTripMs)
  }

  get position(): Position | undefined {
    return this.#index.position
  }

  /** Global is there, or another member of the set may take over in a moment. */
  get isExpected(): boolean {
    return (
      this.#status.state === 'connected' || this.#index.failover.isFailingOver(this.#options.now())
    )
  }

  get failover(): LocalIndex['failover'] {
    return this.#index.failover
  }

  /** Connected, but reads must ask Global first. */
  isDoubtful(): boolean {
    return this.#index.isDoubtful(this.#options.now())
  }

  /**
   * May held values be served? Waits if that will be known in a moment. Rejects with `cancelled`.
   */
  async checkFreshness(signal?: AbortSignal): Promise<Exclude<Verdict, 'wait'>> {
    for (;;) {
      const known = this.verdict()
      if (known !== 'wait') return known
      const decided = await this.#calls.verdict((event) => this.#handle(event), signal)
      if (decided !== 'wait') return decided
    }
  }

  /** May held values be served? `wait` if that will be known in a moment. */
  verdict(): Verdict {
    return this.#index.verdict(this.#options.now())
  }

  /** Has the lease on held values expired? */
  isLeaseOver(): boolean {
    return this.#index.freshness.isExpired(this.#options.now())
  }

  begin(digest: Digest): Flight {
    return this.#index.begin(digest)
  }

  wrote(name: string, seq: number): void {
    this.#handle({ type: 'wrote', name, seq })
  }

  /**
   * While Global is away, dials immediately instead of waiting out the backoff. Resolves when the
   * attempt has ended or has taken too long; at once if the last attempt has only just ended,
   * because the next follows soon.
   */
  dialNow(): Promise<void> {
    if (this.#status.state === 'connected') return Promise.resolve()
    // A refusal needs an administrator to fix, so keep the long backoff.
    if (this.#status.error?.code === 'not-permitted') return Promise.resolve()
    return this.#reconnect.dialNow()
  }

  /**
   * Sends a request to Global. Rejects with Global's failure, `unreachable` if there is no link and
   * none in a moment, `timeout` without an answer, or `cancelled`.
   */
  async ask<R extends Request, T = AnswerTo[R['type']]>(
    request: R,
    options: AskOptions = {},
    take: Take<R, T> = (answer) => answer as T,
  ): Promise<T> {
    this.#stop.signal.throwIfAborted()
    const ticket = this.#calls.newTicket()
    const { timeoutMs = CALL_TIMEOUT_MS, signal, digests = [], waits = () => true } = options
    const isAway = this.#status.state === 'away'
    const isPatient = waits()
    const ms = isAway && isPatient ? await this.#waitForGlobal(timeoutMs, signal) : timeoutMs
    const limit = { ms, what: 'Global did not answer', signal }
    return inTime<T>(limit, (resolve, reject) => {
      this.#calls.addCaller(ticket, {
        take: (body, keep) => resolve(() => take(body as AnswerTo[R['type']], keep)),
        reject,
      })
      this.#handle({ type: 'request', ticket, body: request, digests, isPatient })
      return () => {
        if (this.#calls.remove(ticket)) this.#handle({ type: 'cancel', ticket })
      }
    })
  }

  /** Waits for a connection or a failed attempt. Returns the rest of the time. */
  async #waitForGlobal(timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
    const begin = this.#options.now()
    await inTime<void>({ ms: timeoutMs, what: 'no connection', signal }, (resolve) => {
      void this.dialNow().then(() => resolve(() => undefined))
      return () => undefined
    }).catch(() => undefined)
    this.#stop.signal.throwIfAborted()
    return Math.max(0, timeoutMs - (this.#options.now() - begin))
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker)
    const reason = new DstoreError('unreachable', 'the node is stopping')
    if (this.#status.state === 'connected' && this.#current !== undefined) {
      this.#isClosing = true
      await sayGoodbye(this.#current)
    }
    this.#stop.abort(reason)
    this.#current?.channel.abort(reason)
    await this.#running
    this.#calls.rejectAll(reason)
  }

  #tick(): void {
    this.#handle({ type: 'tick' })
    if (this.#current === undefined || this.#isClosing) return
    if (this.#options.now() - this.#heardAt < DOUBT_MS) return
    if (this.#index.link === 'connected') this.#second.start(this.#stop.signal)
  }

  async #run(): Promise<void> {
    const { connect, backoffMs, log } = this.#options
    const { signal } = this.#stop
    for (let attempt = 1; !signal.aborted; attempt++) {
      let error: DstoreError
      this.#reconnect.attemptStarted()
      try {
        const greeted = (await this.#second.take()) ?? (await connect(this.#greeter, signal))
        error = await this.#session(greeted, () => (attempt = 0))
      } catch (cause) {
        error = asDstoreError(cause)
      }
      if (signal.aborted || this.#isClosing) break
      this.#handle({ type: 'closed', error })
      // A second connection takes over without a pause, if its attempt succeeds.
      if (this.#second.isGreeted) continue
      if (this.#status.state === 'connected' || attempt === 1) {
        log.warn('Global is away', { error: error.message })
      }
      this.#became('away', error)
      if (this.#second.isOn) continue
      const backoff = backoffMs(Math.max(1, attempt))
      await this.#reconnect.pause(redialMs(backoff, error, this.isExpected), signal)
    }
    this.#firstAttempt?.(signal.reason as DstoreError)
  }

  /** Runs the session on one channel. Returns the reason for its end. */
  async #session(greeted: Greeted, welcomed: () => void): Promise<DstoreError> {
    const { channel, reader } = greeted
    this.#current = greeted
    this.#calls.expectOn(channel)
    this.#dropped = undefined
    let isWelcome = false
    try {
      for (let message = greeted.answer; ;) {
        this.#heardAt = this.#options.now()
        this.#handle({ type: 'message', message })
        const { body } = message
        this.#reports.heard(body, this.#index.freshness.roundTripMs)
        const isNaming = isWelcome && body.type === 'pong' && body.addresses !== undefined
        if (isNaming && greeted.target) this.#options.onNamed?.(greeted.target, body.addresses)
        // If the index dropped the stream, its reason counts, not the stream's.
        if (this.#dropped !== undefined) return this.#dropped
        if (this.#index.link === 'connected' && !isWelcome) {
          isWelcome = true
          welcomed()
          this.#welcomed(greeted)
        }
        const frame = await reader.next()
        if (frame === undefined) return new DstoreError('unreachable', 'Global ended the session')
        message = decodeMessage(frame)
        if (this.#second.isOn && !(await this.#second.goesOn())) return TAKEN_OVER
      }
    } catch (error) {
      return this.#dropped ?? asDstoreError(error)
    } finally {
      this.#current = undefined
      const over = new DstoreError('unreachable', 'the session with Global has ended')
      channel.abort(over)
      if (!isWelcome) greeted.close(over)
    }
  }

  #welcomed(greeted: Greeted): void {
    const { channel, target } = greeted
    greeted.welcomed()
    this.#became('connected', undefined, target?.known)
    this.#options.onWelcome?.(channel.peer, target, this.#named)
    this.#options.log.info('connected to Global', { peer: channel.peer, address: target?.address })
  }

  #became(state: LinkStatus['state'], error: DstoreError | undefined, address?: string): void {
    const since = this.#status.state === state ? this.#status.since : new Date()
    this.#status = { state, since, address, error }
    this.#reconnect.attemptEnded()
    this.#firstAttempt?.(error)
    this.#firstAttempt = undefined
  }

  #handle(event: UntimedLocalEvent): void {
    const now = this.#options.now()
    for (const effect of this.#index.handle({ ...event, now })) this.#carryOut(effect)
  }

  #carryOut(effect: LocalEffect): void {
    switch (effect.type) {
      case 'send':
        if (effect.message.body.type === 'hello') this.#hello = effect.message
        else this.#current?.writer.send(encodeMessage(effect.message)).catch(() => undefined)
        break
      case 'schedule-flush':
        setImmediate(() => this.#handle({ type: 'flush' }))
        break
      case 'settle':
        this.#calls.settle(effect)
        break
      case 'verdict':
        this.#calls.decide(effect)
        break
      case 'apply':
        this.#held?.apply(effect.removals, effect.unbindings)
        this.#options.members.apply(effect.memberships)
        break
      case 'addresses':
        this.#named = effect.addresses
        break
      case 'members':
        this.#options.members.replace(effect.peers)
        break
      case 'reset':
        this.#options.log.info('this Local checks what it holds')
        this.#handle({ type: 'held', digests: this.#held?.reset() ?? [] })
        break
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
