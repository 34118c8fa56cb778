/**
 * Reads values for callers and peers of a Local: from the cache, by a download, or past the cache.
 */
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { leaseOver } from '../../index/local/freshness.ts'
import type { Fact } from '../../index/message.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../limits.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import { CachedValue } from '../cache/cached-value.ts'
import type { HeldValue } from '../cache/held-value.ts'
import type { Transfers } from '../activity/transfers.ts'
import type { ByteBudgets } from '../calls/byte-budget.ts'
import { notAsDirectory } from '../calls/no-such.ts'
import { resolveRange } from '../calls/range.ts'
import type { CallOptions, CopyTarget, GetOptions, ImmediateValue, ReadableValue } from '../node.ts'
import type { FileValue } from '../files/file-tier.ts'
import { NoRoom, type Interest } from '../swarm/download.ts'
import type { Fetcher } from '../swarm/fetcher.ts'
import { FileDamaged, FileReads, isInFile, servedToPeer } from '../tiers/file-reads.ts'
import type { Tiers } from '../tiers/tiers.ts'
import type { GlobalLink } from './global-link.ts'
import type { Holdings } from './holdings.ts'
import { Locator } from './reads/locator.ts'
import { PastCache, once } from './reads/past-cache.ts'
import { ReadLimits, noMember } from './reads/read-limits.ts'
import { WholeFiles, type HeldFile, type WholeFilesOptions } from './reads/whole-files.ts'

export interface ReadOptions extends GetOptions {
  /** Fail with `NoRoom` instead of reading past the cache. */
  readonly mustKeep?: boolean
  /** A file of the cache was damaged during this read: after another one, read past the cache. */
  readonly wasDamaged?: boolean
}

export interface ReaderOptions {
  readonly link: GlobalLink
  readonly tiers: Tiers
  readonly holdings: Holdings
  readonly fetcher: Fetcher
  readonly callers: ByteBudgets
  readonly moving: Transfers
}

export class Reader {
  readonly #link: GlobalLink
  readonly #tiers: Tiers
  readonly #files: FileReads
  readonly #holdings: Holdings
  readonly #fetcher: Fetcher
  readonly #locator: Locator
  readonly #limits: ReadLimits
  readonly #past: PastCache
  readonly #whole: WholeFiles

