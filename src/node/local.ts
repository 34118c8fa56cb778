/**
 * The role Local: fetches values from Global once, keeps them in memory, and serves every process of its machine from
 * that one copy.
 */
import { DstoreError, asDstoreError } from '../errors.ts'
import { Key } from '../hash/key.ts'
import { hash } from '../hash/hasher.ts'
import type { ByteRange } from '../hash/tree.ts'
import type { Fact, Found, Remove, Unbind } from '../index/message.ts'
import { checkName } from '../index/name.ts'
import { withMargin } from '../index/register.ts'
import { BATCH_ITEMS, CALL_TIMEOUT_MS, FETCH_RUN_BYTES, REMOVAL_TIMEOUT_MS } from '../limits.ts'
import type { ServedValue } from '../transfer/serve.ts'
import { within } from '../transfer/slice-stream.ts'
import { Cache, type CachedValue } from './cache.ts'
import { servedFromCache } from './cache-host.ts'
import { batchesOf, putBatches } from './batches.ts'
import { changesOf, formatPosition } from './change-events.ts'
import { deadline, untilAborted, type Deadline } from './deadline.ts'
import type { Interest } from './download.ts'
import { Fetcher } from './fetcher.ts'
import type { GlobalLink } from './global-link.ts'
import { Holdings, leaseOver } from './holdings.ts'
import type { Log } from './log.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  GetOptions,
  Node,
  NodeStatus,
  PutOptions,
  PutResult,
  ReadableValue,
  RemoveOptions,
  RemoveResult,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  ValueSource,
  WatchOptions,
} from './node.ts'
import { Putter } from './putter.ts'
import { resolveRange } from './range.ts'
import type { Read } from './reads.ts'
import { Traffic } from './traffic.ts'
import type { NodeNetwork } from './protocols.ts'
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

/** A question about one key, and who waits for the answer. */
interface Asking {
  readonly takers: ((fact: Fact, keep: boolean) => void)[]
  readonly answered: Promise<void>
}

export class Local implements Node {
  readonly role = 'local'
  readonly #options: LocalOptions
  readonly #cache: Cache
  readonly #holdings: Holdings
  readonly #traffic = new Traffic()
  readonly #fetcher: Fetcher
  readonly #putter: Putter
  /** Questions to Global that are under way, by key. */
  readonly #locating = new Map<string, Asking>()
  readonly #startedAt = new Date()

  constructor(options: LocalOptions) {
    const { network, link, globalPeer, cacheBytes, log, now } = options
    this.#options = options
    this.#cache = new Cache(cacheBytes)
    this.#holdings = new Holdings(this.#cache)
    link.attach(this.#holdings)
    const parts = { network, globalPeer, cache: this.#cache, traffic: this.#traffic, log, now }
    this.#fetcher = new Fetcher(parts)
    this.#putter = new Putter({
      link,
      cache: this.#cache,
      transfers: this.#fetcher.transfers,
      globalPeer,
      onSent: (bytes) => this.#traffic.sent(globalPeer, bytes),
    })
  }

  /** Give other Locals what is held here, where the network listens. */
  listen(): Promise<void> {
    return this.#fetcher.serve((digest) => this.#open(digest))
  }

