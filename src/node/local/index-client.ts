/**
 * What a Local asks its Global that moves no value but the smallest: facts, names, removals, changes. What it may keep
 * of the answers it keeps.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { leaseOver } from '../../index/local/freshness.ts'
import type {
  AnswerTo,
  Expel,
  Fact,
  Found,
  Remove,
  Removed,
  Request,
  Unbind,
} from '../../index/message.ts'
import { checkName } from '../../index/name.ts'
import { withMargin } from '../../index/global/local-register.ts'
import { BATCH_ITEMS, CALL_TIMEOUT_MS, REMOVAL_TIMEOUT_MS } from '../../limits.ts'
import { batchesOf } from '../calls/batches.ts'
import type { Cache } from '../cache/cache.ts'
import { changesOf } from '../calls/change-events.ts'
import type { GlobalLink } from './global-link.ts'
import type { Holdings } from './holdings.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  RemoveOptions,
  RemoveResult,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  WatchOptions,
} from '../node.ts'

export interface IndexClientOptions {
  readonly link: GlobalLink
  readonly cache: Cache
  readonly holdings: Holdings
  /** Room for a value that came along with an answer, and its bytes, once they are verified. */
  readonly keep: (key: Key, fact: Fact) => void
}

export class IndexClient {
  readonly #options: IndexClientOptions
  readonly #cache: Cache
  readonly #holdings: Holdings

  constructor(options: IndexClientOptions) {
    this.#options = options
    this.#cache = options.cache
    this.#holdings = options.holdings
  }

  async stat(key: Key, options: CallOptions = {}): Promise<ValueFacts | undefined> {
    const [facts] = await this.statMany([key], options)
    return facts
  }

  /** Where Global is away, what is held here is known to have been there; `unreachable` where not all are held. */
  async statMany(
    keys: readonly Key[],
    options: CallOptions = {},
  ): Promise<(ValueFacts | undefined)[]> {
    const facts: (ValueFacts | undefined)[] = []
    const waits = (): boolean => keys.some((key) => this.#cache.peek(key) === undefined)
    try {
      for (const batch of batchesOf(keys)) {
        const digests = batch.map(({ digest }) => digest)
        const request = { type: 'locate', digests, inline: false } as const
        const located = await this.#options.link.ask(request, { ...options, waits })
        facts.push(...batch.map((key, i) => factsOf(key, located.facts[i], this.#heldBytes(key))))
      }
      return facts
    } catch (error) {
      const away = error instanceof DstoreError && error.code === 'unreachable'
      const held = away ? keys.map((key) => this.#unconfirmed(key)) : []
      if (!away || held.includes(undefined)) throw error
      if (this.#options.link.isLeaseOver()) throw leaseOver()
      return held
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
    const waits = (): boolean => this.#holdings.bound(name) === undefined
    try {
      return await this.#options.link.ask(request, { ...options, waits }, ({ found }, keep) => {
        if (found === undefined) return undefined
        const bound = boundName(name, found, this.#heldBytes(new Key(found.digest)))
        if (keep) this.#takeBinding(name, found)
        return bound
      })
    } catch (error) {
      const bound = this.#holdings.bound(name)
      const value = bound === undefined ? undefined : this.#cache.peek(bound.key)
      const away = error instanceof DstoreError && error.code === 'unreachable'
      if (!away || bound === undefined) throw error
      if (this.#options.link.isLeaseOver()) throw leaseOver()
      const { size, heldBytes } = value ?? { size: 0, heldBytes: 0 }
      return { name, ...bound, size, heldBytes, confirmed: false }
    }
  }

  async bind(name: string, key: Key, options: CallOptions = {}): Promise<BoundName> {
    const request = { type: 'bind', name: checkName(name), digest: key.digest } as const
    const found = await this.#options.link.ask(request, options, (answer, keep) => {
      if (keep) this.#holdings.bind(name, answer.found!)
      return answer.found!
    })
    return boundName(name, found, this.#heldBytes(key))
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

  /** Ask what keeps nothing of the answer. */
  ask<R extends Request>(request: R, options: CallOptions): Promise<AnswerTo[R['type']]> {
    if (request.type !== 'expel') return this.#options.link.ask(request, options)
    return this.#await(request, options) as Promise<AnswerTo[R['type']]>
  }

  /** A removal: it takes its own time to be acknowledged by all, and then an answer's. */
  #await(request: Remove | Unbind | Expel, { signal, timeoutMs }: CallOptions): Promise<Removed> {
    const { leaseMs = 0 } = this.#options.link
    const wait = (timeoutMs ?? REMOVAL_TIMEOUT_MS + withMargin(leaseMs)) + CALL_TIMEOUT_MS
    return this.#options.link.ask(request, { signal, timeoutMs: wait })
  }

  /** What the cache alone can say; undefined where it holds nothing that counts. */
  #unconfirmed(key: Key): ValueFacts | undefined {
    const cached = this.#cache.get(key)
    if (cached === undefined || cached.isVoid) return undefined
    const { size, incarnation, heldBytes } = cached
    return { key, size, incarnation, heldBytes, names: [], holders: [], confirmed: false }
  }

  #heldBytes(key: Key): number {
    return this.#cache.peek(key)?.heldBytes ?? 0
  }

  /** What a name stands for, and its value if it came along. */
  #takeBinding(name: string, found: Found): void {
    this.#holdings.bind(name, found)
    const key = new Key(found.digest)
    if (found.fact.value !== undefined) this.#options.keep(key, found.fact)
  }
}

function factsOf(key: Key, fact: Fact | undefined, heldBytes: number): ValueFacts | undefined {
  if (fact === undefined) return undefined
  const { size, incarnation, names, holders } = fact
  return { key, size, incarnation, heldBytes, names, holders, confirmed: true }
}

function boundName(name: string, found: Found, heldBytes: number): BoundName {
  const { digest, incarnation, fact } = found
  const key = new Key(digest)
  return { name, key, size: fact.size, incarnation, heldBytes, confirmed: true }
}