  constructor(options: ReaderOptions) {
    const { link, tiers, holdings, fetcher, callers } = options
    this.#link = link
    this.#tiers = tiers
    this.#files = new FileReads({
      callers,
      damaged: (value, fault) => tiers.damaged(value, fault),
    })
    this.#holdings = holdings
    this.#fetcher = fetcher
    this.#locator = new Locator(link)
    this.#limits = new ReadLimits(link, fetcher.movedAt)
    const parts = { ...options, locator: this.#locator, limits: this.#limits }
    this.#past = new PastCache(parts)
    const mayServe: WholeFilesOptions['mayServe'] = (entry, asked) => this.#mayServe(entry, asked)
    this.#whole = new WholeFiles({ ...parts, mayServe })
  }

  /** Nothing is evicted, and no room taken, before the first bytes are about to arrive. */
  async get(key: Key, options: ReadOptions = {}): Promise<ReadableValue> {
    const cached = this.#tiers.get(key)
    const isKnown = cached !== undefined && (key.kind === 'bytes' || cached.isDirectory)
    const mayServe = isKnown && (await this.#mayServe(cached, options))
    if (mayServe && (await this.#tiers.isVerified(cached, options.signal))) {
      const range = resolveRange(options.range, cached.size)
      if (cached.held.covers(range) || offeredIn(cached) !== undefined) {
        this.#tiers.count('hit')
        return this.#readable(key, cached, range, options, false)
      }
    }
    this.#tiers.count('miss')
    return this.#locator.locate(key, options, (fact, keep) => {
      if (key.kind === 'directory' && fact.directory === undefined) throw notAsDirectory(key)
      const range = resolveRange(options.range, fact.size)
      const entry = keep ? this.prepare(key, fact, range) : undefined
      if (entry === undefined && options.mustKeep === true) throw new NoRoom(fact.size)
      if (entry === undefined) return this.#past.readable(key, fact, range, options)
      return this.#readable(key, entry, range, options, true)
    })
  }

  /** The file of a value, fetched if need be: see `WholeFiles`. */
  holdFile(key: Key, options: CallOptions = {}): Promise<HeldFile> {
    return this.#whole.hold(key, options)
  }

  /** A small value that is held, and may be served this very moment. */
  getImmediate(word: string): ImmediateValue | undefined {
    const printed = Key.printed(word)
    const key = printed ?? this.#holdings.bound(word)?.key
    const value = key && this.#tiers.get(key)
    if (!(value instanceof CachedValue) || value.isVoid || value.isDropped) return undefined
    if (key!.kind === 'directory' && !value.isDirectory) return undefined
    const bytes = value.size > GROUP_BYTES ? undefined : value.whole
    if (bytes === undefined) return undefined
    const verdict = this.#link.verdict()
    // Away, a name is asked for at Global first (R004-85).
    const isStale = verdict === 'stale' && printed !== undefined
    if (verdict !== 'serve' && !isStale) return undefined
    this.#tiers.count('hit')
    return { key: key!, bytes }
  }

  /** Opens a value for another Local under the rules for callers; a removal ends it. */
  async open(digest: Uint8Array): Promise<ServedValue | undefined> {
    const value = this.#tiers.get(new Key(digest))
    if (value === undefined || !(await this.#mayServe(value, {}))) return undefined
    if (!this.#tiers.lists(value) || !this.#isReady(value)) return undefined
    const read = this.#holdings.reads.begin(value)
    const release = value.use()
    const signal = AbortSignal.any([read.signal, value.dropped])
    const end = (stillReferenced: boolean): void => {
      read.end()
      release(stillReferenced)
    }
    const served = value.served(signal, end)
    return isInFile(value) ? servedToPeer(served) : served
  }

  /** A peer does not wait while the file of an earlier run is verified: it asks another. */
  #isReady(value: HeldValue): boolean {
    if (!isInFile(value) || !value.isUnchecked) return true
    // It fails where the file is damaged, and then it is evicted.
    void this.#tiers.isVerified(value).catch(() => undefined)
    return false
  }

  /** Lists a value that Global confirmed, with the bytes in its answer. */
  prepare(
    key: Key,
    { size, incarnation, value, directory }: Fact,
    range: ByteRange,
  ): HeldValue | undefined {
    const entry = this.#tiers.prepare({ key, size, incarnation, range, offered: value })
    if (directory !== undefined && entry !== undefined) entry.directoryAt = incarnation
    return entry
  }

  /** May this entry be served without asking Global? Rejects if this node may serve nothing. */
  async #mayServe(cached: HeldValue, { signal }: CallOptions): Promise<boolean> {
    const verdict = await this.#link.checkFreshness(signal)
    if (verdict === 'refused') throw this.#link.status.error ?? noMember()
    if (cached.isVoid || cached.isDropped || verdict === 'ask') return false
    if (verdict === 'expired') throw leaseOver()
    return true
  }

  /** `confirmed`: Global has just confirmed the value. */
  #readable(
    key: Key,
    entry: HeldValue,
    range: ByteRange,
    options: ReadOptions,
    confirmed: boolean,
  ): ReadableValue {
    const { size } = entry
    this.#tiers.reading(entry)
    const bytes = this.#readCached(entry, range, options, confirmed)
    const isCopied = isInFile(entry) && entry.isWhole && range.end - range.start >= PIECE_BYTES
    if (!isCopied) return { key, size, range, bytes }
    const copyTo = (target: CopyTarget): Promise<boolean> =>
      this.#copy(entry, range, target, options, confirmed)
    return { key, size, range, bytes, copyTo }
  }

  /** Since the call an entry may have been evicted, or become stale; during the check, evicted. */
  async #mayStillServe(
    entry: HeldValue,
    options: ReadOptions,
    confirmed: boolean,
  ): Promise<boolean> {
    const mayServe =
      this.#tiers.lists(entry) && (confirmed || (await this.#mayServe(entry, options)))
    return mayServe && (await this.#tiers.isVerified(entry, options.signal))
  }

  /** Yields what is held, and the rest as it arrives. */
  async *#readCached(
    entry: HeldValue,
    range: ByteRange,
    options: ReadOptions,
    confirmed: boolean,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    entry.checkNotRemoved()
    if (!(await this.#mayStillServe(entry, options, confirmed))) {
      yield* (await this.get(entry.key, { ...options, range })).bytes
      return
    }
    const release = entry.use()
    try {
      const offered = offeredIn(entry)
      if (offered !== undefined && !this.#tiers.claim(entry, { start: 0, end: entry.size })) {
        if (options.mustKeep === true) throw new NoRoom(entry.size)
        yield* once(offered.slice(range.start, range.end))
        return
      }
      // A single view needs neither a wait nor a read that a removal could end.
      const isAborted = options.signal?.aborted === true
      const all = isInFile(entry) || isAborted ? undefined : viewOf(entry, range)
      const isAll = all?.byteLength === range.end - range.start && !this.#link.isLeaseOver()
      if (isAll) yield all
      else yield* this.#readAsReceived(entry, range, options)
    } finally {
      release()
    }
  }

  async *#readAsReceived(
    entry: HeldValue,
    range: ByteRange,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const limit = this.#limits.deadline(options)
    const read = this.#holdings.reads.begin(entry)
    const signal = AbortSignal.any([limit.signal, read.signal])
    let interest: Interest | undefined
    let left: ByteRange | undefined
    let isDamaged = false
    try {
      for (let at = range.start; at < range.end;) {
        this.#limits.check(read, limit)
        const rest = { start: at, end: range.end }
        const before = at
        try {
          for await (const bytes of this.#held(entry, rest, signal, options)) {
            this.#limits.check(read, limit)
            yield bytes
            at += bytes.byteLength
          }
        } catch (error) {
          if (!(error instanceof FileDamaged)) throw error
          isDamaged = true
          left = { start: at, end: range.end }
          break
        }
        if (at > before) continue
        interest ??= this.#fetcher.download(entry).join(rest, signal)
        limit.progress()
        const isReceived = await interest.more().then(() => true, this.#unlessNoRoom(options))
        limit.pauseTimer()
        if (!isReceived) {
          left = rest
          break
        }
      }
    } finally {
      interest?.leave()
      read.end()
      limit.clear()
    }
    if (left === undefined) return
    if (!isDamaged || options.wasDamaged === true) {
      yield* this.#past.read(entry.key, entry.size, left, options)
      return
    }
    const again = { ...options, range: left, wasDamaged: true }
    yield* (await this.get(entry.key, again)).bytes
  }

  /** What is held of a range from its start on: of memory a view, of a file as it is verified. */
  #held(
    entry: HeldValue,
    range: ByteRange,
    signal: AbortSignal,
    options: ReadOptions,
  ): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    if (isInFile(entry)) return this.#files.read(entry, range, signal, options)
    const view = viewOf(entry, range)
    return view === undefined ? [] : [view]
  }

  /** Copies a value in a file to a file of a caller; where it is damaged, what is fetched then. */
  async #copy(
    entry: FileValue,
    range: ByteRange,
    target: CopyTarget,
    options: ReadOptions,
    confirmed: boolean,
  ): Promise<boolean> {
    entry.checkNotRemoved()
    if (!(await this.#mayStillServe(entry, options, confirmed))) return false
    const read = this.#holdings.reads.begin(entry)
    const { signal } = options
    const ends = [read.signal, entry.dropped, ...(signal === undefined ? [] : [signal])]
    try {
      return await this.#files.copy(entry, range, target, AbortSignal.any(ends), options)
    } catch (error) {
      if (!(error instanceof FileDamaged)) throw error
    } finally {
      read.end()
    }
    await this.#copyFetched(entry.key, range, target, options)
    return true
  }

  /** Writes a range to a file of a caller over what a copy that found damage has written. */
  async #copyFetched(
    key: Key,
    range: ByteRange,
    target: CopyTarget,
    options: ReadOptions,
  ): Promise<void> {
    let at = 0
    const again = { ...options, range, wasDamaged: true }
    for await (const bytes of (await this.get(key, again)).bytes) {
      await target.rewrite(bytes, at)
      at += bytes.byteLength
    }
  }

  /** For a failed wait: false where the rest is to be read past the cache. */
  #unlessNoRoom({ mustKeep }: ReadOptions): (error: unknown) => boolean {
    return (error) => {
      if (!(error instanceof NoRoom) || mustKeep === true) throw error
      return false
    }
  }
}

/** The whole value, while it waits for room in memory. */
const offeredIn = (entry: HeldValue): Uint8Array | undefined =>
  entry instanceof CachedValue ? entry.offered : undefined

const viewOf = (entry: HeldValue, range: ByteRange): Uint8Array | undefined =>
  entry instanceof CachedValue ? entry.view(range) : undefined
