/** How the journals of one process are followed: read what is there, then wait for more. */
import type { Followed } from './journal.ts'

/** The part of a journal that is read. */
export interface Readable {
  /** Throws once the journal is closed. */
  checkOpen(): void
  /** The position of its last entry. */
  readonly last: number
  /** Some entries after this position, which is before the last, or `gone`. */
  read(after: number): Promise<Followed>
}

export class Following {
  readonly #journal: Readable
  readonly #waiting = new Set<() => void>()

  constructor(journal: Readable) {
    this.#journal = journal
  }

  /** An entry came, or the journal was closed. */
  wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  async *follow(after: number, signal: AbortSignal): AsyncGenerator<Followed, void, undefined> {
    let position = after
    for (;;) {
      this.#journal.checkOpen()
      if (signal.aborted) return
      if (position >= this.#journal.last) {
        await this.#more(signal)
        continue
      }
      const followed = await this.#journal.read(position)
      if (signal.aborted) return
      yield followed
      if (followed === 'gone') return
      position += followed.length
    }
  }

  async #more(signal: AbortSignal): Promise<void> {
    let resolve!: () => void
    const woken = new Promise<void>((wake) => (resolve = wake))
    this.#waiting.add(resolve)
    signal.addEventListener('abort', resolve)
    try {
      await woken
    } finally {
      signal.removeEventListener('abort', resolve)
      this.#waiting.delete(resolve)
    }
  }
}
