/**
 * Lets concurrent callers share one sync. A call during a sync waits for the next one, because the
 * running one may not cover what the caller did.
 */
export class SharedSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /** Everything done before this call is durable when it resolves. */
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
