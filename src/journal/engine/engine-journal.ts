/** A journal in an engine: settles refusals by reading, and waits for what followers await. */
import { equal } from '../../bytes.ts'
import { pause, untilAborted } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import {
  type Extent,
  type Followed,
  type Journal,
  beyondEnd,
  checkEntry,
  checkPosition,
  closedError,
} from '../journal.ts'
import { type Engine, type OnMoved, awayError } from './engine.ts'

export interface EngineJournalOptions {
  /** Opens the engine, which calls `onMoved` from then on. */
  readonly open: (onMoved: OnMoved) => Promise<Engine>
  /** How long a follower at the end waits before it looks again, unless it hears that it moved. */
  readonly pollMs?: number
}

const POLL_MS = 250
/** How long a follower waits that has heard of an entry which is not there yet; grows. */
const AWAITED_MS = 2
/** How long a refused append is looked at for what decides it; the waits between looks grow. */
const DECIDED_MS = 2_000

export async function openEngineJournal(options: EngineJournalOptions): Promise<Journal> {
  const journal = new EngineJournal(options.pollMs ?? POLL_MS)
  await journal.open(options.open)
  return journal
}

class EngineJournal implements Journal {
  readonly #pollMs: number
  readonly #closing = new AbortController()
  readonly #appends = new Set<Promise<unknown>>()
  readonly #waiting = new Set<AbortController>()
  #engine!: Engine
  /** The highest position that was heard of; nothing proves it. */
  #heard = 0
  /** Entries up to this position were trimmed here. */
  #trimmed = 0

  constructor(pollMs: number) {
    this.#pollMs = pollMs
  }

  async open(open: EngineJournalOptions['open']): Promise<void> {
    this.#engine = await open((last) => this.#moved(last))
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    checkPosition('after', after)
    checkEntry(entry)
    this.#checkOpen()
    const append = this.#append(after, entry)
    this.#appends.add(append)
    try {
      return await append
    } finally {
      this.#appends.delete(append)
    }
  }

  async extent(): Promise<Extent> {
    this.#checkOpen()
    const { first, last } = await this.#engine.extent()
    return { first: Math.max(first, this.#trimmed + 1), last }
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    checkPosition('position', position, 1)
    this.#checkOpen()
    if (position <= this.#trimmed) return 'gone'
    return this.#engine.at(position)
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    checkPosition('after', after)
    return this.#follow(after, signal)
  }

  async trim(upto: number): Promise<void> {
    checkPosition('upto', upto)
    this.#checkOpen()
    const { first, last } = await this.#engine.extent()
    const most = Math.min(upto, last - 1)
    if (most >= first) await this.#engine.trim(most)
    this.#trimmed = Math.max(this.#trimmed, most)
  }

  async close(): Promise<void> {
    const isFirst = !this.#closing.signal.aborted
    this.#closing.abort(closedError())
    await Promise.allSettled(this.#appends)
    if (isFirst) await this.#engine.close()
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw closedError()
  }

  async #append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    const answer = await this.#engine.append(after, entry)
    if (answer === 'refused') return this.#settle(after, entry)
    this.#engine.announce(after + 1)
    this.#moved(after + 1)
    return 'ok'
  }

  /** The engine refused: because of another's entry, of an own earlier try, or of one under way. */
  async #settle(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    for (let ms = 1; ms < DECIDED_MS; ms *= 2) {
      const found = await this.#engine.at(after + 1)
      if (found === 'gone') return 'taken'
      if (found !== undefined) return equal(found, entry) ? 'ok' : 'taken'
      const { last } = await this.#engine.extent()
      if (last < after) throw beyondEnd(after, last)
      if (last === after) await pause(ms, this.#closing.signal)
    }
    throw awayError(this.#engine.place, `whether entry ${after + 1} is taken is not decided yet`)
  }

  async *#follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    let position = after
    const ends = AbortSignal.any([signal, this.#closing.signal])
    for (let looks = 0; ; looks++) {
      this.#checkOpen()
      if (signal.aborted) return
      const followed = await this.#read(position, ends)
      if (signal.aborted) return
      this.#checkOpen()
      if (followed.length > 0) {
        yield followed
        if (followed === 'gone') return
        position += followed.length
        looks = 0
        continue
      }
      const awaitedMs = this.#heard > position ? AWAITED_MS * 2 ** looks : Infinity
      await this.#more(Math.min(awaitedMs, this.#pollMs), ends)
    }
  }

  /** None while the engine is away: it will be back. */
  async #read(position: number, ends: AbortSignal): Promise<Followed> {
    if (position < this.#trimmed) return 'gone'
    try {
      return await untilAborted(this.#engine.read(position), ends)
    } catch (error) {
      const { code } = error as { code?: unknown }
      const isAway = error instanceof DstoreError && (code === 'unreachable' || code === 'timeout')
      if (ends.aborted || isAway) return []
      throw error
    }
  }

  async #more(ms: number, ends: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#waiting.add(woken)
    try {
      await pause(ms, AbortSignal.any([ends, woken.signal]))
    } finally {
      this.#waiting.delete(woken)
    }
  }

  #moved(last: number): void {
    if (!(last > this.#heard)) return
    this.#heard = last
    for (const woken of this.#waiting) woken.abort()
  }
}
