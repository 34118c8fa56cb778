/** Requests for changes, answered as soon as there are any (specs/004-index.md, "Watching"). */
import type { Position, Watch, Watched } from '../index/message.ts'
import { decodeChange, seen } from '../index/record.ts'
import { WATCH_WAIT_MS } from '../limits.ts'
import type { Store } from '../store/store.ts'

/** What the index knows of positions. */
export interface Positions {
  /** The last change before which all are durable. */
  position(): Position
  /** Does the log tell everything that came after this position? */
  contains(position: Position): boolean
}

export class Changes {
  readonly #store: Store
  readonly #positions: Positions
  readonly #waiting = new Set<() => void>()
  #seen = 0

  constructor(store: Store, positions: Positions) {
    this.#store = store
    this.#positions = positions
  }

  /** The changes after a position, waited for if there are none yet. */
  async watch({ after, waitMs, limit }: Omit<Watch, 'type'>): Promise<Watched> {
    const { runId } = this.#positions.position()
    const from = after ?? this.#positions.position()
    if (!this.#positions.contains(from)) return this.#lost()
    if (from.seq >= this.#positions.position().seq) {
      await this.#change(Math.min(waitMs, WATCH_WAIT_MS))
    }
    const upto = this.#positions.position().seq
    const entries = await this.#store.log(from.seq, Math.min(limit, upto - from.seq))
    if (entries.length > 0 && entries[0]!.seq !== from.seq + 1) return this.#lost()
    const changes = entries.map(({ seq, entry }) => seen(seq, decodeChange(entry).change))
    const seq = changes.at(-1)?.seq ?? from.seq
    return { type: 'watched', position: { runId, seq }, changes, lost: false }
  }

  /** There may be more than before. */
  look(): void {
    const { seq } = this.#positions.position()
    if (seq === this.#seen) return
    this.#seen = seq
    for (const wake of this.#waiting) wake()
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const wake of this.#waiting) wake()
  }

  #lost(): Watched {
    return { type: 'watched', position: this.#positions.position(), changes: [], lost: true }
  }

  async #change(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      timer.unref()
      this.#waiting.add(wake)
    })
  }
}
