/**
 * The keys of lanes that were handed out and not used yet (specs/003-transfer-lane.md, "Keys"): each is for one peer,
 * for one handshake, and for a short while. No I/O: clock and randomness are handed in.
 */
import { toHex } from '../../bytes.ts'
import { LANE_KEYS_PER_PEER, LANE_KEY_MS } from '../../limits.ts'

export const LANE_ID_BYTES = 16
export const LANE_SECRET_BYTES = 32

export interface LaneKey {
  /** Names the key in a handshake, in the clear. */
  readonly id: Uint8Array
  readonly secret: Uint8Array
}

interface Waiting {
  readonly peer: string
  readonly secret: Uint8Array
  readonly until: number
}

export interface LaneKeysOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
}

export class LaneKeys {
  readonly #options: LaneKeysOptions
  /** By the hex of their id, the oldest first: all live equally long. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #perPeer = new Map<string, number>()

  constructor(options: LaneKeysOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Keys of this peer that were not used. */
  count(peer: string): number {
    this.#expire()
    return this.#perPeer.get(peer) ?? 0
  }

  /** A key for this peer, or undefined while it has as many unused ones as it may. */
  issue(peer: string): LaneKey | undefined {
    if (this.count(peer) >= LANE_KEYS_PER_PEER) return undefined
    const id = this.#options.random(LANE_ID_BYTES)
    const secret = this.#options.random(LANE_SECRET_BYTES)
    this.#waiting.set(toHex(id), { peer, secret, until: this.#options.now() + LANE_KEY_MS })
    this.#change(peer, 1)
    return { id, secret }
  }

  /** The key of that name, once: whoever asks again, asks too late or names another gets nothing. */
  take(id: string): { readonly peer: string; readonly secret: Uint8Array } | undefined {
    this.#expire()
    const key = this.#waiting.get(id)
    if (key !== undefined) this.#remove(id, key)
    return key
  }

  /** Forget the keys of a peer that is gone. */
  revoke(peer: string): void {
    for (const [id, key] of this.#waiting) if (key.peer === peer) this.#remove(id, key)
  }

  #expire(): void {
    const now = this.#options.now()
    for (const [id, key] of this.#waiting) {
      if (key.until > now) return
      this.#remove(id, key)
    }
  }

  #remove(id: string, key: Waiting): void {
    this.#waiting.delete(id)
    this.#change(key.peer, -1)
  }

  #change(peer: string, change: number): void {
    const count = (this.#perPeer.get(peer) ?? 0) + change
    if (count === 0) this.#perPeer.delete(peer)
    else this.#perPeer.set(peer, count)
  }
}
