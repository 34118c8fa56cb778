/** A bound on work in progress: how much of it, and how many bytes it is about. */

/** So that the next large value arrives while this one is made durable. */
const LARGE_AT_ONCE = 2

export class WorkLimit {
  readonly #most: number
  readonly #mostBytes: number
  #count = 0
  #bytes = 0
  readonly #waiting: (() => void)[] = []

  constructor(most: number, mostBytes: number) {
    this.#most = most
    this.#mostBytes = mostBytes
  }

  /** Waits until work on a value of this size may begin. Returns what is called when it ends. */
  async enter(size: number): Promise<() => void> {
    const bytes = Math.min(size, this.#mostBytes / LARGE_AT_ONCE)
    while (this.#count >= this.#most || this.#bytes + bytes > this.#mostBytes) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#count++
    this.#bytes += bytes
    return () => {
      this.#count--
      this.#bytes -= bytes
      for (const wake of this.#waiting.splice(0)) wake()
    }
  }

  /** The result of the work, which begins when there is room for it. */
  async run<T>(size: number, work: () => Promise<T>): Promise<T> {
    const leave = await this.enter(size)
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
