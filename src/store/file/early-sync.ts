/** Syncs of a file that is being written. */
import { EARLY_SYNC_BYTES } from '../../limits.ts'

export interface Syncable {
  /** Makes what was written durable. */
  sync(): Promise<void>
}

/** Syncs what was written while more is being written, so that little is left for the last sync. */
export class EarlySync {
  readonly #target: Syncable
  readonly #onFault: () => void
  #syncedBytes = 0
  #running: Promise<void> | undefined
  /** A sync reports a fault of the disk only once: it must not be lost. */
  #fault: { readonly reason: unknown } | undefined

  /** `onFault` is called when a sync fails. */
  constructor(target: Syncable, onFault: () => void = () => undefined) {
    this.#target = target
    this.#onFault = onFault
  }

  /** The number of bytes that are written so far. */
  wrote(bytes: number): void {
    if (this.#running !== undefined || bytes - this.#syncedBytes < EARLY_SYNC_BYTES) return
    this.#syncedBytes = bytes
    const sync = async (): Promise<void> => {
      try {
        await this.#target.sync()
      } catch (reason) {
        this.#fault ??= { reason }
        this.#onFault()
      }
      this.#running = undefined
    }
    this.#running = sync()
  }

  /** Waits for the sync that runs. Throws as `check` does. */
  async ended(): Promise<void> {
    await this.#running
    this.check()
  }

  /** Throws the fault of a sync. */
  check(): void {
    if (this.#fault !== undefined) throw this.#fault.reason
  }
}
