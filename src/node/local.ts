/**
 * The role Local: fetches values from Global once, keeps them in memory, and serves every process of its machine from
 * that one copy.
 */
import { DstoreError } from '../errors.ts'
import { Key } from '../hash/key.ts'
import { hash } from '../hash/hasher.ts'
import type { ByteRange } from '../hash/tree.ts'
import type { Fact } from '../index/message.ts'
import { BATCH_ITEMS, CALL_TIMEOUT_MS, FETCH_RUN_BYTES } from '../limits.ts'
import type { ServedValue } from '../transfer/serve.ts'
import { within } from '../transfer/slice-stream.ts'
import { Cache, type CachedValue } from './cache.ts'
import { CacheHost, servedFromCache } from './cache-host.ts'
import { deadline, untilAborted } from './deadline.ts'
import { Download } from './download.ts'
import type { GlobalLink } from './global-link.ts'
import type { Log } from './log.ts'
import type {
  CallOptions,
  GetOptions,
  Node,
  NodeStatus,
  PutResult,
  ReadableValue,
  RemoveResult,
  ValueFacts,
  ValueSource,
} from './node.ts'
import { Putter } from './putter.ts'
import { resolveRange } from './range.ts'
import { Traffic } from './traffic.ts'
import { PeerSources } from './sources.ts'
import { TRANSFER_PROTOCOL, type NodeNetwork } from './protocols.ts'
import { VERSION } from './version.ts'

export interface LocalOptions {
  readonly network: NodeNetwork
  readonly link: GlobalLink
  /** Multiaddr and peer id of Global. */
  readonly globalAddress: string
  readonly globalPeer: string
  readonly cacheBytes: number
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
}

export class Local implements Node {
  readonly role = 'local'
  readonly #options: LocalOptions
  readonly #cache: Cache
  readonly #traffic = new Traffic()
  readonly #sources: PeerSources
  readonly #putter: Putter
  readonly #downloads = new Map<CachedValue, Download>()
  /** Questions to Global that are under way, by key: whoever asks the same joins. */
  readonly #locating = new Map<string, Promise<Fact | undefined>>()
  readonly #startedAt = new Date()

