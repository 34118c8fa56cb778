/** The memory of all parts that are being uploaded: bounded, given out in the order of calls. */
import { unzeroed } from '../../bytes.ts'
import { ARCHIVE_PART_BYTES, ARCHIVE_UPLOAD_BYTES } from '../../limits.ts'

interface Waiting {
  readonly bytes: number
  readonly resolve: () => void
}

export class PartBuffers {
  readonly #mostBytes: number
  #usedBytes = 0
  readonly #waiting: Waiting[] = []
  /** Buffers of `ARCHIVE_PART_BYTES` to be used again: new ones would wait for a collection. */
  readonly #idle: Uint8Array[] = []

  constructor(mostBytes: number = ARCHIVE_UPLOAD_BYTES) {
    this.#mostBytes = mostBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Not zeroed. One that is larger than the bound waits until it is alone. */
  async take(bytes: number): Promise<Uint8Array> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) this.#usedBytes += bytes
    else await new Promise<void>((resolve) => void this.#waiting.push({ bytes, resolve }))
    return (bytes === ARCHIVE_PART_BYTES ? this.#idle.pop() : undefined) ?? unzeroed(bytes)
  }

  /** `isFree`: nothing reads it any more. A request that failed may still do so. */
  giveBack(buffer: Uint8Array, isFree: boolean): void {
    this.#usedBytes -= buffer.byteLength
    if (isFree && buffer.byteLength === ARCHIVE_PART_BYTES) this.#idle.push(buffer)
    while (this.#waiting.length > 0 && this.#fits(this.#waiting[0]!.bytes)) {
      const { bytes, resolve } = this.#waiting.shift()!
      this.#usedBytes += bytes
      resolve()
    }
    // Without an upload none is kept.
    if (this.#usedBytes === 0) this.#idle.length = 0
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#mostBytes
  }
}
