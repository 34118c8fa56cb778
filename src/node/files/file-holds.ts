/** Who holds files of the cache, so that a removal can end that. */
import type { DstoreError } from '../../errors.ts'
import type { FileValue } from './file-tier.ts'

/** A hold of one caller. */
interface Hold {
  /** Aborted, with the reason, when it ends before the caller releases it. */
  readonly signal: AbortSignal
  /** Was it still counted? */
  release(): boolean
}

export class FileHolds {
  readonly #holds = new Map<FileValue, Set<AbortController>>()

  /** Bytes of the values that are held. */
  get bytes(): number {
    let bytes = 0
    for (const { size } of this.#holds.keys()) bytes += size
    return bytes
  }

  add(file: FileValue): Hold {
    const controller = new AbortController()
    const holds = this.#holds.get(file) ?? new Set()
    this.#holds.set(file, holds.add(controller))
    return {
      signal: controller.signal,
      release: () => {
        const wasHeld = holds.delete(controller)
        if (holds.size === 0) this.#holds.delete(file)
        return wasHeld
      },
    }
  }

  /** Ends the holds of a file. They count until they are released. */
  end(file: FileValue, reason: DstoreError): void {
    for (const hold of this.#holds.get(file) ?? []) hold.abort(reason)
  }

  endAll(reason: DstoreError): void {
    for (const file of this.#holds.keys()) this.end(file, reason)
  }
}
