/** One sync for everybody who asks for it at the same time. */

/** Calls while one runs wait for the next: what they did may have come too late for it. */
export class SharedSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /** Everything that was done before this call is durable when it resolves. */
  run(): Promise<void> {
    if (this.#running === undefined) return (this.#running = this.#once())
    return (this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return (this.#running = this.#once())
      }))
  }

  async #once(): Promise<void> {
    try {
      await this.#sync()
    } finally {
      if (this.#next === undefined) this.#running = undefined
    }
  }
}
