/**
 * Writes what the overlay has into the database, off every caller's path, and says when there is no
 * room for more changes (specs/005-storage.md, "Rules: overlay").
 */
import { OVERLAY_BYTES, OVERLAY_FLUSH_MS, OVERLAY_GENERATION_BYTES } from '../../../limits.ts'
import type { Database } from '../records/database.ts'
import type { Generation } from './generation.ts'
import type { Overlay } from './overlay.ts'

/** Log entries that one transaction of LMDB deletes: it blocks the event loop for milliseconds. */
const TRIM_ENTRIES = 4096

/** The same, where the transaction writes changes, too. */
const TRIM_ENTRIES_BESIDE = 512

/** Of the overlay, for changes that free space. */
const RESERVE_BYTES = OVERLAY_BYTES / 8

/** Waits after failed attempts: doubled with each, up to the most. */
const RETRY_MS = 100
const MOST_RETRY_MS = 5_000

export interface FlusherOptions {
  readonly overlay: Overlay
  readonly database: Pick<Database, 'transact' | 'trim' | 'tally'> & FlushTarget
  /** Runs something once after this time, unless the function that it returns is called before. */
  readonly after: (ms: number, run: () => void) => () => void
  /** The database has all up to this position of the journal, durably. */
  readonly onFlushed: (position: number) => void
  /** What is said of a write that failed, of about these bytes. */
  readonly faultOf: (cause: unknown, bytes: number) => Promise<Error>
  /** Called for each attempt that failed. */
  readonly onFailed?: (fault: Error) => void
}

type FlushTarget = Parameters<Generation['writeTo']>[0]

interface Waiter {
  /** Waits for this position, or for any attempt to end. */
  readonly position: number | undefined
  readonly resolve: () => void
  readonly reject: (fault: Error) => void
}

export class Flusher {
  readonly #options: FlusherOptions
  /** Is all that was applied so far to be written, however little it is? */
  #isDue = false
  #cancelTimer: (() => void) | undefined
  #running: Promise<void> | undefined
  #waiters: Waiter[] = []
  /** Ends the wait after a failed attempt. */
  #retryNow: (() => void) | undefined
  #failures = 0
  #fault: Error | undefined
  #flushed: number
  /** Does the table of the log still have entries that were trimmed? */
  #hasTrimmed = true
  #isClosed = false
  #isAbandoned = false

  constructor(options: FlusherOptions) {
    this.#options = options
    this.#flushed = options.database.tally().position
  }

  /** Why the last attempt failed; undefined if it did not. */
  get fault(): Error | undefined {
    return this.#fault
  }

  /** The last position of the journal that the database has durably. */
  get flushed(): number {
    return this.#flushed
  }

  /** To be called after each entry that was applied to the overlay. */
  onApplied(): void {
    const { overlay, after } = this.#options
    if (overlay.newestBytes >= OVERLAY_GENERATION_BYTES) {
      overlay.freeze()
      this.#start()
    } else if (overlay.newestBytes > 0 && !this.#isDue) {
      // An entry without changes is written with those of the next one.
      this.#cancelTimer ??= after(OVERLAY_FLUSH_MS, () => this.#begin())
    }
  }

  /**
   * Undefined if there is room for more changes; `adds`: they need more space than they free. Else
   * wait for the promise, and ask again. It rejects with the fault of the disk where that keeps the
   * overlay from getting smaller; a caller may leave that to the next call.
   */
  admit(adds: boolean): Promise<void> | undefined {
    const most = adds ? OVERLAY_BYTES - RESERVE_BYTES : OVERLAY_BYTES
    if (this.#options.overlay.bytes < most) return undefined
    const room = this.#fault === undefined ? this.#wait(undefined) : Promise.reject(this.#fault)
    room.catch(() => undefined)
    if (this.#fault === undefined) this.#begin()
    return room
  }

  /** Writes all that was applied so far. Rejects with the fault if the next attempt fails. */
  flush(): Promise<void> {
    const { position } = this.#options.overlay.tally()
    if (position <= this.#flushed) return Promise.resolve()
    const flushed = this.#wait(position)
    this.#retryNow?.()
    this.#begin()
    return flushed
  }

  /**
   * Writes all that was applied. If that fails it rejects with the fault: the journal has it. Writes
   * nothing more.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    try {
      await this.flush()
    } finally {
      this.#cancelTimer?.()
      await this.#running
    }
  }

  /** Writes nothing more; waits for what is being written. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true
    this.#cancelTimer?.()
    this.#retryNow?.()
    await this.#running
  }

  #wait(position: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position, resolve, reject })
    })
  }

  #begin(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#isDue = true
    this.#start()
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // What is applied in this turn of the event loop is written along.
    await Promise.resolve()
    while (!this.#isAbandoned) {
      const generation = this.#next()
      if (generation === undefined && (!this.#hasTrimmed || this.#isClosed)) break
      try {
        await (generation === undefined ? this.#trim() : this.#write(generation))
        this.#failures = 0
        this.#fault = undefined
        this.#settle()
      } catch (cause) {
        await this.#onFailed(cause, generation?.bytes ?? 0)
        if (this.#isClosed || this.#isAbandoned) break
        await this.#retryTime()
      }
    }
    this.#running = undefined
  }

  /** The generation to be written next. */
  #next(): Generation | undefined {
    const { overlay } = this.#options
    if (overlay.oldest === undefined && this.#isDue) {
      this.#isDue = false
      overlay.freeze()
    }
    return overlay.oldest
  }

  async #write(generation: Generation): Promise<void> {
    const { overlay, database, onFlushed } = this.#options
    const { position, trimmed } = generation.tally
    this.#hasTrimmed = await database.transact(() => {
      generation.writeTo(database)
      return database.trim(trimmed, TRIM_ENTRIES_BESIDE) === TRIM_ENTRIES_BESIDE
    })
    overlay.drop(generation)
    this.#flushed = position
    onFlushed(position)
  }

  async #trim(): Promise<void> {
    const { database } = this.#options
    this.#hasTrimmed = await database.transact(() => {
      return database.trim(database.tally().trimmed, TRIM_ENTRIES) === TRIM_ENTRIES
    })
  }

  #settle(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const { position = 0, resolve } = waiter
      if (position <= this.#flushed) resolve()
      else this.#waiters.push(waiter)
    }
  }

  async #onFailed(cause: unknown, bytes: number): Promise<void> {
    const { faultOf, onFailed } = this.#options
    this.#failures++
    this.#fault = await faultOf(cause, bytes)
    // Whatever comes until the next attempt may write all of it.
    this.#isDue = true
    onFailed?.(this.#fault)
    const waiters = this.#waiters
    this.#waiters = []
    for (const { reject } of waiters) reject(this.#fault)
  }

  async #retryTime(): Promise<void> {
    const ms = Math.min(RETRY_MS * 2 ** (this.#failures - 1), MOST_RETRY_MS)
    await new Promise<void>((resolve) => {
      const cancel = this.#options.after(ms, resolve)
      this.#retryNow = () => {
        cancel()
        resolve()
      }
    })
    this.#retryNow = undefined
  }
}
