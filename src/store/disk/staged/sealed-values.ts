/** Values that are sealed, and that no transaction has adopted yet. */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { Database, StoredValue } from '../records/database.ts'
import type { GroupCommit } from '../records/group-commit.ts'
import type { ValueReaders } from '../value-reader.ts'

export interface SealedParts {
  readonly commits: GroupCommit
  readonly database: Database
  readonly readers: ValueReaders
  /** Deletes the files of a value. */
  readonly remove: (value: StoredValue) => Promise<void>
}

export class SealedValues {
  readonly #parts: SealedParts
  readonly #values = new Map<Location, StoredValue>()

  constructor(parts: SealedParts) {
    this.#parts = parts
  }

  get all(): ReadonlyMap<Location, StoredValue> {
    return this.#values
  }

  add(location: Location, value: StoredValue): void {
    this.#values.set(location, value)
  }

  get(location: Location): StoredValue | undefined {
    return this.#values.get(location)
  }

  /** It was adopted, or may have been. Returns its size. */
  delete(location: Location): number {
    const size = this.#values.get(location)?.size ?? 0
    this.#values.delete(location)
    return size
  }

  /**
   * Discards a value, unless a transaction adopts it: a commit in progress decides first. Returns
   * the bytes that are free again; undefined if it was adopted.
   */
  async discard(location: Location): Promise<number | undefined> {
    const { commits, database, readers, remove } = this.#parts
    while (commits.isClaimed(location)) await commits.settled()
    const value = this.#values.get(location)
    this.#values.delete(location)
    // A commit that reported a failure may still have adopted it: the database knows.
    if (value === undefined || database.value(location) !== undefined) return undefined
    await readers.end(location, new DstoreError('removed', 'the value was discarded'))
    await remove(value)
    return value.size
  }

  async discardAll(): Promise<void> {
    await Promise.all([...this.#values.keys()].map((location) => this.discard(location)))
  }
}
