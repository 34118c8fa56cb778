/** Tells Global which large values this Local no longer holds (specs/003-transfer.md, R003-31). */
import type { Key } from '../../hash/key.ts'
import { HOLDINGS_PER_LOCAL, SWARM_BYTES } from '../../limits.ts'

export interface HolderWithdrawalsOptions {
  readonly isHeld: (key: Key) => boolean
  readonly withdraw: (digest: Uint8Array) => Promise<void>
}

export class HolderWithdrawals {
  readonly #options: HolderWithdrawalsOptions
  readonly #waiting = new Map<string, Key>()
  #isSending = false

  constructor(options: HolderWithdrawalsOptions) {
    this.#options = options
  }

  /**
   * A value was evicted. Beyond the number that Global remembers of a Local, the oldest is dropped.
   */
  add({ key, size }: { readonly key: Key; readonly size: number }): void {
    if (size < SWARM_BYTES) return
    this.#waiting.set(key.toHex(), key)
    if (this.#waiting.size > HOLDINGS_PER_LOCAL) {
      this.#waiting.delete(this.#waiting.keys().next().value!)
    }
    if (!this.#isSending) void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    const { isHeld, withdraw } = this.#options
    this.#isSending = true
    for (const [text, key] of this.#waiting) {
      this.#waiting.delete(text)
      // It may have been fetched again. A failed withdrawal costs other Locals time, no more.
      if (!isHeld(key)) await withdraw(key.digest).catch(() => undefined)
    }
    this.#isSending = false
  }
}
