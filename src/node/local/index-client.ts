/**
 * The index calls of a Local: requests to Global that move inline values at most. Keeps bindings
 * and values from the answers where it may.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { OperationIds } from '../../index/local/operation-ids.ts'
import { leaseOver } from '../../index/local/freshness.ts'
import type { Fact, Request } from '../../index/message.ts'
import { checkName, checkNewName } from '../../index/name.ts'
import { withMargin } from '../../index/lease.ts'
import { CALL_TIMEOUT_MS, REMOVAL_TIMEOUT_MS } from '../../limits.ts'
import { batchesOf } from '../calls/batches.ts'
import type { Tiers } from '../tiers/tiers.ts'
import { whileVerified } from '../calls/names/digest-wait.ts'
import { namingOf } from '../calls/names/naming.ts'
import {
  type Ask,
  IndexCalls,
  boundName,
  boundTo,
  directoryFacts,
  tagResult,
} from '../calls/index-calls.ts'
import type { GlobalLink } from './global-link.ts'
import type { Holdings } from './holdings.ts'
import type {
  BindOptions,
  BoundName,
  CallOptions,
  LookupOptions,
  NodeIndex,
  NodeLists,
  RemoveOptions,
  RemoveResult,
  StatOptions,
  TagResult,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
} from '../node.ts'

export interface IndexClientOptions {
  readonly link: GlobalLink
  readonly tiers: Tiers
  readonly holdings: Holdings
  readonly operations: OperationIds
  /** Verifies a value that came with an answer, and caches it. */
  readonly keep: (key: Key, fact: Fact) => void
  /** A name was answered without asking Global. */
  readonly onUsed: (name: string) => void
}

export class IndexClient extends IndexCalls implements NodeIndex, NodeLists {
  readonly #options: IndexClientOptions

  constructor(options: IndexClientOptions) {
    super(askOver(options.link))
    this.#options = options
  }

  async stat(key: Key, options: StatOptions = {}): Promise<ValueFacts | undefined> {
    const [facts] = await this.#stats([key], options)
    return facts
  }

  statMany(keys: readonly Key[], options: CallOptions = {}): Promise<(ValueFacts | undefined)[]> {
    return this.#stats(keys, options)
  }

