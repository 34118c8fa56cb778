/**
 * Bounds the bytes in flight to all peers together. A read for a peer first takes a share, and
 * waits while none is free. Each peer is bounded, the peer that holds least goes first, and the
 * last quarter is kept for peers that hold nothing: peers that do not read cannot starve the others
 * (specs/003-transfer.md, R003-23).
 */

/** The part of the budget for peers that already hold a share. */
const SHARED = 3 / 4

interface Waiting {
  readonly peer: string
  readonly bytes: number
  readonly grant: () => void
}

export class SharedBudget {
  readonly #totalBytes: number
  readonly #peerBytes: number
  readonly #byPeer = new Map<string, number>()
  #usedBytes = 0
  /** In the order of requests, which decides among peers that hold the same. */
  readonly #waiting = new Set<Waiting>()

  constructor(totalBytes: number, peerBytes: number) {
    this.#totalBytes = totalBytes
    this.#peerBytes = peerBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Is a peer waiting that holds nothing? */
  get isStarving(): boolean {
    for (const { peer } of this.#waiting) if (!this.#byPeer.has(peer)) return true
    return false
  }

  /**
   * Waits for a share of `wanted` bytes, at most what one peer may hold. Returns the function that
   * gives it back. Rejects with the signal's reason.
   */
  async take(peer: string, wanted: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const now = this.takeNow(peer, wanted)
    if (now !== undefined) return now
    const bytes = this.#most(wanted)
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(waiting)
        reject(signal.reason as Error)
      }
      const grant = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const waiting: Waiting = { peer, bytes, grant }
      this.#waiting.add(waiting)
      signal.addEventListener('abort', stop, { once: true })
    })
    return this.#giver(peer, bytes)
  }

  /** The same without waiting; undefined if there is no room now. */
  takeNow(peer: string, wanted: number): (() => void) | undefined {
    const bytes = this.#most(wanted)
    let granted = false
    const waiting: Waiting = { peer, bytes, grant: () => (granted = true) }
    this.#waiting.add(waiting)
    this.#serve()
    this.#waiting.delete(waiting)
    return granted ? this.#giver(peer, bytes) : undefined
  }

  #most(wanted: number): number {
    return Math.min(wanted, this.#peerBytes, this.#totalBytes)
  }

  #giver(peer: string, bytes: number): () => void {
    let taken = true
    return () => {
      if (!taken) return
      taken = false
      this.#add(peer, -bytes)
      this.#serve()
    }
  }

  #serve(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#waiting.delete(next)
      this.#add(next.peer, next.bytes)
      next.grant()
    }
  }

  /** The next in turn; undefined if none waits, or there is no room for it. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined
    let least = Infinity
    for (const waiting of this.#waiting) {
      const held = this.#byPeer.get(waiting.peer) ?? 0
      if (held >= least || held + waiting.bytes > this.#peerBytes) continue
      next = waiting
      least = held
    }
    if (next === undefined) return undefined
    const room = least === 0 ? this.#totalBytes : this.#totalBytes * SHARED
    return this.#usedBytes + next.bytes <= room ? next : undefined
  }

  #add(peer: string, bytes: number): void {
    this.#usedBytes += bytes
    const ofPeer = (this.#byPeer.get(peer) ?? 0) + bytes
    if (ofPeer === 0) this.#byPeer.delete(peer)
    else this.#byPeer.set(peer, ofPeer)
  }
}
