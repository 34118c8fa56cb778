/** What a schedule knows of one node that gives: what it holds, how fast it is, what it was asked for. */
import type { ByteRange } from '../../hash/tree/tree.ts'
import { ASK_EVERY_MS, SOURCE_PATIENCE_MS, SOURCE_STALL_MS } from '../../limits.ts'

export type SourceId = string

/** How long bytes are counted before they say something about a rate; and where no more will come for now, in ms. */
const SAMPLE_MS = 100
const SHORT_SAMPLE_MS = 5

export class Source {
  readonly id: SourceId
  /** Global holds everything, and is asked last. */
  readonly isGlobal: boolean
  /** Ids of the tasks that it works on. */
  readonly tasks: Set<number> = new Set()
  /** When it last said what it holds. */
  #answeredAt = -Infinity
  /** It was asked, and has not answered. */
  #isAsked = false
  /** When it last had nothing to do; undefined while it works. */
  idleSince: number | undefined
  /** It stalled: it gets nothing before this. */
  #restUntil = -Infinity
  #restMs = SOURCE_STALL_MS
  readonly #joinedAt: number
  #answered: boolean
  readonly #parts = new Set<number>()
  #complete: boolean
  #rate: number | undefined
  #sampleBytes = 0
  #sampleSince = 0

  constructor(id: SourceId, isGlobal: boolean, now: number) {
    this.id = id
    this.isGlobal = isGlobal
    this.#complete = isGlobal
    this.#answered = isGlobal
    this.#joinedAt = now
    this.idleSince = now
  }

  /** It holds all of the value. */
  get complete(): boolean {
    return this.#complete
  }

  /** Bytes a millisecond; undefined before anything came from it. */
  get rate(): number | undefined {
    return this.#rate
  }

  /** Was nothing heard of what it holds, and is it too early to give up hope? */
  isAwaited(now: number): boolean {
    return !this.#answered && now - this.#joinedAt < SOURCE_PATIENCE_MS
  }

  /** Ask it what it holds, if it is time: true, and then not again before it has answered. */
  asks(now: number): boolean {
    if (this.#isAsked || now - this.#answeredAt < ASK_EVERY_MS) return false
    this.#isAsked = true
    return true
  }

  isResting(now: number): boolean {
    return now < this.#restUntil
  }

  /** It gave nothing for too long: it rests, twice as long each time, and is not relied on. */
  stalled(now: number): void {
    this.#rate = 0
    this.#restUntil = now + this.#restMs
    this.#restMs *= 2
  }

  has(part: number): boolean {
    return this.#complete || this.#parts.has(part)
  }

  /** It said what it holds, in runs: a part counts if one run covers it. */
  holds(runs: readonly ByteRange[], size: number, partBytes: number, now: number): void {
    this.#answeredAt = now
    this.#isAsked = false
    this.#answered = true
    this.#parts.clear()
    this.#complete = runs.some(({ start, end }) => start === 0 && end === size)
    if (this.#complete) return
    for (const { start, end } of runs) {
      const last = end === size ? Math.ceil(size / partBytes) : Math.floor(end / partBytes)
      for (let part = Math.ceil(start / partBytes); part < last; part++) this.#parts.add(part)
    }
  }

  /** It does not give this part after all. */
  lacks(part: number): void {
    this.#complete = false
    this.#parts.delete(part)
  }

  /** It begins to work on something. */
  begins(task: number, now: number): void {
    if (this.tasks.size === 0) {
      this.#sampleBytes = 0
      this.#sampleSince = now
    }
    this.tasks.add(task)
    this.idleSince = undefined
  }

  ends(task: number, now: number): void {
    this.tasks.delete(task)
    if (this.tasks.size > 0) return
    this.idleSince = now
    this.#sample(now, SHORT_SAMPLE_MS)
  }

  gave(bytes: number, now: number): void {
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
