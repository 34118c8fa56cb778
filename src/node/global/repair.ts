/**
 * Damaged values in the store: quarantined, never served, and replaced by a copy from a Local or by
 * the next put of the same value (specs/005-storage.md, "Rules: damage").
 */
import { equal } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Sealed } from '../../index/global/plan.ts'
import type { KeyRecord } from '../../index/records/record.ts'
import { verifiedBytes, type ValueBytes } from '../../transfer/piece-reader.ts'
import type { Store } from '../../store/store.ts'
import type { Log } from '../../log.ts'
import { threadedChecker } from '../swarm/verify-thread.ts'
import { ingest, recordOf } from './ingest.ts'

/**
 * The bytes of a value from each Local that may hold it: untrusted, and fetched only when they are
 * read.
 */
export type HolderSources = (key: Key, size: number) => readonly AsyncIterable<Uint8Array>[]

/** Where a value is stored. */
type StoredAt = Pick<KeyRecord, 'size' | 'location'>

export interface RepairOptions {
  readonly store: Store
  readonly log: Log
  /** Default: none. */
  readonly holders?: HolderSources
}

export class Repair {
  readonly #options: RepairOptions
  /** Repairs in progress, by key. */
  readonly #healing = new Map<string, Promise<boolean>>()
  #mayBeDamaged = true

  constructor(options: RepairOptions) {
    this.#options = options
    void this.#count()
  }

  /** False only if no value of the store is known to be damaged. */
  get mayBeDamaged(): boolean {
    return this.#mayBeDamaged
  }

  async #count(): Promise<void> {
    const usage = await this.#options.store.usage().catch(() => undefined)
    this.#mayBeDamaged = usage === undefined || usage.damaged > 0
  }

  /**
   * The verified bytes of a range of a stored value. If they are damaged, the repair begins as
   * well.
   */
  async *read(
    digest: Uint8Array,
    record: StoredAt,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    // Pieces that a disk gives are nowhere else: a thread may take over their memory.
    const checker = this.#options.store.kind === 'disk' ? threadedChecker : undefined
    const value = this.bytesOf(record)
    const { end } = range
    for (let { start } = range; ;) {
      const beganMs = performance.now()
      try {
        for await (const bytes of verifiedBytes(value, digest, { start, end }, signal, checker)) {
          start += bytes.byteLength
          yield bytes
        }
        return
      } catch (error) {
        // Where a copy was damaged, the rest comes from elsewhere.
        if (!(await this.#noticed(digest, record, error, beganMs))) throw error
      }
    }
  }

  /** Runs work that verifies a value, again if it found a damaged copy; or starts a repair. */
  async watch<T>(digest: Uint8Array, record: KeyRecord, work: () => Promise<T>): Promise<T> {
    for (;;) {
      const beganMs = performance.now()
      try {
        return await work()
      } catch (error) {
        if (!(await this.#noticed(digest, record, error, beganMs))) throw error
      }
    }
  }

  /** True if it is worth while to read again. */
  async #noticed(
    digest: Uint8Array,
    record: StoredAt,
    error: unknown,
    beganMs: number,
  ): Promise<boolean> {
    if (!isDamage(error)) return false
    return this.damaged(digest, record, asDstoreError(error).message, beganMs)
  }

  /** The stored bytes of a value, not verified. */
  bytesOf({ size, location }: StoredAt): ValueBytes {
    const { store } = this.#options
    return {
      size,
      read: (range, signal) => store.read(location, range, signal),
      outboard: (range) => store.outboard(location, range),
    }
  }

  /**
   * Quarantines a stored value that a reader, which began at this time, found damaged; logs that,
   * and begins to repair it. True if only a copy on the disk of this node was damaged: it is gone,
   * and another read takes the bytes from the archive.
   */
  async damaged(
    digest: Uint8Array,
    { location }: Pick<KeyRecord, 'location'>,
    reason: string,
    beganMs: number = performance.now(),
  ): Promise<boolean> {
    const { store, log } = this.#options
    const key = new Key(digest).toString()
    if (await store.dropCopy?.(location, beganMs)) {
      log.warn('a copy of a value on this disk was damaged and is fetched again', {
        key,
        location,
        reason,
      })
      return true
    }
    if (!(await store.isDamaged(location))) {
      await store.quarantine(location)
      this.#mayBeDamaged = true
      log.error('a value is damaged and was set aside', { key, location, reason })
    }
    void this.heal(digest)
    return false
  }

  /** Fetches a damaged value from a Local. True if it is whole now. Never rejects. */
  heal(digest: Uint8Array): Promise<boolean> {
    const key = new Key(digest)
    const text = key.toString()
    let healing = this.#healing.get(text)
    if (healing === undefined) {
      healing = this.#fetch(key)
        .catch((error: unknown) => {
          const { message } = asDstoreError(error)
          this.#options.log.warn('a damaged value could not be fetched', { key: text, message })
          return false
        })
        .finally(() => this.#healing.delete(text))
      this.#healing.set(text, healing)
    }
    return healing
  }

  /** Replaces the damaged copy of a value, if there is one, by this sealed one. */
  async mend({ digest, size, location }: Sealed): Promise<void> {
    const { store, log } = this.#options
    const record = await this.#record(digest)
    if (record === undefined || !(await store.isDamaged(record.location))) return
    try {
      await store.replace(record.location, location)
    } catch (error) {
      // The value was removed or mended meanwhile: this put is an ordinary one.
      if (error instanceof RangeError) return
      throw error
    }
    log.info('a damaged value is whole again', { key: new Key(digest).toString(), size })
    await this.#count()
  }

  async #fetch(key: Key): Promise<boolean> {
    const { store, holders, log } = this.#options
    const record = await this.#record(key.digest)
    if (record === undefined || !(await store.isDamaged(record.location))) return true
    const { size } = record
    for (const bytes of holders?.(key, size) ?? []) {
      try {
        await this.#take(key, size, bytes)
        const whole = await this.#record(key.digest)
        return whole === undefined || !(await store.isDamaged(whole.location))
      } catch (error) {
        const { message } = asDstoreError(error)
        log.debug('a Local could not give a damaged value', { key: key.toString(), message })
      }
    }
    return false
  }

  async #take(key: Key, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { store } = this.#options
    const value = await ingest(store, bytes, size)
    if ('refusal' in value) throw value.refusal
    try {
      if (!equal(value.digest, key.digest)) throw new DstoreError('integrity', 'a Local lied')
      await this.mend(value)
    } finally {
      // A no-op once the value is taken.
      await value.staging.discard()
    }
  }

  #record(digest: Uint8Array): Promise<KeyRecord | undefined> {
    return recordOf(this.#options.store, digest)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof DstoreError && error.code === 'integrity'
}
