/** Telling Global of large values that this Local holds no more (R003-31): one after the other, and only while it is so. */
import type { Key } from '../../hash/key.ts'
import { HOLDINGS_PER_LOCAL } from '../../limits.ts'

export interface HolderWithdrawalsOptions {
  readonly isHeld: (key: Key) => boolean
  readonly tell: (digest: Uint8Array) => Promise<void>
}

export class HolderWithdrawals {
  readonly #options: HolderWithdrawalsOptions
  readonly #waiting = new Map<string, Key>()
  #telling = false

  constructor(options: HolderWithdrawalsOptions) {
    this.#options = options
  }

  /** It is held no more. Global remembers no more values of one Local than wait here: the oldest are not worth it. */
  add(key: Key): void {
    this.#waiting.set(key.toHex(), key)
    if (this.#waiting.size > HOLDINGS_PER_LOCAL) {
      this.#waiting.delete(this.#waiting.keys().next().value!)
    }
    if (!this.#telling) void this.#tellAll()
  }

  async #tellAll(): Promise<void> {
    this.#telling = true
    for (const [text, key] of this.#waiting) {
      this.#waiting.delete(text)
      // It may have been fetched again meanwhile. Nothing but speed depends on what Global is told, or misses.
      if (!this.#options.isHeld(key)) await this.#options.tell(key.digest).catch(() => undefined)
    }
    this.#telling = false
  }
}
