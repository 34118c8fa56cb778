/** Bounds a fetch to a rate, so that it leaves the network to others. */
import { pause } from '../../deadline.ts'
import { GROUP_BYTES, MIB } from '../../limits.ts'

/** How much of a second's bytes is asked for at once. */
const STEP_SECONDS = 0.25

/** Bounds of a step, in bytes. More than a group: a read of one may pass a full cache by. */
const LEAST_STEP_BYTES = 4 * GROUP_BYTES
const MOST_STEP_BYTES = 16 * MIB

/** The pace that calls of one group share, as long as one of them, or its debt, is there. */
export class Paces {
  readonly #now: () => number
  readonly #shared = new Map<string, { readonly pace: Pace; users: number }>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Runs `work` at this rate, without a group at a pace of its own; undefined: without bound. */
  async run<T>(
    maxRate: number | undefined,
    group: string | undefined,
    work: (pace: Pace | undefined) => Promise<T>,
  ): Promise<T> {
    if (maxRate === undefined) return work(undefined)
    if (group === undefined) return work(new Pace(maxRate, this.#now))
    for (const [id, { pace, users }] of this.#shared) {
      if (users === 0 && !pace.isOwing) this.#shared.delete(id)
    }
    const id = `${maxRate} ${group}`
    const shared = this.#shared.get(id) ?? { pace: new Pace(maxRate, this.#now), users: 0 }
    this.#shared.set(id, shared)
    shared.users++
    try {
      return await work(shared.pace)
    } finally {
      shared.users--
    }
  }
}

export class Pace {
  /** Bytes to ask for at once. */
  readonly stepBytes: number
  readonly #bytesPerMs: number
  readonly #now: () => number
  /** When all that was taken so far may be over, in milliseconds. */
  #dueMs = -Infinity

  /** `now`: monotonic milliseconds. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#now = now
    const step = Math.round((bytesPerSecond * STEP_SECONDS) / GROUP_BYTES) * GROUP_BYTES
    this.stepBytes = Math.min(MOST_STEP_BYTES, Math.max(LEAST_STEP_BYTES, step))
  }

  /** Whether the next bytes would wait. */
  get isOwing(): boolean {
    return this.#dueMs > this.#now()
  }

  /** Counts bytes that are asked for now, and waits until those before them may have come. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#now()
    const startMs = Math.max(now, this.#dueMs)
    this.#dueMs = startMs + bytes / this.#bytesPerMs
    if (startMs > now) await pause(startMs - now, signal)
    signal.throwIfAborted()
  }
}
