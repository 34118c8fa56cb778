/** Receives what one source sends of a value, in memory from which it is written to a file. */
import { unzeroed } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { PIECES_AHEAD, PIECE_BYTES, SEGMENT_BYTES } from '../../limits.ts'
import type { VerifiedPairs, VerifiedRun } from '../../transfer/piece-stream.ts'
import type { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Receiver } from '../cache/held-value.ts'
import type { SegmentPool } from '../cache/segment-pool.ts'

/** What a receiver takes at most: pieces that arrive, and one that is being written. */
const RECEIVED_BYTES = (PIECES_AHEAD + 1) * PIECE_BYTES

/** What is written: a `CachedFile`. */
export interface WrittenFile {
  readonly key: Key
  readonly size: number
  checkNotRemoved(): void
  write(start: number, bytes: Uint8Array, pairs: readonly VerifiedPairs[]): Promise<void>
}

/** Memory that is being received into, and the end of those bytes in the value. */
interface Receiving {
  readonly memory: Uint8Array
  readonly end: number
}

/** An aborted channel may still write to the memory that it was given, so that is not reused. */
export class FileReceiver implements Receiver {
  readonly #file: WrittenFile
  readonly #pool: SegmentPool
  readonly #shares: SharedBudget
  readonly #onEnd: () => void
  #giveBack: (() => void) | undefined
  /** In the order of requests, which is the order of runs. */
  readonly #receiving: Receiving[] = []
  #isOver = false

  /** `shares`: of the memory that all receivers may take. `onEnd`: called at the end. */
  constructor(
    file: WrittenFile,
    pool: SegmentPool,
    shares: SharedBudget,
    onEnd: () => void = () => undefined,
  ) {
    this.#onEnd = onEnd
    this.#file = file
    this.#pool = pool
    this.#shares = shares
  }

  async begin(signal: AbortSignal): Promise<void> {
    const { key, size } = this.#file
    const bytes = Math.min(RECEIVED_BYTES, size)
    const giveBack = await this.#shares.take(key.toHex(), bytes, signal)
    if (this.#isOver) giveBack()
    else this.#giveBack = giveBack
  }

  readonly memoryFor = ({ start, end }: ByteRange): Uint8Array => {
    if (this.#isOver) throw new DstoreError('cancelled', 'the transfer was abandoned')
    this.#file.checkNotRemoved()
    const length = end - start
    if (length === 0) return unzeroed(0)
    const memory = this.#isPooled ? this.#pool.take() : unzeroed(length)
    this.#receiving.push({ memory, end })
    return memory.subarray(0, length)
  }

  async keep({ start, bytes, isWhole, pairs }: VerifiedRun): Promise<void> {
    const [first] = this.#receiving
    const isLast = first !== undefined && (isWhole || start + bytes.byteLength >= first.end)
    // From here on this owns the memory, whose buffer may have been to another thread and back.
    if (isLast) this.#receiving.shift()
    try {
      await this.#file.write(start, bytes, pairs)
    } finally {
      if (isLast && this.#isPooled) {
        this.#pool.give(isWhole ? new Uint8Array(bytes.buffer) : first.memory)
      }
    }
  }

  end(): void {
    this.#isOver = true
    for (const _ of this.#receiving.splice(0)) if (this.#isPooled) this.#pool.discard()
    this.#giveBack?.()
    this.#onEnd()
  }

  /** The pieces of a larger value are segments. */
  get #isPooled(): boolean {
    return this.#file.size >= SEGMENT_BYTES
  }
}
