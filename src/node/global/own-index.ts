/** The index calls of Global itself: facts from its own store, everything else from its index. */
import { untilAborted } from '../../deadline.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { Names } from '../../index/message.ts'
import { checkName, checkNewName } from '../../index/name.ts'
import { decodeKey, keyRow } from '../../index/records/record.ts'
import { MISSING_ROW, heldRow } from '../../index/records/tree-record.ts'
import { decodeCounter } from '../../store/counters.ts'
import type { Store } from '../../store/store.ts'
import { namingOf } from '../calls/names/naming.ts'
import {
  type Ask,
  IndexCalls,
  boundName,
  boundTo,
  directoryFacts,
  tagResult,
} from '../calls/index-calls.ts'
import type {
  BindOptions,
  BoundName,
  CallOptions,
  KeyPage,
  NamePage,
  NodeIndex,
  NodeLists,
  StatOptions,
  TagResult,
  ValueFacts,
} from '../node.ts'
import { keyNames } from '../calls/names/key-names.ts'
import { NAMES_PER_ANSWER } from '../../limits.ts'
import type { IndexDriver } from './index-driver.ts'
import { keysOf } from './index-io.ts'
import { namesOf } from './lists/list-names.ts'

export interface OwnIndexOptions {
  readonly store: Store
  readonly ask: Ask
  /** Peer ids of Locals that hold a value. */
  readonly holders: (digest: Uint8Array) => readonly string[]
  /** May a value of the store be known to be damaged? */
  readonly mayBeDamaged: () => boolean
  /** Wall clock, in milliseconds. */
  readonly wall: () => number
}

export class OwnIndex extends IndexCalls implements NodeIndex, NodeLists {
  readonly #options: OwnIndexOptions

  constructor(options: OwnIndexOptions) {
    super(options.ask)
    this.#options = options
  }

  async stat(key: Key, { namesBelow }: StatOptions = {}): Promise<ValueFacts | undefined> {
    const { digest } = key
    const { store, holders } = this.#options
    const [row, held, missing] = await store.rows([keyRow(digest), heldRow(digest), MISSING_ROW])
    if (row === undefined) return undefined
    const found = decodeKey(row)
    const { size, incarnation, directory } = found
    if (key.kind === 'directory' && directory === undefined) return undefined
    const names = await keyNames(store, digest, found, {
      limit: NAMES_PER_ANSWER,
      ...(namesBelow !== undefined && { below: namesBelow }),
    })
    const mayLack = decodeCounter(missing?.value) > 0 || this.#options.mayBeDamaged()
    return {
      key,
      size,
      incarnation,
      heldBytes: size,
      names,
      holders: holders(digest),
      confirmed: true,
      heldBy: decodeCounter(held?.value),
      ...directoryFacts(key, directory && { ...directory, mayLack }),
    }
  }

  protected override async keysAfter(
    after: Uint8Array | undefined,
    limit: number,
    { signal }: CallOptions,
  ): Promise<KeyPage> {
    signal?.throwIfAborted()
    return keysOf(this.#options.store, { after, limit })
  }

  protected override async readNames(
    query: Omit<Names, 'type'>,
    { signal }: CallOptions,
  ): Promise<NamePage> {
    signal?.throwIfAborted()
    return namesOf(this.#options.store, query, this.#options.wall())
  }

  statMany(keys: readonly Key[]): Promise<(ValueFacts | undefined)[]> {
    return Promise.all(keys.map((key) => this.stat(key)))
  }

  async lookup(name: string): Promise<BoundName | undefined> {
    const request = { type: 'lookup', name: checkName(name), inline: false } as const
    const { found } = await this.#options.ask(request, {})
    return found === undefined ? undefined : boundName(name, found, found.fact.size)
  }

  async tag(name: string, key: Key, options: BindOptions = {}): Promise<TagResult> {
    const known = { name: checkNewName(name), ...boundTo(key), ...namingOf(options) }
    return tagResult(name, await this.#options.ask({ type: 'rebind', ...known }, {}))
  }

  async bind(name: string, key: Key, options: BindOptions = {}): Promise<BoundName> {
    const known = { name: checkNewName(name), ...boundTo(key), ...namingOf(options) }
    const request = { type: 'bind', ...known } as const
    const { found } = await this.#options.ask(request, {})
    return boundName(name, found!, found!.fact.size)
  }
}

/** Requests to the index of this process. Only a watch waits long enough to be worth cancelling. */
export function askOf(driver: IndexDriver): Ask {
  return async (request, { signal }) => {
    signal?.throwIfAborted()
    const answer = driver.ask(request)
    return request.type === 'watch' && signal !== undefined ? untilAborted(answer, signal) : answer
  }
}

/** Calls about members at a standalone node. */
export const refuseMembership: Ask = () => {
  throw new DstoreError('usage', 'a standalone node has no members', {
    hint: 'run this at the Global; to make this node one: `dstore stop`, then `dstore start --global`',
  })
}
