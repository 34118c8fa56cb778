/** Requests for changes, answered as soon as there are any (specs/004-index.md, "Watching"). */
import type { ChangeSeen, Position, Watch, Watched } from '../../index/message.ts'
import { decodeChange, seen } from '../../index/records/record.ts'
import { FEED_BYTES, WATCH_WAIT_MS } from '../../limits.ts'
import type { Store } from '../../store/store.ts'

/** Entries of the log that are read at a time: one that removes a key with all its names is large. */
const LOG_RUN = 64

/** What the index knows of positions. */
export interface Positions {
  /** The last change before which all are durable. */
  position(): Position
  /** Does the log tell everything that came after this position? */
  contains(position: Position): boolean
}

export class WatchLog {
  readonly #store: Store
  readonly #positions: Positions
  readonly #waiting = new Set<() => void>()
  #seen = 0

  constructor(store: Store, positions: Positions) {
    this.#store = store
    this.#positions = positions
  }

  /** Wait until there is something to tell, or for as long as is asked for. What is to be read then. */
  async wait(watch: Watch): Promise<Watch> {
    const from = watch.after ?? this.#positions.position()
    if (this.#positions.contains(from) && from.seq >= this.#positions.position().seq) {
      await this.#change(Math.min(watch.waitMs, WATCH_WAIT_MS))
    }
    return { ...watch, after: from }
  }

  /** The changes after a position, as many as fit into one message. */
  async read({ after, limit }: Pick<Watch, 'after' | 'limit'>): Promise<Watched> {
    const { runId, seq: upto } = this.#positions.position()
    if (after === undefined || !this.#positions.contains(after)) return this.#lost()
    const changes: ChangeSeen[] = []
    const most = Math.min(upto, after.seq + limit)
    let last = after.seq
    let leftBytes = FEED_BYTES
    while (last < most && leftBytes > 0) {
      const entries = await this.#store.log(last, Math.min(LOG_RUN, most - last))
      if (entries[0]?.seq !== last + 1) return this.#lost()
      for (const { seq, entry } of entries) {
        leftBytes -= entry.byteLength
        if (leftBytes < 0 && changes.length > 0) break
        changes.push(seen(seq, decodeChange(entry).change))
        last = seq
      }
    }
    return { type: 'watched', position: { runId, seq: last }, changes, lost: false }
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
