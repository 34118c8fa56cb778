/**
 * What Global's index wants done with its store (specs/004-index.md, "Global"): values read and sealed, transactions
 * committed, pages listed. No decision is taken here.
 */
import { asDstoreError } from '../../errors.ts'
import type { GlobalEffect } from '../../index/global/global-events.ts'
import type { Body } from '../../index/message.ts'
import type { Inline, Sealed } from '../../index/global/request-plans.ts'
import { decodeChange, type Change } from '../../index/records/record.ts'
import type { CommitResult, Location, Staging, Store, Transaction } from '../../store/store.ts'
import type { WatchLog } from './watch-log.ts'
import { inlineValues } from '../inline-values.ts'
import type { Log } from '../../log.ts'
import { listKeys, listNames } from './listing.ts'
import type { Repair } from './repair.ts'
import { sealSmall } from './ingest.ts'

export interface IndexIoOptions {
  readonly store: Store
  readonly log: Log
  readonly repair: Repair
  readonly changes: WatchLog
}

export class IndexIo {
  readonly #options: IndexIoOptions
  /** Sealed values that the index has not decided about. */
  readonly #sealed = new Map<Location, Staging>()

  constructor(options: IndexIoOptions) {
    this.#options = options
  }

  /** A value was sealed elsewhere: it waits for the index, too. */
  hold(location: Location, staging: Staging): void {
    this.#sealed.set(location, staging)
  }

  page(body: (GlobalEffect & { type: 'page' })['body']): Promise<Body> {
    const { store, changes } = this.#options
    if (body.type === 'list') return listKeys(store, body)
    return body.type === 'names' ? listNames(store, body) : changes.read(body)
  }

  /** Changes after `after`, at most `limit`, out of the log. */
  async replay(after: number, limit: number): Promise<{ seq: number; change: Change }[]> {
    const entries = await this.#options.store.log(after, limit)
    return entries.map(({ seq, entry }) => ({ seq, change: decodeChange(entry).change }))
  }

  /** The small values among these that go with an answer. */
  load(values: readonly (Inline | undefined)[]): Promise<(Uint8Array | undefined)[]> {
    const { store, repair } = this.#options
    return inlineValues(store, repair, values)
  }

  async stage(values: readonly Uint8Array[]): Promise<Sealed[]> {
    const sealed: Sealed[] = []
    try {
      for (const value of values) {
        const { staging, ...one } = await sealSmall(this.#options.store, value)
        this.hold(one.location, staging)
        sealed.push(one)
        await this.#options.repair.mend(one)
      }
      return sealed
    } catch (error) {
      for (const { location } of sealed) await this.discard(location)
      throw error
    }
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    const result = await this.#options.store.commit(transaction)
    if (result.ok) for (const location of transaction.adopt ?? []) this.#sealed.delete(location)
    return result
  }

  async discard(location: Location): Promise<void> {
    const staging = this.#sealed.get(location)
    this.#sealed.delete(location)
    await staging?.discard().catch((error: unknown) => {
      const { message } = asDstoreError(error)
      this.#options.log.warn('a value that was not needed could not be freed', { error: message })
    })
  }
}
