/**
 * Fetches one value into the cache for all its callers. Each caller names the range that it wants;
 * missing groups are fetched once, from the sources that `Schedule` chooses, and every caller reads
 * verified bytes while the rest arrives.
 */
import { asDstoreError, DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SWARM_BYTES, SWARM_EVERY_MS, SHUN_MS, SOURCES } from '../../limits.ts'
import type { GroupChecker } from '../../hash/proof/group-check.ts'
import type { VerifiedRun } from '../../transfer/piece-stream.ts'
import { Schedule } from '../../transfer/schedule/schedule.ts'
import type {
  ScheduleEffect,
  UntimedScheduleEvent,
} from '../../transfer/schedule/schedule-events.ts'
import type { SourceId } from '../../transfer/schedule/source.ts'
import { RETRY_MS, Retry } from './retry.ts'
import { pause } from '../../deadline.ts'
import { TransferCancelled } from '../activity/transfers.ts'
import type { HeldValue, Receiver } from '../cache/held-value.ts'
import type { Sources } from './peer-sources.ts'

/** How often the schedule checks for stalled sources. */
const TICK_MS = 100

/** Shown when a download fails because Global is unreachable. */
const KEPT = 'received bytes stay cached while there is room: repeat the get to resume'

/** Tolerated not-found answers from a listed holder, which may just have evicted the value. */
const REFUSALS = 3

/** How long after its start a download first asks for holders again; the wait then doubles. */
const FIRST_JOIN_MS = 50

export interface DownloadOptions {
  readonly value: HeldValue
  readonly sources: Sources
  /** Verifies large pieces on another thread; undefined verifies all on this one. */
  readonly checker?: GroupChecker | undefined
  /**
   * Takes room for a range of the value, and for the wanted ones, when the first bytes of it are
   * about to arrive. False if there is none: the download fails with `NoRoom`.
   */
  readonly claim: (range: ByteRange, wanted: () => readonly ByteRange[]) => boolean
  /** Called when bytes that are kept came from a source. */
  readonly onReceived?: (source: SourceId, bytes: number) => void
  /** Called once, when the download is complete, has failed, or has no more callers. */
  readonly onEnd: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

/** Other values that are in use have taken the room that this one was to have. */
export class NoRoom extends DstoreError {
  /** Of the value, in bytes. */
  readonly size: number

  constructor(size: number) {
    super('too-large', `the cache has no room for ${size} bytes`)
    this.size = size
  }
}

/** One caller's part in a download. */
export interface Interest {
  /**
   * Resolves when more may be held than before. Rejects when the download has failed, or with the
   * reason of the caller's signal.
   */
  more(): Promise<void>
  /** The caller reads no more. When the last one leaves, fetching ends. */
  leave(): void
}

interface Waiting {
  readonly by: object
  readonly resolve: () => void
  readonly reject: (error: DstoreError) => void
}

export class Download {
  readonly #options: DownloadOptions
  readonly #schedule: Schedule
  readonly #wanted = new Set<{ readonly range: ByteRange }>()
  readonly #tasks = new Map<number, AbortController>()
  /** The schedule's sources, other than Global. */
  readonly #holders = new Set<SourceId>()
  /** Failed peers, and when they may be asked again, in milliseconds. */
  readonly #retryAt = new Map<SourceId, number>()
  /** How often each peer refused a part that it had listed. */
  readonly #refusals = new Map<SourceId, number>()
  readonly #retry: Retry
  readonly #stop = new AbortController()
  #waiting: Waiting[] = []
  /** How it ended; without a failure if everything wanted is held. */
  #end: { readonly failure: DstoreError | undefined } | undefined
  #running = false

  constructor(options: DownloadOptions) {
    this.#options = options
    const { value, sources, random, now } = options
    const { self, global } = sources
    this.#retry = new Retry({ now, hint: KEPT })
    this.#schedule = new Schedule({ self, global, held: value.held, random })
  }

