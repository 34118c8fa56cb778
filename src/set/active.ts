/**
 * What the store of the active member is opened with: the engine's journal, the objects of values,
 * and the question whether it may still answer.
 */
import type { Sleep } from '../archive/interface.ts'
import { sweepLogged } from '../archive/sweep.ts'
import { BucketValues } from '../archive/values/bucket-values.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import type { JournalEnd } from '../journal/beginning.ts'
import { HEAD_BYTES } from '../journal/entry.ts'
import type { Journal } from '../journal/journal.ts'
import { JOURNAL_INLINE_BYTES, SET_SESSIONS_MS, SET_SWEEP_MS } from '../limits.ts'
import type { Log } from '../log.ts'
import type { ArchiveSource } from '../store/disk/archive.ts'
import type { Location } from '../store/store.ts'
import { heartbeats } from './election.ts'
import type { Election } from './election.ts'
import type { Elected } from './interface.ts'
import type { Lease } from './lease.ts'
import { ALL_SET_RULES, type SetRules } from './rules.ts'

export interface ActiveParts {
  readonly journal: Journal
  readonly objects: ObjectStore
  readonly lease: Lease
  readonly election: Election
  /** A clock that never lags. */
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly log: Log
  /** The name of the engine, for messages. */
  readonly place: string
  /** What goes on beside the open store, until the signal: snapshots. */
  readonly beside: (source: ArchiveSource, signal: AbortSignal) => Promise<void>
  /** It begins to answer, pauses, goes on, or is fenced. */
  readonly onState: (state: 'active' | 'paused' | 'fenced') => void
  readonly rules?: SetRules
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (fault: DstoreError) => void
}

export class Active implements Elected {
  readonly isOnlyJournal = true
  readonly groupBytes: number = JOURNAL_INLINE_BYTES - HEAD_BYTES - 4
  readonly values: BucketValues
  readonly lost: Promise<DstoreError>
  onSilent: (() => void) | undefined
  readonly #parts: ActiveParts
  readonly #closing = new AbortController()
  readonly #waiters = new Set<Waiter>()
  #lose!: (fault: DstoreError) => void
  #fence: DstoreError | undefined
  #say: ((kind: 'heartbeat') => Promise<unknown>) | undefined
  #beating: Promise<void> = Promise.resolve()
  #watching: Promise<void> = Promise.resolve()
  #running: Promise<unknown> = Promise.resolve()
  /** A heartbeat that has not been sent yet, for those who wait to be confirmed. */
  #confirming: Promise<unknown> | undefined
  #isOpen = false
  #isClosing = false
  #closed: Promise<void> | undefined

