/**
 * Receives what one source sends of a value, in memory that the value adopts once it is verified.
 */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import type { VerifiedRun } from '../../transfer/piece-stream.ts'
import type { Receiver } from './held-value.ts'

/** What adopts the memory: a `CachedValue`. */
export interface ReceivingValue {
  allocate(index: number): Uint8Array
  adopt(index: number, memory: Uint8Array, range: ByteRange): void
  write(start: number, bytes: Uint8Array): void
  writePairs(offset: number, pairs: Uint8Array): void
  recycle(memory: Uint8Array): void
  discard(): void
}

/** Memory for bytes of one segment that are being received, and the end of those bytes. */
interface Receiving {
  readonly index: number
  readonly memory: Uint8Array
  readonly end: number
}

/** An aborted channel may still write to the memory that it was given, so that is not reused. */
export class ReceiveBuffer implements Receiver {
  readonly #value: ReceivingValue
  /** In the order of requests, which is the order of runs; several may be for one segment. */
  readonly #receiving: Receiving[] = []
  #isOver = false

  constructor(value: ReceivingValue) {
    this.#value = value
  }

  /** Memory for bytes within one segment. Throws after `end`: an abandoned transfer ends late. */
  readonly memoryFor = ({ start, end }: ByteRange): Uint8Array => {
    if (this.#isOver) throw new DstoreError('cancelled', 'the transfer was abandoned')
    if (start === end) return new Uint8Array(0)
    const index = Math.floor(start / SEGMENT_BYTES)
    const memory = this.#value.allocate(index)
    this.#receiving.push({ index, memory, end })
    const base = index * SEGMENT_BYTES
    return memory.subarray(start - base, end - base)
  }

  /** Keeps a verified run: its memory, if all of that was received at once, else a copy. */
  keep({ start, bytes, isWhole, pairs }: VerifiedRun): undefined {
    const value = this.#value
    for (const pair of pairs) value.writePairs(pair.outboardOffset, pair.bytes)
    const end = start + bytes.byteLength
    const [first] = this.#receiving
    if (isWhole && first !== undefined) {
      value.adopt(first.index, new Uint8Array(bytes.buffer), { start, end })
      this.#receiving.shift()
      return
    }
    value.write(start, bytes)
    if (first === undefined || end < first.end) return
    this.#receiving.shift()
    value.recycle(first.memory)
  }

  /** The transfer is over. */
  end(): void {
    this.#isOver = true
    for (const _ of this.#receiving.splice(0)) this.#value.discard()
  }
}
