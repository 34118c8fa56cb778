/** A journal in memory, the model of the others: it ends with its process. */
import { JOURNAL_BATCH_BYTES } from '../../src/limits.ts'
import { Following, type Readable } from '../../src/journal/following.ts'
import {
  type Extent,
  type Followed,
  type Journal,
  beyondEnd,
  checkEntry,
  checkPosition,
  closedError,
} from '../../src/journal/journal.ts'

export function createMemoryJournal(): Journal {
  return new MemoryJournal()
}

class MemoryJournal implements Journal, Readable {
  /** From position `#first` on. */
  #entries: Uint8Array[] = []
  #first = 1
  #closed = false
  readonly #following = new Following(this)

  get last(): number {
    return this.#first + this.#entries.length - 1
  }

  checkOpen(): void {
    if (this.#closed) throw closedError()
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'taken'> {
    checkPosition('after', after)
    checkEntry(entry)
    this.checkOpen()
    if (after < this.last) return 'taken'
    if (after > this.last) throw beyondEnd(after, this.last)
    this.#entries.push(entry)
    this.#following.wake()
    return 'ok'
  }

  async extent(): Promise<Extent> {
    this.checkOpen()
    return { first: this.#first, last: this.last }
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    checkPosition('position', position, 1)
    this.checkOpen()
    return position < this.#first ? 'gone' : this.#entries[position - this.#first]
  }

  follow(after: number, signal: AbortSignal): AsyncIterable<Followed> {
    checkPosition('after', after)
    return this.#following.follow(after, signal)
  }

  async read(after: number): Promise<Followed> {
    if (after + 1 < this.#first) return 'gone'
    const batch: Uint8Array[] = []
    let bytes = 0
    for (let i = after + 1 - this.#first; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!
      if (batch.length > 0 && bytes + entry.byteLength > JOURNAL_BATCH_BYTES) break
      batch.push(entry)
      bytes += entry.byteLength
    }
    return batch
  }

  async trim(upto: number): Promise<void> {
    checkPosition('upto', upto)
    this.checkOpen()
    const first = Math.min(upto, this.last - 1) + 1
    if (first <= this.#first) return
    this.#entries = this.#entries.slice(first - this.#first)
    this.#first = first
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#following.wake()
  }
}
