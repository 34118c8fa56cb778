/**
 * A stream that is being sent, and the part of it that the receiver has not acknowledged: as much
 * as it takes to continue on another channel (specs/003-transfer.md, R003-119).
 */
export class Tail {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #parts: Uint8Array[] = []
  #start = 0
  #end = 0
  /** The next part, which an earlier channel did not wait for to the end. */
  #next: Promise<IteratorResult<Uint8Array>> | undefined

  constructor(source: AsyncIterator<Uint8Array>) {
    this.#source = source
  }

  /** The first byte that is kept. */
  get start(): number {
    return this.#start
  }

  /** Where what was sent ends. */
  get end(): number {
    return this.#end
  }

  /** The receiver has the bytes before this one. False if those were not all sent. */
  drop(position: number): boolean {
    if (position > this.#end) return false
    while (this.#parts.length > 0 && this.#start + this.#parts[0]!.byteLength <= position) {
      this.#start += this.#parts.shift()!.byteLength
    }
    return true
  }

  /**
   * The bytes from this position on: those that are kept, then the source. `wait` bounds each wait
   * for the source; a part that arrives after it gave up is not lost.
   */
  async *from(
    position: number,
    wait: <T>(next: Promise<T>) => Promise<T>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let at = this.#start
    for (const part of this.#parts.slice()) {
      const skipped = Math.max(0, position - at)
      at += part.byteLength
      if (skipped < part.byteLength) yield part.subarray(skipped)
    }
    for (;;) {
      this.#next ??= this.#source.next()
      const next = await wait(this.#next)
      // The end is found again by the next channel.
      if (next.done === true) return
      this.#next = undefined
      this.#parts.push(next.value)
      this.#end += next.value.byteLength
      yield next.value
    }
  }
}
