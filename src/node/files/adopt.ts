/** Moves whole values from memory into files, and gives their memory back as it goes. */
import { untilAborted } from '../../deadline.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../limits.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import type { CachedFile } from './cached-file.ts'
import type { FileValue } from './file-tier.ts'

type Move = Promise<FileValue | undefined>

/** The moves that are under way. */
export class Adoptions {
  readonly #moves = new Map<CachedValue, Move>()

  /** Callers of the same value share one move. */
  run(from: CachedValue, move: () => Move): Move {
    const before = this.#moves.get(from)
    if (before !== undefined) return before
    const moving = move().finally(() => this.#moves.delete(from))
    this.#moves.set(from, moving)
    return moving
  }

  /** Resolves when no move of this value is under way, however it ended. */
  async ended(key: Key, signal?: AbortSignal): Promise<void> {
    for (const [from, move] of this.#moves) {
      if (!from.key.equals(key)) continue
      const end = move.then(
        () => undefined,
        () => undefined,
      )
      await (signal === undefined ? end : untilAborted(end, signal))
    }
  }
}

/** All of it must be in memory, and in use by the caller. */
export async function copyFromMemory(from: CachedValue, to: CachedFile): Promise<void> {
  const { size, outboard } = from
  let pairs = [{ outboardOffset: 0, bytes: outboard }]
  let start = 0
  do {
    const range: ByteRange = { start, end: Math.min(size, start + SEGMENT_BYTES) }
    const bytes = size === 0 ? new Uint8Array(0) : from.view(range)
    if (bytes === undefined) throw new TypeError('the value is not in memory')
    await to.write(start, bytes, pairs)
    pairs = []
    from.returnSegment(Math.floor(start / SEGMENT_BYTES))
    start = range.end
  } while (start < size)
}
