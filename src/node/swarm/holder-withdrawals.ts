/** Tells Global which large values this Local no longer holds (specs/003-transfer.md, R003-31). */
import type { Key } from '../../hash/key.ts'
import { HOLDINGS_PER_LOCAL } from '../../limits.ts'

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

  /** Queues a value. Beyond the number that Global remembers of one Local, the oldest is dropped. */
  add(key: Key): void {
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
      // It may have been fetched again. A failure costs Global's peers time, and nothing else.
      if (!isHeld(key)) await withdraw(key.digest).catch(() => undefined)
    }
    this.#isSending = false
  }
}
