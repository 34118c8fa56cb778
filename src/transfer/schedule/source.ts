/** One node that parts are fetched from: what it holds, how fast it is, what it was asked for. */
import type { ByteRange } from '../../hash/tree/tree.ts'
import { ASK_EVERY_MS, SOURCE_PATIENCE_MS, SOURCE_STALL_MS } from '../../limits.ts'

/** A peer id. */
export type SourceId = string

/** Milliseconds over which a rate is measured; less is enough once the source has no more tasks. */
const SAMPLE_MS = 100
const SHORT_SAMPLE_MS = 5

export class Source {
  readonly id: SourceId
  /** Global holds everything, and is asked last. */
  readonly isGlobal: boolean
  /** Ids of its tasks. */
  readonly tasks: Set<number> = new Set()
  /** When it last listed what it holds. */
  #answeredAt = -Infinity
  #isQueried = false
  /** When its last task ended; undefined while it has one. */
  idleSince: number | undefined
  /** It stalled: it gets no task before this. */
  #backoffUntil = -Infinity
  #backoffMs = SOURCE_STALL_MS
  readonly #addedAt: number
  #hasAnswered: boolean
  readonly #parts = new Set<number>()
  #isComplete: boolean
  #rate: number | undefined
  #sampleBytes = 0
  #sampleSince = 0

  constructor(id: SourceId, isGlobal: boolean, now: number) {
    this.id = id
    this.isGlobal = isGlobal
    this.#isComplete = isGlobal
    this.#hasAnswered = isGlobal
    this.#addedAt = now
    this.idleSince = now
  }

  /** Does it hold the whole value? */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Bytes a millisecond; undefined until it has sent some. */
  get rate(): number | undefined {
    return this.#rate
  }

  /** Has it never said what it holds, and may it still do so soon? */
  isAwaited(now: number): boolean {
    return !this.#hasAnswered && now - this.#addedAt < SOURCE_PATIENCE_MS
  }

  /** Is it time to ask what it holds? True starts a query: no other follows until its answer. */
  startQuery(now: number): boolean {
    if (this.#isQueried || now - this.#answeredAt < ASK_EVERY_MS) return false
    this.#isQueried = true
    return true
  }

  isBackingOff(now: number): boolean {
    return now < this.#backoffUntil
  }

  /** It sent nothing for too long: it gets no task for a while, twice as long each time. */
  stalled(now: number): void {
    this.#rate = 0
    this.#backoffUntil = now + this.#backoffMs
    this.#backoffMs *= 2
  }

  has(part: number): boolean {
    return this.#isComplete || this.#parts.has(part)
  }

  /** It listed the runs that it holds; a part counts if one run covers it. */
  holds(runs: readonly ByteRange[], size: number, partBytes: number, now: number): void {
    this.#answeredAt = now
    this.#isQueried = false
    this.#hasAnswered = true
    this.#parts.clear()
    this.#isComplete = runs.some(({ start, end }) => start === 0 && end === size)
    if (this.#isComplete) return
    for (const { start, end } of runs) {
      const last = end === size ? Math.ceil(size / partBytes) : Math.floor(end / partBytes)
      for (let part = Math.ceil(start / partBytes); part < last; part++) this.#parts.add(part)
    }
  }

  /** It refused this part. */
  lacks(part: number): void {
    this.#isComplete = false
    this.#parts.delete(part)
  }

  taskStarted(task: number, now: number): void {
    if (this.tasks.size === 0) {
      this.#sampleBytes = 0
      this.#sampleSince = now
    }
    this.tasks.add(task)
    this.idleSince = undefined
  }

  taskEnded(task: number, now: number): void {
    this.tasks.delete(task)
    if (this.tasks.size > 0) return
    this.idleSince = now
    this.#sample(now, SHORT_SAMPLE_MS)
  }

  received(bytes: number, now: number): void {
    this.#sampleBytes += bytes
    this.#sample(now, SAMPLE_MS)
  }

  #sample(now: number, leastMs: number): void {
    const elapsed = now - this.#sampleSince
    if (elapsed < leastMs) return
    const rate = this.#sampleBytes / elapsed
    this.#rate = this.#rate === undefined ? rate : (this.#rate + rate) / 2
    this.#sampleBytes = 0
    this.#sampleSince = now
  }
}
