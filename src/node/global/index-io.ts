/**
 * Reads, writes and pages of Global's store for its index (specs/004-index.md). It takes no
 * decisions.
 */
import { bytesIn, equal, gather } from '../../bytes.ts'
import { asDstoreError } from '../../errors.ts'
import { isDigestName } from '../../hash/foreign-digest.ts'
import { checkingName, hasherFor } from '../../hash/foreign-hasher.ts'
import { hash } from '../../hash/hasher.ts'
import type { GlobalEffect } from '../../index/global/global-events.ts'
import type { DigestCheck, Sealed, StoreResult, StoreWork } from '../../index/global/plan.ts'
import { namedOf } from '../../index/lists/name-page.ts'
import type { Body, List, Listed } from '../../index/message.ts'
import { type KeyPage, digestAt, keyPageOf } from '../../index/records/list-pages.ts'
import { decodeChange, type Change } from '../../index/records/change-record.ts'
import { keyRow } from '../../index/records/record.ts'
import { INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Location, Staging, Store, Transaction } from '../../store/store.ts'
import { namesOf } from './lists/list-names.ts'
import { contentsOf } from './lists/store-contents.ts'
import type { Repair } from './repair.ts'
import { DirectoryReader } from './trees/directory-reader.ts'
import type { WatchLog } from './watch-log.ts'

export interface IndexIoOptions {
  readonly store: Store
  readonly log: Log
  readonly repair: Repair
  readonly changes: WatchLog
  /** The store has released these values, and the change is not acknowledged yet. */
  readonly onReleased?: (locations: readonly Location[]) => void
  /** Wall clock, in milliseconds. */
  readonly wall: () => number
}

export class IndexIo {
  readonly #options: IndexIoOptions
  readonly #directories: DirectoryReader
  /** Sealed values that the index has not adopted or discarded yet. */
  readonly #sealed = new Map<Location, Staging>()

  constructor(options: IndexIoOptions) {
    this.#options = options
    this.#directories = new DirectoryReader(options.store, options.repair)
  }

  /** Takes charge of a sealed value until the index adopts or discards it. */
  hold(location: Location, staging: Staging): void {
    this.#sealed.set(location, staging)
  }

