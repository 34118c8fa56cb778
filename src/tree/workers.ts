/** Work on many values at once, bounded in number and in bytes; the first failure ends it. */
import { MIB } from '../limits.ts'
import { WorkLimit } from './work-limit.ts'

/** Values in progress, and their bytes. */
const IN_PROGRESS = 64
const IN_PROGRESS_BYTES = 64 * MIB

export class Workers {
  readonly #limit: WorkLimit
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(most: number = IN_PROGRESS, mostBytes: number = IN_PROGRESS_BYTES) {
    this.#limit = new WorkLimit(most, mostBytes)
  }

  /**
   * Starts the work on a value of this size as soon as there is room. Throws the first failure of
   * any work before.
   */
  async start(size: number, work: () => Promise<void>): Promise<void> {
    const leave = await this.#limit.enter(size)
    if (this.#failure !== undefined) {
      leave()
      throw this.#failure.error
    }
    const running = work()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => {
        leave()
        this.#running.delete(running)
      })
    this.#running.add(running)
  }

  /** Waits until all work has ended. Throws the first failure. */
  async end(): Promise<void> {
    await this.settled()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Waits until all work has ended, whatever its outcome. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }
}
