/** Work on many files at once, bounded in number and in bytes; the first failure ends it. */
import { MIB } from '../limits.ts'

/** Files in progress. */
const FILES = 64

/** Bytes of the files in progress. */
const BYTES = 64 * MIB

/** So that the next large file arrives while this one is made durable. */
const LARGE_AT_ONCE = 2

export class Workers {
  #files = 0
  #bytes = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /**
   * Starts the work on a file of this size as soon as there is room. Only one caller may wait at a
   * time. Throws the first failure of any work before.
   */
  async start(size: number, work: () => Promise<void>): Promise<void> {
    const bytes = Math.min(size, BYTES / LARGE_AT_ONCE)
    while (this.#files >= FILES || this.#bytes + bytes > BYTES) await this.#changed()
    this.#check()
    this.#files++
    this.#bytes += bytes
    void work()
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => {
        this.#files--
        this.#bytes -= bytes
        this.#wake?.()
      })
  }

  /** Waits until all work has ended. Throws the first failure. */
  async end(): Promise<void> {
    await this.settled()
    this.#check()
  }

  /** Waits until all work has ended, whatever its outcome. */
  async settled(): Promise<void> {
    while (this.#files > 0) await this.#changed()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }
}
