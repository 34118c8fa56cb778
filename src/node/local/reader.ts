/**
 * Reads values for callers and peers of a Local: from the cache, by a download, or past the cache.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { leaseOver } from '../../index/local/freshness.ts'
import type { Fact } from '../../index/message.ts'
import {
  CALL_TIMEOUT_MS,
  FETCH_RUN_BYTES,
  GROUP_BYTES,
  READ_SHARE_BYTES,
  SHARE_KEPT_BYTES,
} from '../../limits.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import type { Cache } from '../cache/cache.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import { servedFromCache } from '../cache/served-value.ts'
import { metered, type ByteBudgets } from '../calls/byte-budget.ts'
import { notAsDirectory } from '../calls/no-such.ts'
import { resolveRange } from '../calls/range.ts'
import { deadline, type Deadline } from '../../deadline.ts'
import type { CallOptions, GetOptions, ImmediateValue, ReadableValue } from '../node.ts'
import { NoRoom, type Interest } from '../swarm/download.ts'
import type { Fetcher } from '../swarm/fetcher.ts'
import type { Read } from './active-reads.ts'
import type { GlobalLink } from './global-link.ts'
import type { Holdings } from './holdings.ts'
import { Locator } from './locator.ts'

export interface ReadOptions extends GetOptions {
  /** Fail with `NoRoom` instead of reading past the cache. */
  readonly mustKeep?: boolean
}

export interface ReaderOptions {
  readonly link: GlobalLink
  readonly cache: Cache
  readonly holdings: Holdings
  readonly fetcher: Fetcher
  readonly callers: ByteBudgets
}

export class Reader {
  readonly #link: GlobalLink
  readonly #cache: Cache
  readonly #holdings: Holdings
  readonly #fetcher: Fetcher
  readonly #callers: ByteBudgets
  readonly #locator: Locator

  constructor({ link, cache, holdings, fetcher, callers }: ReaderOptions) {
    this.#link = link
    this.#cache = cache
    this.#holdings = holdings
    this.#fetcher = fetcher
    this.#callers = callers
    this.#locator = new Locator(link)
  }

