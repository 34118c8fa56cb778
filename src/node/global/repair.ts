/**
 * Values that the store no longer has as they were: noticed, set aside, never served again, and stored anew from a
 * Local that holds them or by the next put of the same value (specs/005-storage.md, "Rules: damage").
 */
import { equal } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { Sealed } from '../../index/global/request-plans.ts'
import { decodeKey, keyRow, type KeyRecord } from '../../index/records/record.ts'
import { verifiedBytes, type ValueBytes } from '../../transfer/piece-reader.ts'
import type { Store } from '../../store/store.ts'
import type { Log } from '../../log.ts'
import { ingest } from './ingest.ts'

/** The bytes of a value, from each of those who may hold it: not to be trusted, and fetched when they are asked for. */
export type HolderSources = (key: Key, size: number) => readonly AsyncIterable<Uint8Array>[]

export interface RepairOptions {
  readonly store: Store
  readonly log: Log
  /** Nobody where undefined. */
  readonly holders?: HolderSources
}

export class Repair {
  readonly #options: RepairOptions
  /** Values that are being fetched from a holder, by key. */
  readonly #healing = new Map<string, Promise<boolean>>()

  constructor(options: RepairOptions) {
    this.#options = options
  }

  /** The verified bytes of a range of a stored value. Where they are not the value's, that is seen to as well. */
  async *read(
    digest: Uint8Array,
    record: KeyRecord,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* verifiedBytes(this.bytesOf(record), digest, range, signal)
    } catch (error) {
      if (isDamage(error)) await this.damaged(digest, record, asDstoreError(error).message)
      throw error
    }
  }

  /** A stored value as it lies there, not verified. */
  bytesOf({ size, location }: KeyRecord): ValueBytes {
    const { store } = this.#options
    return {
      size,
      read: (range, signal) => store.read(location, range, signal),
      outboard: (range) => store.outboard(location, range),
    }
  }

  /** Was the stored value found to be damaged? False where there is none. */
  async isDamaged(digest: Uint8Array): Promise<boolean> {
    const record = await this.#record(digest)
    return record !== undefined && (await this.#options.store.isDamaged(record.location))
  }

  /** The stored value is not what it was: set it aside, say so, and begin to heal it. */
  async damaged(
    digest: Uint8Array,
    { location }: Pick<KeyRecord, 'location'>,
    reason: string,
  ): Promise<void> {
    const { store, log } = this.#options
    const key = new Key(digest).toString()
    if (!(await store.isDamaged(location))) {
      await store.quarantine(location)
      log.error('a value is damaged and was set aside', { key, location, reason })
    }
    void this.heal(digest)
  }

  /** Fetch a damaged value again from somebody who holds it. Is it whole now? Never rejects. */
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

  /** A value that was verified and sealed takes the place of its damaged copy, if it has one. */
  async mend({ digest, size, location }: Sealed): Promise<void> {
    const { store, log } = this.#options
    const record = await this.#record(digest)
    if (record === undefined || !(await store.isDamaged(record.location))) return
    try {
      await store.replace(record.location, location)
    } catch (error) {
      // Removed meanwhile, or mended by another put: then this one goes its usual way.
      if (error instanceof RangeError) return
      throw error
    }
    log.info('a damaged value is whole again', { key: new Key(digest).toString(), size })
  }

  async #fetch(key: Key): Promise<boolean> {
    const { store, holders = nobody, log } = this.#options
    const record = await this.#record(key.digest)
    if (record === undefined || !(await store.isDamaged(record.location))) return true
    const { size } = record
    for (const bytes of holders(key, size)) {
      try {
        await this.#take(key, size, bytes)
        return !(await this.isDamaged(key.digest))
      } catch (error) {
        const { message } = asDstoreError(error)
        log.debug('a Local could not give a damaged value', { key: key.toString(), message })
      }
    }
    return false
  }

  async #take(key: Key, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { store } = this.#options
    const value = await ingest(store, bytes, { size, signal: undefined, onBytes: () => undefined })
    try {
      if (!equal(value.digest, key.digest)) throw new DstoreError('integrity', 'a Local lied')
      await this.mend(value)
    } finally {
      // Does nothing where it was taken.
      await value.staging.discard()
    }
  }

  async #record(digest: Uint8Array): Promise<KeyRecord | undefined> {
    const [row] = await this.#options.store.rows([keyRow(digest)])
    return row === undefined ? undefined : decodeKey(row)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof DstoreError && error.code === 'integrity'
}

const nobody: HolderSources = () => []