  /** Adds a caller until its signal is aborted with a `DstoreError`. Invalid after `onEnd`. */
  join(range: ByteRange, signal?: AbortSignal): Interest {
    const wanted = { range }
    this.#wanted.add(wanted)
    if (this.#running) this.#want()
    else this.#begin()
    // One listener for every wait: to add and remove one costs as much as the wait itself.
    const stop = (): void => {
      for (const { by, reject } of this.#waiting) if (by === wanted) reject(reasonOf(signal!))
    }
    signal?.addEventListener('abort', stop)
    return {
      more: () =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) reject(reasonOf(signal))
          else if (this.#end === undefined) this.#waiting.push({ by: wanted, resolve, reject })
          else if (this.#end.failure === undefined) resolve()
          else reject(this.#end.failure)
        }),
      leave: () => {
        signal?.removeEventListener('abort', stop)
        this.#wanted.delete(wanted)
        if (this.#wanted.size > 0) return
        this.#finish(new DstoreError('cancelled', 'no caller waits for the value any more'))
      },
    }
  }

  /** Ends the download: all its callers get this reason. */
  cancel(reason: DstoreError): void {
    this.#finish(reason)
  }

  #begin(): void {
    const { value, sources } = this.#options
    const { signal } = this.#stop
    this.#running = true
    this.#retry.progress()
    const drop = (): void => this.#finish(asDstoreError(value.dropped.reason))
    value.dropped.addEventListener('abort', drop)
    const ticker = setInterval(() => this.#handle({ type: 'tick' }), TICK_MS)
    signal.addEventListener('abort', () => {
      clearInterval(ticker)
      value.dropped.removeEventListener('abort', drop)
    })
    this.#handle({ type: 'source-added', source: sources.global })
    this.#want()
    if (value.size >= SWARM_BYTES) void this.#followSwarm()
    else this.#handle({ type: 'swarm', peers: [] })
  }

  #want(): void {
    this.#handle({ type: 'want', ranges: this.#ranges() })
    if (!this.#schedule.busy) this.#finish(undefined)
  }

  #ranges(): ByteRange[] {
    return [...this.#wanted].map(({ range }) => range)
  }

  #handle(event: UntimedScheduleEvent): void {
    if (this.#end !== undefined) return
    const effects = this.#schedule.handle({ ...event, now: this.#options.now() })
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: ScheduleEffect): void {
    switch (effect.type) {
      case 'fetch':
        void this.#fetch(effect)
        break
      case 'cancel': {
        const task = this.#tasks.get(effect.task)
        this.#tasks.delete(effect.task)
        task?.abort(new DstoreError('cancelled', 'another source gives it'))
        break
      }
      case 'query':
        void this.#query(effect.source)
        break
    }
  }

  async #fetch({ task, source, ranges }: ScheduleEffect & { type: 'fetch' }): Promise<void> {
    const { value } = this.#options
    const controller = new AbortController()
    const { signal } = controller
    this.#tasks.set(task, controller)
    const receiver = value.receive()
    try {
      await receiver.begin?.(signal)
      for await (const run of this.#request(source, ranges, signal, receiver)) {
        signal.throwIfAborted()
        const kept = this.#keep(receiver, run)
        if (kept !== undefined) {
          await kept
          signal.throwIfAborted()
        }
        this.#retry.progress()
        this.#handle({ type: 'received', task, bytes: run.bytes.byteLength })
        this.#options.onReceived?.(source, run.bytes.byteLength)
        this.#settle(({ resolve }) => resolve())
      }
      this.#tasks.delete(task)
      this.#handle({ type: 'completed', task })
      if (!this.#schedule.busy) this.#finish(undefined)
    } catch (error) {
      // The schedule has forgotten a cancelled task.
      if (this.#tasks.delete(task)) this.#failed(source, asDstoreError(error), task)
    } finally {
      receiver.end()
    }
  }

  /** A value that cannot be kept is no fault of its source: the download fails. */
  #keep(receiver: Receiver, run: VerifiedRun): Promise<void> | undefined {
    const failed = (error: unknown): never => {
      const fault = asDstoreError(error)
      const hasNoRoom = fault.code === 'no-space' || fault.code === 'unwritable'
      this.#finish(hasNoRoom ? new NoRoom(this.#options.value.size) : fault)
      throw fault
    }
    try {
      return receiver.keep(run)?.catch(failed)
    } catch (error) {
      return failed(error)
    }
  }

  async #query(source: SourceId): Promise<void> {
    try {
      // A signal of its own: many listeners on one would be reported as a leak.
      const signal = AbortSignal.any([this.#stop.signal])
      for await (const _ of this.#request(source, [], signal));
    } catch (error) {
      if (this.#end === undefined) this.#failed(source, asDstoreError(error), undefined)
    }
  }

  #request(
    source: SourceId,
    ranges: readonly ByteRange[],
    signal: AbortSignal,
    receiver?: Receiver,
  ): ReturnType<Sources['fetch']> {
    const { value, sources, checker } = this.#options
    const { key, size } = value
    const onHeld = (runs: readonly ByteRange[]): void =>
      this.#handle({ type: 'holds', source, runs })
    const request = { digest: key.digest, size, ranges, onHeld }
    if (receiver === undefined) return sources.fetch(source, request, signal)
    const memoryFor = (range: ByteRange): Uint8Array => {
      if (!this.#options.claim(range, () => this.#ranges())) {
        const noRoom = new NoRoom(value.size)
        this.#finish(noRoom)
        throw noRoom
      }
      return receiver.memoryFor(range)
    }
    return sources.fetch(source, { ...request, memoryFor, ...(checker && { checker }) }, signal)
  }

  #failed(source: SourceId, fault: DstoreError, task: number | undefined): void {
    const { sources, now } = this.#options
    const { code } = fault
    if (code === 'integrity' || code === 'protocol') sources.report(source, fault)
    if (source === sources.global) {
      return void this.#globalFailed(code === 'cancelled' ? new TransferCancelled() : fault)
    }
    const refusals = (this.#refusals.get(source) ?? 0) + 1
    if (code === 'not-found' && task !== undefined && refusals <= REFUSALS) {
      this.#refusals.set(source, refusals)
      this.#handle({ type: 'refused', task })
      return
    }
    const isFinal = code === 'integrity' || code === 'protocol' || code === 'not-permitted'
    this.#retryAt.set(source, isFinal ? Infinity : now() + SHUN_MS)
    this.#holders.delete(source)
    this.#handle({ type: 'source-removed', source })
  }

  /** Asks Global, the last resort, again for a while, or as long as other sources give. */
  async #globalFailed(fault: DstoreError): Promise<void> {
    const failure = this.#retry.failed(fault)
    if (failure !== undefined) return this.#finish(failure)
    const { global: source } = this.#options.sources
    this.#handle({ type: 'source-removed', source })
    await pause(RETRY_MS, this.#stop.signal)
    this.#handle({ type: 'source-added', source })
  }

  /**
   * Joins the value's swarm, again and again. What it learns is a hint, so failures are ignored.
   */
  async #followSwarm(): Promise<void> {
    const { value, sources } = this.#options
    const { signal } = this.#stop
    for (let wait = FIRST_JOIN_MS; !signal.aborted; wait = Math.min(2 * wait, SWARM_EVERY_MS)) {
      try {
        const peers = await sources.joinSwarm(value.key.digest, signal)
        this.#handle({ type: 'swarm', peers })
        this.#addHolders(peers)
      } catch {
        this.#handle({ type: 'swarm', peers: [] })
      }
      await pause(wait, signal)
    }
  }

  /** Makes a random choice of these peers sources, up to `SOURCES`. */
  #addHolders(peers: readonly SourceId[]): void {
    const { now, random } = this.#options
    const fresh = peers.filter(
      (peer) => !this.#holders.has(peer) && (this.#retryAt.get(peer) ?? 0) <= now(),
    )
    while (fresh.length > 0 && this.#holders.size < SOURCES) {
      const [source] = fresh.splice(Math.floor(random() * fresh.length), 1)
      this.#holders.add(source!)
      this.#handle({ type: 'source-added', source: source! })
    }
  }

  /** Ends the download once: no caller can join, and nothing is written, from here on. */
  #finish(failure: DstoreError | undefined): void {
    if (this.#end !== undefined) return
    this.#end = { failure }
    this.#stop.abort(failure)
    for (const task of this.#tasks.values()) task.abort(failure)
    this.#tasks.clear()
    this.#options.onEnd()
    this.#settle(({ resolve, reject }) => (failure === undefined ? resolve() : reject(failure)))
  }

  #settle(settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) settle(one)
  }
}

const reasonOf = (signal: AbortSignal): DstoreError => asDstoreError(signal.reason)
