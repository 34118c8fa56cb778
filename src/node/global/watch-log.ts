/**
 * Answers watchers as soon as there is a change (specs/004-index.md, "Rules: retention and
 * watching").
 */
import { equal } from '../../bytes.ts'
import type { GlobalIndex } from '../../index/global/global-index.ts'
import {
  WATCH_START,
  type Position,
  type Watch,
  type Watched,
  type WatchedChange,
} from '../../index/message.ts'
import { decodeChange, watched } from '../../index/records/change-record.ts'
import { FEED_BYTES, WATCH_WAIT_MS } from '../../limits.ts'
import type { Store } from '../../store/store.ts'

/** Entries to read at a time. Few, because the removal of a key with many names is large. */
const LOG_RUN = 64

const isStart = ({ runId, seq }: Position): boolean =>
  seq === WATCH_START.seq && equal(runId, WATCH_START.runId)

export class WatchLog {
  readonly #store: Store
  readonly #index: Pick<GlobalIndex, 'position' | 'contains'>
  readonly #waiting = new Set<() => void>()
  #lastSeq = 0

  constructor(store: Store, index: Pick<GlobalIndex, 'position' | 'contains'>) {
    this.#store = store
    this.#index = index
  }

  /** Waits for a change, or until the time of the request is over. The request to read then. */
  async wait(watch: Watch): Promise<Watch> {
    const from = watch.after ?? this.#index.position
    if (this.#index.contains(from) && from.seq >= this.#index.position.seq) {
      await this.#change(Math.min(watch.waitMs, WATCH_WAIT_MS))
    }
    return { ...watch, after: from }
  }

  /** As many changes after a position as fit into one message. */
  async read({ after, limit }: Pick<Watch, 'after' | 'limit'>): Promise<Watched> {
    const { runId, seq: upto } = this.#index.position
    const from = after !== undefined && isStart(after) ? await this.#start() : after
    if (from === undefined || !this.#index.contains(from)) return this.#lost()
    const changes: WatchedChange[] = []
    const most = Math.min(upto, from.seq + limit)
    let last = from.seq
    let leftBytes = FEED_BYTES
    while (last < most && leftBytes > 0) {
      const entries = await this.#store.log(last, Math.min(LOG_RUN, most - last))
      if (entries[0]?.seq !== last + 1) return this.#lost()
      for (const { seq, entry } of entries) {
        leftBytes -= entry.byteLength
        if (leftBytes < 0 && changes.length > 0) break
        const change = watched(seq, decodeChange(entry).change)
        if (change !== undefined) changes.push(change)
        last = seq
      }
    }
    return { type: 'watched', position: { runId, seq: last }, changes, lost: false }
  }

  /** Wakes the watchers if there is a new change. */
  poll(): void {
    const { seq } = this.#index.position
    if (seq === this.#lastSeq) return
    this.#lastSeq = seq
    for (const wake of this.#waiting) wake()
  }

  /** Wakes the watchers. */
  close(): void {
    for (const wake of this.#waiting) wake()
  }

  /** The position before the oldest change in the log. */
  async #start(): Promise<Position> {
    const { runId, seq } = this.#index.position
    const [oldest] = await this.#store.log(0, 1)
    return { runId, seq: oldest === undefined ? seq : oldest.seq - 1 }
  }

  #lost(): Watched {
    return { type: 'watched', position: this.#index.position, changes: [], lost: true }
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