  /** While Global is away, held values answer unconfirmed; `unreachable` unless all are held. */
  async #stats(
    keys: readonly Key[],
    { namesBelow, ...options }: StatOptions,
  ): Promise<(ValueFacts | undefined)[]> {
    const facts: (ValueFacts | undefined)[] = []
    const waits = (): boolean => keys.some((key) => this.#options.tiers.peek(key) === undefined)
    try {
      for (const batch of batchesOf(keys)) {
        const digests = batch.map(({ digest }) => digest)
        const below = namesBelow === undefined ? {} : { namesBelow }
        const request = { type: 'locate', digests, inline: false, ...below } as const
        const located = await this.#options.link.ask(request, { ...options, waits })
        const found = batch.map((key, i) => factsOf(key, located.facts[i], this.#heldBytes(key)))
        // Global counts the directories of a single key; none is not sent.
        const [only] = found.length === 1 ? found : []
        facts.push(...(only === undefined ? found : [{ ...only, heldBy: only.heldBy ?? 0 }]))
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

  /** From this Local's own bindings, if these are current and `fresh` is not set (R004-85). */
  async lookup(name: string, options: LookupOptions = {}): Promise<BoundName | undefined> {
    const own = options.fresh === true ? undefined : this.#own(name)
    if (own !== undefined) {
      this.#options.onUsed(name)
      return own
    }
    const request = { type: 'lookup', name: checkName(name), inline: true } as const
    const { link, holdings } = this.#options
    const waits = (): boolean => holdings.bound(name) === undefined
    try {
      return await link.ask(request, { ...options, waits }, ({ found }, keep) => {
        if (found === undefined) {
          holdings.unbound(name)
          return undefined
        }
        const bound = boundName(name, found, this.#heldBytes(new Key(found.digest)))
        if (keep) holdings.bind(name, found)
        if (keep && found.fact.value !== undefined) this.#options.keep(bound.key, found.fact)
        return bound
      })
    } catch (error) {
      const bound = holdings.bound(name)
      const away = error instanceof DstoreError && error.code === 'unreachable'
      if (!away || bound === undefined) throw error
      if (link.isLeaseOver()) throw leaseOver()
      this.#options.onUsed(name)
      return { name, ...bound, heldBytes: this.#heldBytes(bound.key), confirmed: false }
    }
  }

  #own(name: string): BoundName | undefined {
    const { link, holdings } = this.#options
    const bound = holdings.bound(name)
    if (bound === undefined || link.verdict() !== 'serve') return undefined
    return { name, ...bound, heldBytes: this.#heldBytes(bound.key), confirmed: true }
  }

  async tag(name: string, key: Key, options: BindOptions = {}): Promise<TagResult> {
    const { link } = this.#options
    const known = { name: checkNewName(name), ...boundTo(key), ...namingOf(options) }
    const answer = await this.#writing(name, (operation) =>
      link.ask({ type: 'rebind', ...known, operation }, options, (rebound, keep) => {
        if (keep) this.#options.holdings.bind(name, rebound.found)
        return rebound
      }),
    )
    link.wrote(name, answer.found.incarnation)
    return tagResult(name, answer)
  }

  async bind(name: string, key: Key, options: BindOptions = {}): Promise<BoundName> {
    const known = { name: checkNewName(name), ...boundTo(key), ...namingOf(options) }
    const found = await this.#writing(name, (operation) => {
      const request = { type: 'bind', ...known, operation } as const
      return this.#options.link.ask(request, whileVerified(options, name), (answer, keep) => {
        if (keep) this.#options.holdings.bind(name, answer.found!)
        return answer.found!
      })
    })
    this.#options.link.wrote(name, found.incarnation)
    return boundName(name, found, this.#heldBytes(key))
  }

  override async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    const result = await super.remove(key, options)
    for (const name of result.names) this.#options.link.wrote(name, result.seq)
    return result
  }

  override async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const result = await this.#writing(name, () => super.unbind(name, options))
    for (const one of [name, ...result.names]) this.#options.link.wrote(one, result.seq)
    return result
  }

  /** `write` gets the id of the operation. */
  async #writing<T>(name: string, write: (operation: Uint8Array) => Promise<T>): Promise<T> {
    try {
      return await this.#options.operations.run(write)
    } catch (error) {
      await this.writeFailed(name, error)
      throw error
    }
  }

  /**
   * Forgets a name whose write failed: the caller may know more of it than this Local. Where the
   * name is bound to another key, learns to which (R004-86).
   */
  async writeFailed(name: string, error: unknown): Promise<void> {
    this.#options.link.wrote(name, Infinity)
    if (!(error instanceof DstoreError && error.code === 'conflict')) return
    await this.lookup(name, { fresh: true }).catch(() => undefined)
  }

  /** The cache's answer; undefined if it holds nothing that was confirmed. */
  #unconfirmed(key: Key): ValueFacts | undefined {
    const cached = this.#options.tiers.get(key)
    if (cached === undefined || cached.isVoid) return undefined
    const { size, incarnation } = cached
    const heldBytes = this.#heldBytes(key)
    return { key, size, incarnation, heldBytes, names: [], holders: [], confirmed: false }
  }

  #heldBytes(key: Key): number {
    return this.#options.tiers.heldBytes(key)
  }
}

function factsOf(key: Key, fact: Fact | undefined, heldBytes: number): ValueFacts | undefined {
  if (fact === undefined) return undefined
  const { size, incarnation, names, holders, heldBy, directory } = fact
  if (key.kind === 'directory' && directory === undefined) return undefined
  return {
    key,
    size,
    incarnation,
    heldBytes,
    names,
    holders,
    confirmed: true,
    ...(heldBy !== undefined && { heldBy }),
    ...directoryFacts(key, directory),
  }
}

/**
 * The removal of a directory goes on for as long as it makes progress, which only Global sees: it
 * bounds the wait itself, and a Global that hangs is noticed by its silence.
 */
const CASCADE_MS = 3_600_000

/** Requests to Global over the link. A removal waits for every Local, then for its answer. */
export function askOver(link: GlobalLink): Ask {
  return (request, options) => {
    if (!REMOVALS.has(request.type)) return link.ask(request, options)
    const { signal, timeoutMs } = options
    const waitMs = timeoutMs ?? REMOVAL_TIMEOUT_MS + withMargin(link.leaseMs ?? 0)
    const answerMs = request.type === 'expel' ? CALL_TIMEOUT_MS : CASCADE_MS
    return link.ask(request, { signal, timeoutMs: waitMs + answerMs })
  }
}

const REMOVALS: ReadonlySet<Request['type']> = new Set(['remove', 'unbind', 'expel'])
