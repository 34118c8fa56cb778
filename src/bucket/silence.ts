/**
 * Tells those who wait for a bucket when it neither takes nor sends anything any more. A call is
 * several requests, and a start or a put several calls: their own times would add up to minutes.
 */

export interface SilenceParts {
  /** How long a bucket may be silent. */
  readonly ms: number
  /** Asks something small, so that a bucket which only takes its time for the rest is heard. */
  readonly probe: () => void
  /** In milliseconds. */
  readonly now?: () => number
}

/** Time is counted in these, so that a process which was frozen hears first what came meanwhile. */
const TICKS = 10
/** When the bucket is asked. */
const PROBE_TICKS = 5
/** For how long a bucket gets an answer that was found to be silent a short time ago. */
const SUSPECT_TICKS = 2

interface Waiting {
  readonly since: number
  readonly ticks: number
}

export class Silence {
  readonly #parts: SilenceParts
  readonly #waiting = new Map<() => void, Waiting>()
  #timer: NodeJS.Timeout | undefined
  #tick = 0
  #heardAt = 0
  #foundAt = -Infinity

  constructor(parts: SilenceParts) {
    this.#parts = parts
  }

  /** The bucket's side took some bytes: at least its system did. */
  sent(): void {
    this.#heardAt = this.#tick
  }

  /** The bucket sent something. */
  heard(): void {
    this.#heardAt = this.#tick
    this.#foundAt = -Infinity
  }

  /** Calls it once when the bucket has been silent for too long. Returns what ends the watch. */
  watch(onSilent: () => void): () => void {
    const { ms } = this.#parts
    const ticks = this.#now() - this.#foundAt < ms ? SUSPECT_TICKS : TICKS
    // A function of its own for each watch.
    const call = (): void => onSilent()
    this.#waiting.set(call, { since: this.#tick, ticks })
    this.#timer ??= setInterval(() => this.#onTick(), ms / TICKS)
    return () => {
      this.#waiting.delete(call)
      if (this.#waiting.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #onTick(): void {
    this.#tick++
    let isProbed = false
    for (const [onSilent, { since, ticks }] of this.#waiting) {
      const silent = this.#tick - Math.max(since, this.#heardAt)
      isProbed ||= silent === PROBE_TICKS
      if (silent < ticks) continue
      if (ticks === TICKS) this.#foundAt = this.#now()
      this.#waiting.delete(onSilent)
      onSilent()
    }
    if (isProbed) this.#parts.probe()
  }

  #now(): number {
    return (this.#parts.now ?? (() => performance.now()))()
  }
}
