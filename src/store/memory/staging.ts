/** A value that is written to a store in memory. */
import { checkBytes } from '../arguments.ts'
import type { Reservation } from '../quota.ts'
import type { Location, Staging } from '../store.ts'
import { ChunkedBytes } from './chunked-bytes.ts'

/** What a staging needs from its store. */
export interface StagingHost {
  checkOpen(): void
  onSealed(bytes: ChunkedBytes, outboard: Uint8Array): Location
  /** Deletes a sealed value; false if it was adopted, and its bytes belong to the store. */
  discardSealed(location: Location): boolean
}

export class MemoryStaging implements Staging {
  readonly #host: StagingHost
  readonly #reservation: Reservation
  /** Undefined once sealed or discarded. */
  #bytes: ChunkedBytes | undefined
  #location: Location | undefined

  constructor(size: number | undefined, reservation: Reservation, host: StagingHost) {
    this.#bytes = new ChunkedBytes(size)
    this.#reservation = reservation
    this.#host = host
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#host.checkOpen()
    checkBytes('bytes', bytes)
    const staged = this.#staged()
    try {
      this.#reservation.use(bytes.byteLength)
    } catch (error) {
      await this.discard()
      throw error
    }
    staged.append(bytes)
  }

  async seal(outboard: Uint8Array): Promise<Location> {
    this.#host.checkOpen()
    checkBytes('outboard', outboard)
    const staged = this.#staged()
    staged.finish()
    this.#bytes = undefined
    this.#reservation.settle()
    this.#location = this.#host.onSealed(staged, outboard)
    return this.#location
  }

  suspend(): Promise<void> {
    return this.discard()
  }

  async *resumedBytes(): AsyncGenerator<Uint8Array> {
    // It never resumes.
  }

  async discard(): Promise<void> {
    this.#bytes = undefined
    if (this.#location === undefined || this.#host.discardSealed(this.#location))
      this.#reservation.release()
  }

  #staged(): ChunkedBytes {
    if (this.#bytes === undefined) throw new TypeError('the staging was sealed or discarded')
    return this.#bytes
  }
}
