/**
 * The children of stored directories, a batch at a time, for Global's index (specs/004-index.md,
 * R004-94). A wide directory is decoded once for many batches.
 */
import { equal, gather, toHex } from '../../../bytes.ts'
import { DistinctChildren, type Children } from '../../../directory/children.ts'
import { decodeDirectory } from '../../../directory/reader.ts'
import { DstoreError } from '../../../errors.ts'
import { hash } from '../../../hash/hasher.ts'
import type { Sealed } from '../../../index/global/plan.ts'
import { DIRECTORY_BYTES } from '../../../limits.ts'
import type { Store } from '../../../store/store.ts'
import type { Repair } from '../repair.ts'

/** Children in memory, of all directories that were read last: about 60 bytes each. */
const KEPT_CHILDREN = 262_144

/** Directories of at most this size are read side by side, all others one by one. */
const SMALL_BYTES = 65_536

export class DirectoryReader {
  readonly #store: Store
  readonly #repair: Pick<Repair, 'damaged' | 'heal'>
  /** By digest in hex, the one that was used last at the end. */
  readonly #decoded = new Map<string, DistinctChildren>()
  #keptChildren = 0
  /** The end of the queue of large directories. */
  #large: Promise<unknown> = Promise.resolve()

  constructor(store: Store, repair: Pick<Repair, 'damaged' | 'heal'>) {
    this.#store = store
    this.#repair = repair
  }

  /**
   * Distinct children from one on, at most `limit`. Errors: `integrity` for a value that is damaged
   * or no directory, `too-large` beyond `DIRECTORY_BYTES`.
   */
  async read(directory: Sealed, from: number, limit: number): Promise<Children> {
    return (await this.#get(directory)).slice(from, limit)
  }

  async #get(directory: Sealed): Promise<DistinctChildren> {
    const id = toHex(directory.digest)
    const known = this.#decoded.get(id)
    if (known !== undefined) {
      this.#decoded.delete(id)
      this.#decoded.set(id, known)
      return known
    }
    if (directory.size > DIRECTORY_BYTES) {
      throw new DstoreError('too-large', `a directory has at most ${DIRECTORY_BYTES} bytes`)
    }
    if (directory.size <= SMALL_BYTES) return this.#decode(directory, id)
    const decoded = this.#large.then(async () => {
      return this.#decoded.get(id) ?? (await this.#decode(directory, id))
    })
    this.#large = decoded.catch(() => undefined)
    return decoded
  }

  async #decode(directory: Sealed, id: string): Promise<DistinctChildren> {
    const decoded = new DistinctChildren(decodeDirectory(await this.#bytes(directory)))
    this.#decoded.set(id, decoded)
    this.#keptChildren += decoded.count
    for (const [oldest, { count }] of this.#decoded) {
      if (this.#keptChildren <= KEPT_CHILDREN || oldest === id) break
      this.#decoded.delete(oldest)
      this.#keptChildren -= count
    }
    return decoded
  }

  /** Its bytes, verified; damaged ones are fetched from a Local that holds them. */
  async #bytes(directory: Sealed): Promise<Uint8Array> {
    try {
      return await this.#verified(directory)
    } catch (error) {
      const isHealed = isDamage(error) && (await this.#repair.heal(directory.digest))
      if (!isHealed) throw error
      return this.#verified(directory)
    }
  }

  async #verified(directory: Sealed): Promise<Uint8Array> {
    const { digest, location, size } = directory
    const beganMs = performance.now()
    const bytes = await gather(this.#store.read(location, { start: 0, end: size }))
    // Memory does not decay: this process verified what it stored there.
    if (this.#store.kind === 'memory' || equal(hash(bytes).digest, digest)) return bytes
    const reason = 'its bytes are not what its key says'
    await this.#repair.damaged(digest, directory, reason, beganMs)
    throw new DstoreError('integrity', 'the directory is damaged')
  }
}

const isDamage = (error: unknown): boolean =>
  error instanceof DstoreError && error.code === 'integrity'