  constructor(options: LocalOptions) {
    const { network, link, globalPeer, cacheBytes } = options
    this.#options = options
    this.#cache = new Cache(cacheBytes)
    const { log } = options
    this.#sources = new PeerSources({ network, globalPeer, traffic: this.#traffic, log })
    this.#putter = new Putter({
      link,
      cache: this.#cache,
      transfers: this.#sources.transfers,
      globalPeer,
      onSent: (bytes) => this.#traffic.sent(globalPeer, bytes),
    })
  }

  /** Serve other Locals what is held here, where the network listens. */
  async listen(): Promise<void> {
    const { network, log, now } = this.#options
    if (network.addresses().length === 0) return
    const host = new CacheHost({
      open: (digest) => this.#open(digest),
      isWelcome: (peer) => this.#sources.isWelcome(peer),
      traffic: this.#traffic,
      log,
      now,
    })
    await network.handle(TRANSFER_PROTOCOL, (channel) => void host.serve(channel))
  }

  put(source: ValueSource, options: CallOptions = {}): Promise<PutResult> {
    return this.#putter.put(source, options)
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    const cached = this.#cache.get(key)
    if (cached !== undefined) {
      const range = resolveRange(options.range, cached.size)
      if (cached.held.covers(range)) {
        this.#cache.count('hit')
        return this.#readable(cached, range, options)
      }
    }
    this.#cache.count('miss')
    const fact = await this.#locate(key, options)
    if (fact === undefined) {
      this.#cache.remove(key)
      throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    }
    const { size, incarnation } = fact
    const range = resolveRange(options.range, size)
    const entry = this.#cache.admit(key, size, incarnation, range)
    if (entry === undefined) return this.#passThrough(key, fact, range, options)
    if (fact.value !== undefined) entry.write(0, verified(key, fact.value))
    return this.#readable(entry, range, options)
  }

  async stat(key: Key, options: CallOptions = {}): Promise<ValueFacts | undefined> {
    const cached = this.#cache.get(key)
    const heldBytes = cached?.heldBytes ?? 0
    try {
      const { facts } = await this.#options.link.ask(
        { type: 'locate', digests: [key.digest], inline: false },
        options,
      )
      const fact = facts[0]
      if (fact === undefined) return undefined
      const { size, incarnation } = fact
      return { key, size, incarnation, heldBytes, confirmed: true }
    } catch (error) {
      const away = error instanceof DstoreError && error.code === 'unreachable'
      if (!away || cached === undefined) throw error
      const { size, incarnation } = cached
      return { key, size, incarnation, heldBytes, confirmed: false }
    }
  }

  async *keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    let after: Uint8Array | undefined
    for (;;) {
      const request = { type: 'list', after, limit: BATCH_ITEMS } as const
      const { items, more } = await this.#options.link.ask(request, options)
      for (const { digest, size } of items) yield { key: new Key(digest), size }
      after = items.at(-1)?.digest
      if (!more || after === undefined) return
    }
  }

  async remove(key: Key, options: CallOptions = {}): Promise<RemoveResult> {
    const timeoutMs = options.timeoutMs ?? 0
    const request = { type: 'remove', digest: key.digest, timeoutMs } as const
    const { seq, freedBytes } = await this.#options.link.ask(request, options)
    this.#cache.remove(key)
    return { key, seq, freedBytes }
  }

  async prefetch(key: Key, options: CallOptions = {}): Promise<void> {
    const { size, bytes } = await this.get(key, options)
    if (this.#cache.get(key) === undefined) {
      const budget = this.#cache.budgetBytes
      throw new DstoreError(
        'too-large',
        `the cache of ${budget} bytes has no room for ${size} bytes`,
      )
    }
    let doneBytes = 0
    for await (const part of bytes) {
      doneBytes += part.byteLength
      options.onProgress?.({ phase: 'fetch', doneBytes, totalBytes: size })
    }
  }

  async evict(key: Key): Promise<number> {
    return this.#cache.evict(key)
  }

  async status(): Promise<NodeStatus> {
    const { link, globalAddress, network } = this.#options
    const { state, since } = link.status
    return {
      role: this.role,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      peerId: network.peerId,
      listen: network.addresses(),
      global: { address: globalAddress, state, since: since.toISOString() },
      locals: [],
      store: undefined,
      cache: this.#cache.status(),
      traffic: this.#traffic.status(),
    }
  }

  async close(): Promise<void> {
    await this.#options.link.close()
    await this.#options.network.close()
  }

  async #locate(key: Key, options: CallOptions): Promise<Fact | undefined> {
    const text = key.toString()
    let asking = this.#locating.get(text)
    if (asking === undefined) {
      asking = this.#options.link
        .ask({ type: 'locate', digests: [key.digest], inline: true })
        .then(({ facts }) => facts[0])
        .finally(() => this.#locating.delete(text))
      this.#locating.set(text, asking)
    }
    const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
    const limit = deadline(ms, 'Global did not answer', options.signal)
    try {
      return await untilAborted(asking, limit.signal)
    } finally {
      limit.clear()
    }
  }

  #readable(entry: CachedValue, range: ByteRange, options: CallOptions): ReadableValue {
    const { key, size } = entry
    return { key, size, range, bytes: this.#readCached(entry, range, options) }
  }

  /** What is held, and what still comes as it comes. */
  async *#readCached(
    entry: CachedValue,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const limit = fetchDeadline(options)
    const release = entry.use()
    let interest: ReturnType<Download['join']> | undefined
    try {
      for (let at = range.start; at < range.end;) {
        entry.dropped.throwIfAborted()
        limit.signal.throwIfAborted()
        const rest = { start: at, end: range.end }
        const view = entry.view(rest)
        if (view === undefined) {
          interest ??= this.#download(entry).join(rest)
          limit.progress()
          await untilAborted(interest.more(), limit.signal)
          limit.rest()
        } else {
          yield view
          at += view.byteLength
        }
      }
    } finally {
      interest?.leave()
      release()
      limit.clear()
    }
  }

  #download(value: CachedValue): Download {
    let download = this.#downloads.get(value)
    if (download === undefined) {
      const release = value.use()
      download = new Download({
        value,
        now: this.#options.now,
        sources: this.#sources,
        random: Math.random,
        onEnd: () => {
          this.#downloads.delete(value)
          this.#cache.settle(value)
          release()
        },
      })
      this.#downloads.set(value, download)
    }
    return download
  }

  /** A value that the cache has no room for: from Global to the caller, at the caller's pace. */
  #passThrough(key: Key, fact: Fact, range: ByteRange, options: CallOptions): ReadableValue {
    const { size, value } = fact
    if (value === undefined) {
      return { key, size, range, bytes: this.#stream(key, size, range, options) }
    }
    const part = verified(key, value).subarray(range.start, range.end)
    return { key, size, range, bytes: once(part) }
  }

  async *#stream(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const limit = fetchDeadline(options)
    try {
      for (let start = range.start; start < range.end; start += FETCH_RUN_BYTES) {
        const run = { start, end: Math.min(range.end, start + FETCH_RUN_BYTES) }
        limit.progress()
        for await (const proved of this.#fetch(key, size, run, limit.signal)) {
          const bytes = within(proved, run)
          if (bytes === undefined) continue
          limit.rest()
          yield bytes
          limit.progress()
        }
      }
    } finally {
      limit.clear()
    }
  }

  #fetch({ digest }: Key, size: number, range: ByteRange, signal: AbortSignal) {
    return this.#sources.fetch(this.#sources.global, { digest, size, ranges: [range] }, signal)
  }

  /** What another Local may be given. */
  #open(digest: Uint8Array): ServedValue | undefined {
    const value = this.#cache.get(new Key(digest))
    return value && servedFromCache(value, value.dropped, value.use())
  }
}

/** Counts only while the caller waits for a peer. */
function fetchDeadline(options: CallOptions): ReturnType<typeof deadline> {
  const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
  const limit = deadline(ms, 'nothing more of the value came', options.signal)
  limit.rest()
  return limit
}

/** A small value as it came with an answer, or `integrity`. */
function verified(key: Key, value: Uint8Array): Uint8Array {
  if (!key.equals(new Key(hash(value).digest))) {
    throw new DstoreError('integrity', `Global answered with bytes that are not ${key.toString()}`)
  }
  return value
}

async function* once(part: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (part.byteLength > 0) yield part
}
