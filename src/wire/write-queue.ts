/** The writes of one side of a channel: in the order of calls, until that side ends. */
export class WriteQueue {
  /** Settles, without failure, when all writes so far have. */
  #last: Promise<void> | undefined
  #ending: Promise<void> | undefined

  /** `end` was called. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /**
   * Starts `send` now, or after the writes before it. Rejects as `send` does; TypeError after
   * `end`.
   */
  write(send: () => Promise<void>): Promise<void> {
    if (this.isEnding) return Promise.reject(new TypeError('write: this side has ended'))
    const sent = this.#last === undefined ? send() : this.#last.then(send)
    const release = (): void => {
      if (this.#last === settled) this.#last = undefined
    }
    const settled: Promise<void> = sent.then(release, release)
    this.#last = settled
    return sent
  }

  /** Resolves when the writes so far have settled. */
  async idle(): Promise<void> {
    await this.#last
  }

  /** Runs `sendEnd` after the last write; once, however often it is called. */
  end(sendEnd: () => Promise<void>): Promise<void> {
    return (this.#ending ??= this.idle().then(sendEnd))
  }
}
