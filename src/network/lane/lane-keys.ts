/**
 * The lane keys that were issued and not used yet (specs/003-transfer-lane.md, "Keys"). Each is for
 * one peer and one handshake, and expires soon. No I/O: clock and randomness are injected.
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

interface IssuedKey {
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
  /** By the hex of their id, in order of expiry: all live equally long. */
  readonly #keys = new Map<string, IssuedKey>()

  constructor(options: LaneKeysOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#keys.size
  }

  /** Unused keys of this peer. */
  count(peer: string): number {
    this.#expire()
    return [...this.#keys.values()].filter((key) => key.peer === peer).length
  }

  /** A new key for this peer; undefined while it has `LANE_KEYS_PER_PEER` unused ones. */
  issue(peer: string): LaneKey | undefined {
    if (this.count(peer) >= LANE_KEYS_PER_PEER) return undefined
    const id = this.#options.random(LANE_ID_BYTES)
    const secret = this.#options.random(LANE_SECRET_BYTES)
    this.#keys.set(toHex(id), { peer, secret, until: this.#options.now() + LANE_KEY_MS })
    return { id, secret }
  }

  /** The key with this id, once; undefined if the id is unknown, used or expired. */
  take(id: string): { readonly peer: string; readonly secret: Uint8Array } | undefined {
    this.#expire()
    const key = this.#keys.get(id)
    this.#keys.delete(id)
    return key
  }

  /** Removes the keys of a peer that has disconnected. */
  revoke(peer: string): void {
    for (const [id, key] of this.#keys) if (key.peer === peer) this.#keys.delete(id)
  }

  #expire(): void {
    const now = this.#options.now()
    for (const [id, key] of this.#keys) {
      if (key.until > now) return
      this.#keys.delete(id)
    }
  }
}