  /** Nothing is evicted, and no room taken, before the first bytes are about to arrive. */
  async get(key: Key, options: ReadOptions = {}): Promise<ReadableValue> {
    const cached = this.#cache.get(key)
    const isKnown = cached !== undefined && (key.kind === 'bytes' || cached.isDirectory)
    if (isKnown && (await this.#mayServe(cached, options))) {
      const range = resolveRange(options.range, cached.size)
      if (cached.held.covers(range) || cached.offered !== undefined) {
        this.#cache.count('hit')
        return this.#readable(key, cached, range, options, false)
      }
    }
    this.#cache.count('miss')
    return this.#locator.locate(key, options, (fact, keep) => {
      if (key.kind === 'directory' && fact.directory === undefined) throw notAsDirectory(key)
      const range = resolveRange(options.range, fact.size)
      const entry = keep ? this.prepare(key, fact, range) : undefined
      if (entry === undefined && options.mustKeep === true) throw new NoRoom(fact.size)
      if (entry === undefined) return this.#passThrough(key, fact, range, options)
      return this.#readable(key, entry, range, options, true)
    })
  }

  /** A small value that is held, and may be served this very moment. */
  getImmediate(word: string): ImmediateValue | undefined {
    const printed = Key.printed(word)
    const key = printed ?? this.#holdings.bound(word)?.key
    const value = key && this.#cache.get(key)
    if (value === undefined || value.isVoid || value.isDropped) return undefined
    if (key!.kind === 'directory' && !value.isDirectory) return undefined
    const bytes = value.size > GROUP_BYTES ? undefined : value.whole
    if (bytes === undefined) return undefined
    const verdict = this.#link.verdict()
    // Away, a name is asked for at Global first (R004-85).
    const isStale = verdict === 'stale' && printed !== undefined
    if (verdict !== 'serve' && !isStale) return undefined
    this.#cache.count('hit')
    return { key: key!, bytes }
  }

  /** Opens a value for another Local under the rules for callers; a removal ends it. */
  async open(digest: Uint8Array): Promise<ServedValue | undefined> {
    const value = this.#cache.get(new Key(digest))
    if (value === undefined || !(await this.#mayServe(value, {}))) return undefined
    if (this.#cache.peek(value.key) !== value) return undefined
    const read = this.#holdings.reads.begin(value)
    const release = value.use()
    const signal = AbortSignal.any([read.signal, value.dropped])
    return servedFromCache(value, signal, (stillReferenced) => {
      read.end()
      release(stillReferenced)
    })
  }

  /** Lists a value that Global confirmed, with the bytes in its answer. */
  prepare(
    key: Key,
    { size, incarnation, value, directory }: Fact,
    range: ByteRange,
  ): CachedValue | undefined {
    const entry = this.#cache.prepare(key, size, incarnation, range, value)
    if (directory !== undefined && entry !== undefined) entry.directoryAt = incarnation
    return entry
  }

  /** May this entry be served without asking Global? Rejects if this node may serve nothing. */
  async #mayServe(cached: CachedValue, { signal }: CallOptions): Promise<boolean> {
    const verdict = await this.#link.checkFreshness(signal)
    if (verdict === 'refused') throw this.#link.status.error ?? noMember()
    if (cached.isVoid || cached.isDropped || verdict === 'ask') return false
    if (verdict === 'expired') throw leaseOver()
    return true
  }

  /** `confirmed`: Global has just confirmed the value. */
  #readable(
    key: Key,
    entry: CachedValue,
    range: ByteRange,
    options: ReadOptions,
    confirmed: boolean,
  ): ReadableValue {
    const bytes = this.#readCached(entry, range, options, confirmed)
    return { key, size: entry.size, range, bytes }
  }

  /** Yields what is held, and the rest as it arrives. */
  async *#readCached(
    entry: CachedValue,
    range: ByteRange,
    options: ReadOptions,
    confirmed: boolean,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    entry.checkNotRemoved()
    // Since the call it may have been evicted, or become stale; during the check, evicted as well.
    const isThere = (): boolean => this.#cache.peek(entry.key) === entry
    const mayServe = isThere() && (confirmed || (await this.#mayServe(entry, options)))
    if (!mayServe || !isThere()) {
      yield* (await this.get(entry.key, { ...options, range })).bytes
      return
    }
    const release = entry.use()
    try {
      const { offered } = entry
      if (offered !== undefined && !this.#cache.claim(entry, { start: 0, end: entry.size })) {
        if (options.mustKeep === true) throw new NoRoom(entry.size)
        yield* once(offered.slice(range.start, range.end))
        return
      }
      // A single view needs neither a wait nor a read that a removal could end.
      const all = options.signal?.aborted === true ? undefined : entry.view(range)
      const isAll = all?.byteLength === range.end - range.start && !this.#link.isLeaseOver()
      if (isAll) yield all
      else yield* this.#readAsReceived(entry, range, options)
    } finally {
      release()
    }
  }

  async *#readAsReceived(
    entry: CachedValue,
    range: ByteRange,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const limit = this.#deadline(options)
    const read = this.#holdings.reads.begin(entry)
    const signal = AbortSignal.any([limit.signal, read.signal])
    let interest: Interest | undefined
    let left: ByteRange | undefined
    try {
      for (let at = range.start; at < range.end;) {
        this.#checkMayRead(read, limit)
        const rest = { start: at, end: range.end }
        const view = entry.view(rest)
        if (view === undefined) {
          interest ??= this.#fetcher.download(entry).join(rest, signal)
          limit.progress()
          const isReceived = await interest.more().then(() => true, this.#unlessNoRoom(options))
          limit.pauseTimer()
          if (!isReceived) {
            left = rest
            break
          }
        } else {
          yield view
          at += view.byteLength
        }
      }
    } finally {
      interest?.leave()
      read.end()
      limit.clear()
    }
    if (left !== undefined) yield* this.#pass(entry.key, entry.size, left, options)
  }

  /** For a failed wait: false where the rest is to be read past the cache. */
  #unlessNoRoom({ mustKeep }: ReadOptions): (error: unknown) => boolean {
    return (error) => {
      if (!(error instanceof NoRoom) || mustKeep === true) throw error
      return false
    }
  }

  /** Throws once a removal, the time limit or the lease ends a read. */
  #checkMayRead(read: Read, limit: Deadline): void {
    read.signal.throwIfAborted()
    limit.signal.throwIfAborted()
    if (this.#link.isLeaseOver()) throw leaseOver()
  }

  /** A value that the cache has no room for: from Global to the caller, at the caller's pace. */
  #passThrough(key: Key, fact: Fact, range: ByteRange, options: CallOptions): ReadableValue {
    const { size, value } = fact
    const bytes =
      value === undefined
        ? this.#pass(key, size, range, options)
        : once(value.subarray(range.start, range.end))
    return { key, size, range, bytes }
  }

  #pass(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const share = Math.min(READ_SHARE_BYTES, 3 * (range.end - range.start))
    const bytes = this.#stream(key, size, range, options)
    return metered(bytes, share, this.#callers.forCall(options), SHARE_KEPT_BYTES)
  }

  /** Runs only while the caller waits for a peer. */
  #deadline({ timeoutMs = CALL_TIMEOUT_MS, signal }: CallOptions): Deadline {
    const { movedAt } = this.#fetcher
    const limit = deadline(timeoutMs, 'nothing more of the value came', signal, movedAt)
    limit.pauseTimer()
    return limit
  }

  async *#stream(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    // Asked again, because time has passed since the call: from now on a removal ends the read.
    const read = await this.#locator.locate(key, options, ({ incarnation }) =>
      this.#holdings.reads.begin({ key, incarnation, isVoid: false }),
    )
    const limit = this.#deadline(options)
    const signal = AbortSignal.any([limit.signal, read.signal])
    try {
      for (let start = range.start; start < range.end; start += FETCH_RUN_BYTES) {
        const run = { start, end: Math.min(range.end, start + FETCH_RUN_BYTES) }
        limit.progress()
        for await (const bytes of this.#fetcher.pass(key, size, run, signal)) {
          limit.pauseTimer()
          this.#checkMayRead(read, limit)
          yield bytes
          limit.progress()
        }
      }
    } finally {
      read.end()
      limit.clear()
    }
  }
}

const noMember = (): DstoreError =>
  new DstoreError('not-permitted', 'this node is not a member of its Global')

async function* once(part: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (part.byteLength > 0) yield part
}
