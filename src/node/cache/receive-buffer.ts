/** Where what one source gives of a value lands: in memory that becomes the value's, once it is proved. */
import { DstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import type { VerifiedRun } from '../../transfer/piece-stream.ts'
import type { CachedValue } from './cached-value.ts'

/** Memory for bytes of one segment, until it is the value's or nobody's, and where what lands in it ends. */
interface Landed {
  readonly index: number
  readonly memory: Uint8Array
  readonly end: number
}

/** A channel that was aborted may write to memory that it was given, so nobody else is given that before it is done. */
export class ReceiveBuffer {
  readonly #value: CachedValue
  /** In the order in which it was asked for, which is the order of the runs: of one segment there may be several. */
  readonly #landed: Landed[] = []
  #isOver = false

  constructor(value: CachedValue) {
    this.#value = value
  }

  /** Memory for bytes within one segment. Throws after the end: a transfer that was left goes on for a moment. */
  readonly memoryFor = ({ start, end }: ByteRange): Uint8Array => {
    if (this.#isOver) throw new DstoreError('cancelled', 'nothing more lands here')
    if (start === end) return new Uint8Array(0)
    const index = Math.floor(start / SEGMENT_BYTES)
    const memory = this.#value.room(index)
    this.#landed.push({ index, memory, end })
    const base = index * SEGMENT_BYTES
    return memory.subarray(start - base, end - base)
  }

  /** Keep what is proved: the memory itself, where all of it came at once; else a copy. */
  keep({ start, bytes, isWhole, pairs }: VerifiedRun): void {
    const value = this.#value
    for (const pair of pairs) value.writePairs(pair.outboardOffset, pair.bytes)
    const end = start + bytes.byteLength
    const [landed] = this.#landed
    if (isWhole && landed !== undefined) {
      value.adopt(landed.index, new Uint8Array(bytes.buffer), { start, end })
      this.#landed.shift()
      return
    }
    value.write(start, bytes)
    if (landed === undefined || end < landed.end) return
    this.#landed.shift()
    value.spare(landed.memory)
  }

  /** Nothing more comes. */
  end(): void {
    this.#isOver = true
    for (const _ of this.#landed.splice(0)) this.#value.lose()
  }
}