  constructor(parts: ActiveParts) {
    this.#parts = parts
    this.lost = new Promise((resolve) => (this.#lose = resolve))
    const { objects } = parts
    this.values = new BucketValues({ objects, isComplete: true, settled })
  }

  get epoch(): number {
    return this.leastEpoch
  }

  /** The member's own `begin` comes first. */
  get leastEpoch(): number {
    return this.#parts.election.epoch + 1
  }

  get refusal(): DstoreError | undefined {
    if (this.#fence !== undefined) return this.#fence
    const { lease, elapsed, place } = this.#parts
    if (!this.#isOpen || lease.pausedMs(elapsed()) < SET_SESSIONS_MS) return undefined
    return new DstoreError('unreachable', `the engine of the set does not answer: ${place}`, {
      hint: 'see `dstore set status`: most of its servers must be up',
    })
  }

  async join(): Promise<Journal> {
    return this.#parts.journal
  }

  async begins(): Promise<void> {
    await this.#parts.election.stop()
  }

  mayBegin({ head }: JournalEnd): void {
    const { election, rules = ALL_SET_RULES } = this.#parts
    if (!rules.checksElected) return
    if (head !== undefined && equal(head.writer, election.writer)) return
    throw new DstoreError('conflict', 'another member of the set took over while this one began')
  }

  begun(say: (kind: 'heartbeat') => Promise<unknown>): void {
    this.#say = say
    const { lease, elapsed, sleep } = this.#parts
    const { signal } = this.#closing
    this.#beating = heartbeats({ lease, elapsed, sleep, signal, say: () => say('heartbeat') })
  }

  async opened(source: ArchiveSource): Promise<void> {
    const { beside, onState } = this.#parts
    const { signal } = this.#closing
    this.values.begin(this.epoch)
    this.#isOpen = true
    onState('active')
    this.#watching = this.#watch()
    this.#running = Promise.all([this.#sweep(source), beside(source, signal)])
  }

  /** What is applied is in the journal. */
  async archived(): Promise<void> {
    if (this.#fence !== undefined) throw this.#fence
  }

  mayServe(): boolean {
    const { lease, elapsed } = this.#parts
    return this.#fence === undefined && !this.#isClosing && lease.mayServe(elapsed())
  }

  serving(): Promise<void> {
    const { signal } = this.#closing
    if (this.#fence !== undefined) return Promise.reject(this.#fence)
    if (signal.aborted) return Promise.reject(signal.reason as DstoreError)
    if (this.mayServe()) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.add({ resolve, reject }))
  }

  /** Resolves after the acknowledgement of an append that begins from now on. */
  async confirmed(): Promise<void> {
    if (this.#say === undefined) throw new TypeError('the store has not begun')
    // What is said in one turn shares a heartbeat; one under way began before.
    this.#confirming ??= Promise.resolve().then(() => {
      this.#confirming = undefined
      return this.#say!('heartbeat')
    })
    await this.#confirming
  }

  /** The engine acknowledged an append. */
  acknowledged(): void {
    if (!this.mayServe()) return
    for (const { resolve } of this.#waiters) resolve()
    this.#waiters.clear()
  }

  /** Another member has begun an epoch, or the journal is not that of this store any more. */
  fence(why: DstoreError): void {
    if (this.#fence !== undefined) return
    this.#fence = why
    this.#parts.lease.end()
    this.#parts.onState('fenced')
    for (const { reject } of this.#waiters) reject(why)
    this.#waiters.clear()
    this.#lose(why)
  }

  /** A farewell follows, after which another member answers at once. */
  closing(): void {
    this.#isClosing = true
    this.#isOpen = false
    this.values.closing()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    const why = new DstoreError('unreachable', 'the store is closed')
    this.#closing.abort(why)
    for (const { reject } of this.#waiters) reject(why)
    this.#waiters.clear()
    await this.#parts.election.abandon()
    await Promise.all([this.#beating, this.#watching, this.#running])
    await this.values.close()
  }

  /** Tells of pauses, and ends sessions that get no answer for long. */
  async #watch(): Promise<void> {
    const { lease, elapsed, sleep, onState, log } = this.#parts
    const { signal } = this.#closing
    let isPaused = false
    let silences = 0
    while (!signal.aborted && this.#fence === undefined) {
      const ms = lease.pausedMs(elapsed())
      if (ms > 0 !== isPaused) {
        isPaused = ms > 0
        if (isPaused) log.warn('answers wait: the engine has not confirmed this member lately')
        else log.info('the engine has confirmed this member: answers go on')
        onState(isPaused ? 'paused' : 'active')
      }
      const passed = Math.floor(ms / SET_SESSIONS_MS)
      if (passed > silences) this.onSilent?.()
      silences = passed
      await sleep(WATCH_MS, signal)
    }
  }

  /** Not at once: callers have waited for the take-over. */
  async #sweep(source: ArchiveSource): Promise<void> {
    const { objects, log, sleep } = this.#parts
    await sleep(SET_SWEEP_MS, this.#closing.signal)
    const isNamed = (file: Location): boolean => source.isNamed(file)
    const sweeps = { objects, epoch: this.epoch, isNamed, settled, log, what: 'bucket' as const }
    await sweepLogged(sweeps, this.#closing.signal)
  }
}

/** What the store has applied is acknowledged. */
const settled = (): Promise<void> => Promise.resolve()

const WATCH_MS = 250