  /** Does work for the index. */
  async do(work: StoreWork): Promise<StoreResult> {
    const { store } = this.#options
    switch (work.type) {
      case 'read':
        return { type: 'rows', rows: await store.rows(work.keys) }
      case 'scan': {
        const { table, prefix, after, limit } = work
        const rows = await store.scan(table, { prefix, limit, ...(after && { after }) })
        return { type: 'rows', rows }
      }
      case 'children': {
        const { directory, from, limit } = work
        return { type: 'children', children: await this.#directories.read(directory, from, limit) }
      }
      case 'load':
        return { type: 'loaded', values: await this.#load(work.values) }
      case 'inspect': {
        const { digest, location } = work
        const isDamaged = location !== undefined && (await store.isDamaged(location))
        if (location !== undefined && !isDamaged) await store.confirm()
        const keptBytes = await store.partialBytes(digest)
        return { type: 'inspected', facts: { isDamaged, keptBytes } }
      }
      case 'log': {
        const some = await store.log(work.after, work.limit)
        const entries = some.map(({ seq, entry }) => ({ seq, ...decodeChange(entry) }))
        return { type: 'entries', entries }
      }
      case 'verify-digest':
        await this.#verifyDigest(work)
        return { type: 'rows', rows: [] }
      case 'confirm':
        await store.confirm()
        return { type: 'confirmed' }
      case 'stage':
        return { type: 'sealed', values: await this.#stage(work) }
      case 'commit': {
        const result = await store.commit(work.transaction)
        if (!result.ok) return { type: 'conflicted' }
        this.#committed(work.transaction)
        if (work.isArchived === true) await store.archived?.()
        return { type: 'committed', seq: result.seq }
      }
      case 'commit-all': {
        const results = await store.commitAll(work.transactions)
        work.transactions.forEach((one, i) => {
          if (results[i]!.ok) this.#committed(one)
        })
        return { type: 'committed-all', seqs: results.map((one) => (one.ok ? one.seq : undefined)) }
      }
    }
  }

  #committed({ adopt = [], release = [] }: Transaction): void {
    for (const location of adopt) this.#sealed.delete(location)
    if (release.length > 0) this.#options.onReleased?.(release)
  }

  async #verifyDigest({ name, value, isStored }: DigestCheck): Promise<void> {
    const { store, repair } = this.#options
    const { digest, size, location } = value
    const range = { start: 0, end: size }
    const bytes = isStored
      ? repair.read(digest, { size, location }, range)
      : store.read(location, range)
    for await (const _ of checkingName(name, bytes));
  }

  async page(body: (GlobalEffect & { type: 'page' })['body']): Promise<Body> {
    const { store, changes } = this.#options
    switch (body.type) {
      case 'list':
        return listKeys(store, body)
      case 'names':
        return namedOf(await namesOf(store, body, this.#options.wall()))
      case 'contents':
        return contentsOf(store, body)
      case 'watch':
        return changes.read(body)
    }
  }

  /** At most `limit` changes after `after`, out of the log. */
  async replay(after: number, limit: number): Promise<{ seq: number; change: Change }[]> {
    const entries = await this.#options.store.log(after, limit)
    return entries.map(({ seq, entry }) => ({ seq, change: decodeChange(entry).change }))
  }

  /**
   * The small values among these, as many as fit into one answer. One that is unreadable or damaged
   * is left out: the Local fetches it instead, and learns why it cannot.
   */
  async #load(values: readonly (Sealed | undefined)[]): Promise<(Uint8Array | undefined)[]> {
    let left = INLINE_ANSWER_BYTES
    return Promise.all(
      values.map(async (value) => {
        if (value === undefined || value.size > INLINE_VALUE_BYTES || value.size > left) return
        left -= value.size
        return this.#readVerified(value)
      }),
    )
  }

  async #readVerified(value: Sealed): Promise<Uint8Array | undefined> {
    const { store, repair } = this.#options
    const { digest, location, size } = value
    const bytes = await gather(store.read(location, { start: 0, end: size })).catch(() => undefined)
    // Memory does not decay: this process verified what it stored there.
    if (bytes === undefined || store.kind === 'memory') return bytes
    if (equal(hash(bytes).digest, digest)) return bytes
    await repair.damaged(digest, value, 'its bytes are not what its key says')
    return undefined
  }

  async #stage(work: StoreWork & { type: 'stage' }, storedBytes?: number): Promise<Sealed[]> {
    const { store, repair } = this.#options
    const { values, names } = work
    // In one turn: the callers of the node may change their arrays in the next.
    const digests = values.map((value) => hash(value).digest)
    const verified = values.map((value, i) => verifiedAs(value, names?.[i]))
    let locations: readonly Location[]
    try {
      locations = await store.sealSmall(values, storedBytes)
    } catch (error) {
      if (storedBytes !== undefined || asDstoreError(error).code !== 'no-space') throw error
      // Values that exist need no room (R007-457).
      const rows = await store.rows(digests.map(keyRow))
      const stored = values.filter((_, i) => rows[i] !== undefined)
      if (stored.length === 0) throw error
      return this.#stage(work, bytesIn(stored))
    }
    const sealed = locations.map((location, i) => {
      return { digest: digests[i]!, size: values[i]!.byteLength, location, ...verified[i] }
    })
    try {
      const { damaged } = await store.usage()
      if (damaged > 0) for (const one of sealed) await repair.mend(one)
      return sealed
    } catch (error) {
      for (const { location } of sealed) await this.discard(location)
      throw error
    }
  }

  async discard(location: Location): Promise<void> {
    const staging = this.#sealed.get(location)
    this.#sealed.delete(location)
    const done = staging === undefined ? this.#options.store.discard(location) : staging.discard()
    await done.catch((error: unknown) => {
      const { message } = asDstoreError(error)
      this.#options.log.warn('a value that was not needed could not be freed', { error: message })
    })
  }
}

/** Has a value the digest that its name spells? Where it has not, the plan finds that out. */
function verifiedAs(value: Uint8Array, name: string | undefined): Pick<Sealed, 'verifiedAs'> {
  if (name === undefined || !isDigestName(name)) return {}
  const hasher = hasherFor(name)
  hasher?.update(value)
  return hasher?.matches() === true ? { verifiedAs: name } : {}
}

async function listKeys(store: Store, list: List): Promise<Listed> {
  const { count, digests, sizes, directories, more } = await keysOf(store, list)
  const items = Array.from({ length: count }, (_, i) => ({
    digest: digestAt(digests, i),
    size: sizes[i]!,
    ...(directories[i] === 1 && { directory: true }),
  }))
  return { type: 'listed', items, more }
}

/** A page of the keys that exist. */
export async function keysOf(
  store: Store,
  { after, limit }: Pick<List, 'after' | 'limit'>,
): Promise<KeyPage> {
  return keyPageOf(await store.page('keys', { ...(after && { after }), limit }))
}
