/** Bounds on asynchronous work at a time. */

/** Runs the work of each, a few at once; after a failure it begins no more, and ends with it. */
export async function atOnce<T>(
  limit: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = items[Symbol.iterator]()
  const state = { hasFailed: false }
  const worker = async (): Promise<void> => {
    try {
      while (!state.hasFailed) {
        const next = source.next()
        if (next.done === true) return
        await work(next.value)
      }
    } catch (error) {
      state.hasFailed = true
      throw error
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: limit }, worker))
  const failure = workers.find((one) => one.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

/** Bounds values in flight, and their bytes. */
export class InFlight {
  readonly #values: number
  readonly #bytes: number
  #valuesNow = 0
  #bytesNow = 0
  #waiting: (() => void)[] = []

  constructor(values: number, bytes: number) {
    this.#values = values
    this.#bytes = bytes
  }

  /** Waits until there is room. A value of half the bytes or more leaves room for one other. */
  async run<T>(size: number, work: () => Promise<T>): Promise<T> {
    const bytes = Math.min(size, this.#bytes / 2)
    while (this.#valuesNow >= this.#values || this.#bytesNow + bytes > this.#bytes) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#valuesNow++
    this.#bytesNow += bytes
    try {
      return await work()
    } finally {
      this.#valuesNow--
      this.#bytesNow -= bytes
      const waiting = this.#waiting
      this.#waiting = []
      for (const wake of waiting) wake()
    }
  }
}

/** Runs of items of at most a number and a sum of sizes, but at least one. */
export function* runsOf<T>(
  items: Iterable<T>,
  most: number,
  sizeOf: (item: T) => number = () => 0,
  mostBytes = 0,
): Generator<T[], void, undefined> {
  let run: T[] = []
  let bytes = 0
  for (const item of items) {
    const size = sizeOf(item)
    if (run.length > 0 && (run.length >= most || bytes + size > mostBytes)) {
      yield run
      run = []
      bytes = 0
    }
    run.push(item)
    bytes += size
  }
  if (run.length > 0) yield run
}
