/**
 * One value on its way into the cache, for however many callers: each says which range it wants, the missing groups
 * are fetched once, from whoever has them (`Schedule` says from whom), and every caller reads what is there while the
 * rest still comes.
 */
import { asDstoreError, DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import {
  SWARM_BYTES,
  SWARM_EVERY_MS,
  SHUN_MS,
  SOURCES,
} from '../../limits.ts'
import type { GroupChecker } from '../../transfer/piece-stream.ts'
import {
  Schedule,
  type ScheduleEffect,
  type ScheduleEvent,
} from '../../transfer/schedule/schedule.ts'
import type { SourceId } from '../../transfer/schedule/source.ts'
import { RETRY_MS, Retry } from './retry.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import { pause } from '../../deadline.ts'
import { ReceiveBuffer } from '../cache/receive-buffer.ts'
import type { Sources } from './peer-sources.ts'

/** How often the schedule looks at the clock. */
const TICK_MS = 100

/** What is said where a download fails for want of Global. */
const KEPT = 'what came is kept while there is room: the same command goes on from there'

/** How often a peer may refuse what it said that it held: it may have let go of it a moment before. */
const REFUSALS = 3

/** How long after the begin a download first asks who else fetches the value; then after twice that, and so on. */
const FIRST_ASK_MS = 50

export interface DownloadOptions {
  readonly value: CachedValue
  readonly sources: Sources
  /** Who proves what comes fast, where that is not to be done here. */
  readonly checker?: GroupChecker | undefined
  /** Nobody wants anything more, or it failed: the download is over. */
  readonly onEnd: () => void
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

/** One caller's part in a download. */
export interface Interest {
  /** Resolves when more may be held than before; rejects when nothing more will come, or the caller's signal says so. */
  more(): Promise<void>
  /** The caller reads no more. When the last has left, fetching ends. */
  leave(): void
}

interface Waiting {
  readonly by: object
  readonly resolve: () => void
  readonly reject: (error: DstoreError) => void
}

/** An event as it is told to the schedule: the time is added. */
type Told = ScheduleEvent extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never

export class Download {
  readonly #options: DownloadOptions
  readonly #schedule: Schedule
  readonly #wanted = new Set<{ readonly range: ByteRange }>()
  readonly #tasks = new Map<number, AbortController>()
  /** Sources that were told to the schedule, Global aside. */
  readonly #joined = new Set<SourceId>()
  /** Peers that are not asked before this time, in milliseconds. */
  readonly #shunned = new Map<SourceId, number>()
  /** How often a peer did not give what it had said that it held. */
  readonly #refusals = new Map<SourceId, number>()
  readonly #stop = new AbortController()
  #waiting: Waiting[] = []
  /** How it ended: with a failure, or because all that was wanted is held. */
  #end: { readonly failure: DstoreError | undefined } | undefined
  #running = false
  readonly #retry: Retry

  constructor(options: DownloadOptions) {
    this.#options = options
    const { value, sources, random, now } = options
    this.#retry = new Retry({ now, hint: KEPT })
    const { self, global } = sources
    this.#schedule = new Schedule({ self, global, held: value.held, random })
  }

  /** Take part, until the signal is aborted with a `DstoreError`. Not to be called after `onEnd`. */
  join(range: ByteRange, signal?: AbortSignal): Interest {
    const wanted = { range }
    this.#wanted.add(wanted)
    if (this.#running) this.#want()
    else this.#begin()
    // One listener for all that it waits for: to add and remove one costs as much as what it waits for.
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
        this.#finish(new DstoreError('cancelled', 'nobody waits for the value any more'))
      },
    }
  }

  #begin(): void {
    const { value, sources } = this.#options
    const { signal } = this.#stop
    this.#running = true
    this.#retry.progress()
    const drop = (): void => this.#finish(asDstoreError(value.dropped.reason))
    value.dropped.addEventListener('abort', drop)
    const ticker = setInterval(() => this.#tell({ type: 'tick' }), TICK_MS)
    signal.addEventListener('abort', () => {
      clearInterval(ticker)
      value.dropped.removeEventListener('abort', drop)
    })
    this.#tell({ type: 'joined', source: sources.global })
    this.#want()
    if (value.size >= SWARM_BYTES) void this.#keepCompany()
    else this.#tell({ type: 'company', peers: [] })
  }

  #want(): void {
    this.#tell({ type: 'want', ranges: [...this.#wanted].map(({ range }) => range) })
    if (!this.#schedule.busy) this.#finish(undefined)
  }

  #tell(event: Told): void {
    if (this.#end !== undefined) return
    const effects = this.#schedule.handle({ ...event, now: this.#options.now() })
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: ScheduleEffect): void {
    switch (effect.type) {
      case 'fetch':
        void this.#fetch(effect)
        break
      case 'stop': {
        const task = this.#tasks.get(effect.task)
        this.#tasks.delete(effect.task)
        task?.abort(new DstoreError('cancelled', 'somebody else gives it'))
        break
      }
      case 'ask':
        void this.#ask(effect.source)
        break
    }
  }

  async #fetch({ task, source, ranges }: ScheduleEffect & { type: 'fetch' }): Promise<void> {
    const { value } = this.#options
    const controller = new AbortController()
    const { signal } = controller
    this.#tasks.set(task, controller)
    const landing = new ReceiveBuffer(value)
    try {
      for await (const run of this.#request(source, ranges, signal, landing)) {
        signal.throwIfAborted()
        landing.keep(run)
        this.#retry.progress()
        this.#tell({ type: 'came', task, bytes: run.bytes.byteLength })
        this.#settle(({ resolve }) => resolve())
      }
      this.#tasks.delete(task)
      this.#tell({ type: 'ended', task })
      if (!this.#schedule.busy) this.#finish(undefined)
    } catch (error) {
      // A task that was stopped is not heard of again.
      if (this.#tasks.delete(task)) this.#failed(source, asDstoreError(error), task)
    } finally {
      landing.end()
    }
  }

  async #ask(source: SourceId): Promise<void> {
    try {
      // A signal of its own: listeners of many at once would look like a leak.
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
    landing?: ReceiveBuffer,
  ): ReturnType<Sources['fetch']> {
    const { value, sources, checker } = this.#options
    const { key, size } = value
    const onHeld = (runs: readonly ByteRange[]): void => this.#tell({ type: 'holds', source, runs })
    const request = { digest: key.digest, size, ranges, onHeld }
    if (landing === undefined) return sources.fetch(source, request, signal)
    const { land } = landing
    return sources.fetch(source, { ...request, land, ...(checker && { checker }) }, signal)
  }

  #failed(source: SourceId, fault: DstoreError, task: number | undefined): void {
    const { sources, now } = this.#options
    const { code } = fault
    if (code === 'integrity' || code === 'protocol') sources.report(source, fault)
    if (source === sources.global) return void this.#globalFailed(fault)
    const refusals = (this.#refusals.get(source) ?? 0) + 1
    if (code === 'not-found' && task !== undefined && refusals <= REFUSALS) {
      this.#refusals.set(source, refusals)
      this.#tell({ type: 'refused', task })
      return
    }
    const forGood = code === 'integrity' || code === 'protocol' || code === 'not-permitted'
    this.#shunned.set(source, forGood ? Infinity : now() + SHUN_MS)
    this.#joined.delete(source)
    this.#tell({ type: 'left', source })
  }

  /** Global is the last resort: it is asked again for a while, or as long as other sources give. */
  async #globalFailed(fault: DstoreError): Promise<void> {
    const failure = this.#retry.failed(fault)
    if (failure !== undefined) return this.#finish(failure)
    const { global: source } = this.#options.sources
    this.#tell({ type: 'left', source })
    await pause(RETRY_MS, this.#stop.signal)
    this.#tell({ type: 'joined', source })
  }

  /** Learn who else holds the value or fetches it, again and again: hints, whose failure is nobody's concern. */
  async #keepCompany(): Promise<void> {
    const { value, sources } = this.#options
    const { signal } = this.#stop
    for (let wait = FIRST_ASK_MS; !signal.aborted; wait = Math.min(2 * wait, SWARM_EVERY_MS)) {
      try {
        const peers = await sources.company(value.key.digest, signal)
        this.#tell({ type: 'company', peers })
        this.#joinSome(peers)
      } catch {
        // Then it is done without the others.
        this.#tell({ type: 'company', peers: [] })
      }
      await pause(wait, signal)
    }
  }

  #joinSome(peers: readonly SourceId[]): void {
    const { now, random } = this.#options
    const fresh = peers.filter(
      (peer) => !this.#joined.has(peer) && (this.#shunned.get(peer) ?? 0) <= now(),
    )
    while (fresh.length > 0 && this.#joined.size < SOURCES) {
      const [source] = fresh.splice(Math.floor(random() * fresh.length), 1)
      this.#joined.add(source!)
      this.#tell({ type: 'joined', source: source! })
    }
  }

  /** Once: from here on nobody can join, nothing is written, and whoever waits is told. */
  #finish(failure: DstoreError | undefined): void {
    if (this.#end !== undefined) return
    this.#end = { failure }
    this.#stop.abort(failure)
    for (const task of this.#tasks.values()) task.abort(failure)
    this.#tasks.clear()
    this.#options.onEnd()
    this.#settle(({ resolve, reject }) => (failure === undefined ? resolve() : reject(failure)))
  }

  #settle(tell: (waiting: Waiting) => void): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) tell(one)
  }
}

const reasonOf = (signal: AbortSignal): DstoreError => asDstoreError(signal.reason)
