/** Whether a file is a value that the store has, before a byte of it is written (R005-68). */
import { equal } from '../../bytes.ts'
import { asDstoreError } from '../../errors.ts'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { hashSubtree } from '../../hash/engine/subtree.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { groupCount, pairOffset } from '../../hash/tree/tree.ts'
import { DIGEST_BYTES, GROUP_BYTES, HASH_WINDOW_BYTES } from '../../limits.ts'
import { hashSource } from '../../store/file/file-hasher.ts'
import type { FileSource } from '../../store/file/file-source.ts'
import type { Location, Store } from '../../store/store.ts'
import type { CallOptions } from '../node.ts'

/** Groups of the first window. */
const FIRST_GROUPS = HASH_WINDOW_BYTES / GROUP_BYTES

/** Values whose first chaining value is kept in memory. The oldest go first. */
const REMEMBERED = 65_536

export class KnownFiles {
  readonly #store: Store
  /** By location: the chaining value of the first window. */
  readonly #firsts = new Map<Location, Uint8Array>()

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Hashes a file of known size, of `PARALLEL_COPY_BYTES` or more, if a value of its size begins
   * with the same window; else undefined, at the price of a read of that window. Errors: those of
   * `hashSource`.
   */
  async hashIfLikely(
    file: FileSource,
    { signal, onProgress }: CallOptions,
  ): Promise<Hashed | undefined> {
    const locations = this.#store.ofSize?.(file.size!) ?? []
    if (locations.length === 0) return undefined
    const window = new Uint8Array(HASH_WINDOW_BYTES)
    await file.readInto(window, 0)
    const { cv } = hashSubtree(window, 0, false, GROUP_BYTES, activeEngine())
    for (const location of locations) {
      signal?.throwIfAborted()
      const first = await this.#firstOf(location, file.size!)
      if (first === undefined || !equal(first, cv)) continue
      return hashSource(file, {
        ...(signal && { signal }),
        onProgress: (doneBytes, totalBytes) => {
          onProgress?.({ phase: 'hash', doneBytes, totalBytes })
        },
      })
    }
    return undefined
  }

  /** It is the left half of the parent above the first window and the next one. */
  async #firstOf(location: Location, size: number): Promise<Uint8Array | undefined> {
    const known = this.#firsts.get(location)
    if (known !== undefined) return known
    const start = pairOffset(0, 2 * FIRST_GROUPS, groupCount(size))
    try {
      const range = { start, end: start + DIGEST_BYTES }
      const first = (await this.#store.outboard(location, range)).slice()
      this.#firsts.set(location, first)
      if (this.#firsts.size > REMEMBERED) this.#firsts.delete(this.#firsts.keys().next().value!)
      return first
    } catch (error) {
      // Removed, or damaged: a put of it is a new one.
      if (['removed', 'integrity'].includes(asDstoreError(error).code)) return undefined
      throw error
    }
  }
}