  put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    return this.#putter.put(source, options)
  }

  putMany(values: readonly Uint8Array[], options: CallOptions = {}): Promise<PutResult[]> {
    return putBatches(values, (batch) => this.#putter.putSmall(batch, undefined, options))
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    const cached = this.#cache.get(key)
    if (cached !== undefined && (await this.#mayServe(cached, options))) {
      const range = resolveRange(options.range, cached.size)
      if (cached.held.covers(range)) {
        this.#cache.count('hit')
        return this.#readable(cached, range, options, false)
      }
    }
    this.#cache.count('miss')
    return this.#locate(key, options, (fact, keep) => {
      const range = resolveRange(options.range, fact.size)
      const entry = keep ? this.#admit(key, fact, range) : undefined
      if (entry === undefined) return this.#passThrough(key, fact, range, options)
      return this.#readable(entry, range, options, true)
    })
  }

  async stat(key: Key, options: CallOptions = {}): Promise<ValueFacts | undefined> {
    const cached = this.#cache.get(key)
    const heldBytes = cached?.heldBytes ?? 0
    try {
      const request = { type: 'locate', digests: [key.digest], inline: false } as const
      const { facts } = await this.#options.link.ask(request, options)
      return factsOf(key, facts[0], heldBytes)
    } catch (error) {
      const away = error instanceof DstoreError && error.code === 'unreachable'
      if (!away || cached === undefined || cached.isVoid) throw error
      if (this.#options.link.isLeaseOver()) throw leaseOver()
      const { size, incarnation } = cached
      return { key, size, incarnation, heldBytes, names: [], confirmed: false }
    }
  }

  async statMany(
    keys: readonly Key[],
    options: CallOptions = {},
  ): Promise<(ValueFacts | undefined)[]> {
    const facts: (ValueFacts | undefined)[] = []
    for (const batch of batchesOf(keys)) {
      const digests = batch.map(({ digest }) => digest)
      const request = { type: 'locate', digests, inline: false } as const
      const located = await this.#options.link.ask(request, options)
      const held = (key: Key): number => this.#cache.peek(key)?.heldBytes ?? 0
      facts.push(...batch.map((key, i) => factsOf(key, located.facts[i], held(key))))
    }
    return facts
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

  async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    const { timeoutMs, force = false } = options
    const request = { type: 'remove', digest: key.digest, timeoutMs, force } as const
    const { type: _, digest: __, ...facts } = await this.#await(request, options)
    return { key, ...facts }
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const { timeoutMs, keepValue = false } = options
    const request = { type: 'unbind', name: checkName(name), keepValue, timeoutMs } as const
    const { type: _, digest, ...facts } = await this.#await(request, options)
    return { name, key: digest === undefined ? undefined : new Key(digest), ...facts }
  }

  async lookup(name: string, options: CallOptions = {}): Promise<BoundName | undefined> {
    const request = { type: 'lookup', name: checkName(name), inline: true } as const
    try {
      const found = await this.#options.link.ask(request, options, (answer, keep) => {
        if (keep && answer.found !== undefined) this.#takeBinding(name, answer.found)
        return answer.found
      })
      return found === undefined ? undefined : boundName(name, found)
    } catch (error) {
      const bound = this.#holdings.bound(name)
      const value = bound === undefined ? undefined : this.#cache.peek(bound.key)
      const away = error instanceof DstoreError && error.code === 'unreachable'
      if (!away || bound === undefined) throw error
      if (this.#options.link.isLeaseOver()) throw leaseOver()
      return { name, ...bound, size: value?.size ?? 0, confirmed: false }
    }
  }

  async bind(name: string, key: Key, options: CallOptions = {}): Promise<BoundName> {
    const request = { type: 'bind', name: checkName(name), digest: key.digest } as const
    const found = await this.#options.link.ask(request, options, (answer, keep) => {
      if (keep) this.#holdings.bind(name, answer.found!)
      return answer.found!
    })
    return boundName(name, found)
  }

  async *names(
    prefix = '',
    options: CallOptions = {},
  ): AsyncGenerator<{ readonly name: string; readonly key: Key }> {
    let after: string | undefined
    for (;;) {
      const request = { type: 'names', prefix, after, limit: BATCH_ITEMS } as const
      const { items, more } = await this.#options.link.ask(request, options)
      for (const { name, digest } of items) yield { name, key: new Key(digest) }
      after = items.at(-1)?.name
      if (!more || after === undefined) return
    }
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent> {
    const { signal } = options
    return changesOf(options, (request) => this.#options.link.ask(request, { signal }))
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
      position: link.position && formatPosition(link.position),
      leaseMs: link.leaseMs,
      global: {
        address: globalAddress,
        state: link.isDoubtful() ? 'doubtful' : state,
        since: since.toISOString(),
      },
      locals: [],
      registered: [],
      store: undefined,
      cache: this.#cache.status(),
      traffic: this.#traffic.status(),
    }
  }

  async close(): Promise<void> {
    await this.#options.link.close()
    await this.#options.network.close()
  }

  /** A removal: it takes its own time to be acknowledged by all, and then an answer's. */
  #await<R extends Remove | Unbind>(request: R, { signal, timeoutMs }: CallOptions) {
    const { leaseMs = 0 } = this.#options.link
    const wait = (timeoutMs ?? REMOVAL_TIMEOUT_MS + withMargin(leaseMs)) + CALL_TIMEOUT_MS
    return this.#options.link.ask<R>(request, { signal, timeoutMs: wait })
  }

  /** May this be served as it is? Rejects where only the lease forbids it. */
  async #mayServe(cached: CachedValue, { signal }: CallOptions): Promise<boolean> {
    const verdict = await this.#options.link.consult(signal)
    if (cached.isVoid || cached.dropped.aborted || verdict === 'ask') return false
    if (verdict === 'expired') throw leaseOver()
    return true
  }

  /**
   * Ask Global about a key, and take in what it says at its place in the order of messages: whoever asks the same at
   * the same time joins.
   */
  async #locate<T>(
    key: Key,
    options: CallOptions,
    take: (fact: Fact, keep: boolean) => T,
  ): Promise<T> {
    const text = key.toString()
    let asking = this.#locating.get(text)
    if (asking === undefined) {
      const takers: Asking['takers'] = []
      const request = { type: 'locate', digests: [key.digest], inline: true } as const
      const answered = this.#options.link
        .ask(request, {}, ({ facts }, keep) => {
          if (facts[0] === undefined) throw new DstoreError('not-found', `no such key: ${text}`)
          const fact = checked(key, facts[0])
          for (const taker of takers) taker(fact, keep)
        })
        .finally(() => this.#locating.delete(text))
      this.#locating.set(text, (asking = { takers, answered }))
    }
    const { takers, answered } = asking
    const taken = new Promise<T>((resolve, reject) => {
      takers.push((fact, keep) => {
        try {
          resolve(take(fact, keep))
        } catch (error) {
          reject(asDstoreError(error))
        }
      })
    })
    const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
    const limit = deadline(ms, 'Global did not answer', options.signal)
    try {
      return await untilAborted(
        answered.then(() => taken),
        limit.signal,
      )
    } finally {
      limit.clear()
    }
  }

  /** Room for what Global says there is, with the bytes that came along. */
  #admit(key: Key, fact: Fact, range: ByteRange): CachedValue | undefined {
    const entry = this.#cache.admit(key, fact.size, fact.incarnation, range)
    if (fact.value !== undefined) entry?.write(0, fact.value)
    return entry
  }

  /** What a name stands for, and its value if it came along. */
  #takeBinding(name: string, found: Found): void {
    this.#holdings.bind(name, found)
    const key = new Key(found.digest)
    const { value, size } = found.fact
    if (value !== undefined) this.#admit(key, checked(key, found.fact), { start: 0, end: size })
  }

  /** `confirmed`: Global has just said so. */
  #readable(
    entry: CachedValue,
    range: ByteRange,
    options: CallOptions,
    confirmed: boolean,
  ): ReadableValue {
    const { key, size } = entry
    const bytes = this.#readCached(entry, range, options, confirmed)
    return { key, size, range, bytes }
  }

  /** What is held, and what still comes as it comes. */
  async *#readCached(
    entry: CachedValue,
    range: ByteRange,
    options: CallOptions,
    confirmed: boolean,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    entry.dropped.throwIfAborted()
    // Between the call and the first read it may have been evicted, or its standing may have changed.
    const isThere = this.#cache.peek(entry.key) === entry
    if (!isThere || (!confirmed && !(await this.#mayServe(entry, options)))) {
      yield* (await this.get(entry.key, { ...options, range })).bytes
      return
    }
    const limit = fetchDeadline(options)
    const release = entry.use()
    const read = this.#holdings.reads.begin(entry)
    let interest: Interest | undefined
    try {
      for (let at = range.start; at < range.end;) {
        this.#mayGoOn(read, limit)
        const rest = { start: at, end: range.end }
        const view = entry.view(rest)
        if (view === undefined) {
          interest ??= this.#fetcher.download(entry).join(rest)
          limit.progress()
          await untilAborted(interest.more(), AbortSignal.any([limit.signal, read.signal]))
          limit.rest()
        } else {
          yield view
          at += view.byteLength
        }
      }
    } finally {
      interest?.leave()
      read.end()
      release()
      limit.clear()
    }
  }

  #mayGoOn(read: Read, limit: Deadline): void {
    read.signal.throwIfAborted()
    limit.signal.throwIfAborted()
    if (this.#options.link.isLeaseOver()) throw leaseOver()
  }

  /** A value that the cache has no room for: from Global to the caller, at the caller's pace. */
  #passThrough(key: Key, fact: Fact, range: ByteRange, options: CallOptions): ReadableValue {
    const { size, value } = fact
    if (value === undefined) {
      return { key, size, range, bytes: this.#stream(key, size, range, options) }
    }
    const part = value.subarray(range.start, range.end)
    return { key, size, range, bytes: once(part) }
  }

  async *#stream(
    key: Key,
    size: number,
    range: ByteRange,
    options: CallOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    // Some time has passed since the call: what is passed on from here on can be ended.
    const read = await this.#locate(key, options, ({ incarnation }) =>
      this.#holdings.reads.begin({ key, incarnation, isVoid: false }),
    )
    const limit = fetchDeadline(options)
    const signal = AbortSignal.any([limit.signal, read.signal])
    try {
      for (let start = range.start; start < range.end; start += FETCH_RUN_BYTES) {
        const run = { start, end: Math.min(range.end, start + FETCH_RUN_BYTES) }
        limit.progress()
        for await (const proved of this.#fetcher.pass(key, size, run, signal)) {
          const bytes = within(proved, run)
          if (bytes === undefined) continue
          limit.rest()
          this.#mayGoOn(read, limit)
          yield bytes
          limit.progress()
        }
      }
    } finally {
      read.end()
      limit.clear()
    }
  }

  /** What another Local may be given, as a caller might: a removal ends it. */
  async #open(digest: Uint8Array): Promise<ServedValue | undefined> {
    const value = this.#cache.get(new Key(digest))
    if (value === undefined || !(await this.#mayServe(value, {}))) return undefined
    const read = this.#holdings.reads.begin(value)
    const release = value.use()
    return servedFromCache(value, AbortSignal.any([read.signal, value.dropped]), () => {
      read.end()
      release()
    })
  }
}

/** Counts only while the caller waits for a peer. */
function fetchDeadline(options: CallOptions): ReturnType<typeof deadline> {
  const ms = options.timeoutMs ?? CALL_TIMEOUT_MS
  const limit = deadline(ms, 'nothing more of the value came', options.signal)
  limit.rest()
  return limit
}

/** A fact with the value that came along, which must be what it says; else `integrity`. */
function checked(key: Key, fact: Fact): Fact {
  if (fact.value !== undefined && !key.equals(new Key(hash(fact.value).digest))) {
    throw new DstoreError('integrity', `Global answered with bytes that are not ${key.toString()}`)
  }
  return fact
}

function factsOf(key: Key, fact: Fact | undefined, heldBytes: number): ValueFacts | undefined {
  if (fact === undefined) return undefined
  const { size, incarnation, names } = fact
  return { key, size, incarnation, heldBytes, names, confirmed: true }
}

function boundName(name: string, { digest, incarnation, fact }: Found): BoundName {
  return { name, key: new Key(digest), size: fact.size, incarnation, confirmed: true }
}

async function* once(part: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (part.byteLength > 0) yield part
}
