/** The calls on the index that both roles make alike: lists, removals, changes. */
import type { Key } from '../../hash/key.ts'
import { packNames, type NamePage } from '../../index/lists/name-page.ts'
import { type KeyPage, digestAt, packKeys } from '../../index/records/list-pages.ts'
import { DstoreError } from '../../errors.ts'
import type {
  AnswerTo,
  DirectoryTotals,
  Found,
  Names,
  Rebound,
  Request,
} from '../../index/message.ts'
import { checkName } from '../../index/name.ts'
import { LATEST_MS } from '../../limits.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  CommonPrefix,
  KeyPagesOptions,
  LevelOptions,
  ListedName,
  NamePagesOptions,
  NameUsage,
  NamesOptions,
  RemoveOptions,
  RemoveResult,
  StoreUse,
  TagResult,
  TagTarget,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  WatchOptions,
} from '../node.ts'
import { changesOf } from './change-events.ts'
import { keyOf } from './key-of.ts'
import { keyPagesOf } from './lists/key-lists.ts'
import { NameLists } from './lists/name-lists.ts'

/** Carries a request to the index of Global, in this process or over the link. */
export type Ask = <R extends Request>(
  request: R,
  options: CallOptions,
) => Promise<AnswerTo[R['type']]>

export class IndexCalls {
  readonly #ask: Ask
  readonly #names: NameLists

  constructor(ask: Ask) {
    this.#ask = ask
    this.#names = new NameLists((query, options) => this.readNames(query, options))
  }

  async *keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    for await (const page of this.keyPages(options)) {
      for (let i = 0; i < page.count; i++) yield { key: keyAt(page, i), size: page.sizes[i]! }
    }
  }

  names(prefix?: string, options?: NamesOptions): AsyncGenerator<ListedName> {
    return this.#names.names(prefix, options)
  }

  level(prefix?: string, options?: LevelOptions): AsyncGenerator<ListedName | CommonPrefix> {
    return this.#names.level(prefix, options)
  }

  usage(
    prefix?: string,
    options?: Pick<LevelOptions, 'delimiter' | keyof CallOptions>,
  ): AsyncGenerator<NameUsage> {
    return this.#names.usage(prefix, options)
  }

  async contents(options: CallOptions = {}): Promise<StoreUse> {
    let unnamedValues = 0
    let unnamedBytes = 0
    let after: Uint8Array | undefined
    for (;;) {
      const some = await this.#ask({ type: 'contents', after }, options)
      unnamedValues += some.unnamedValues
      unnamedBytes += some.unnamedBytes
      after = some.next
      if (after !== undefined) continue
      const { type: _, next: __, quotaBytes, headroomBytes, ...rest } = some
      return { ...rest, quotaBytes, headroomBytes, unnamedValues, unnamedBytes }
    }
  }

  keyPages({ prefix, limit, ...options }: KeyPagesOptions = {}): AsyncGenerator<KeyPage> {
    return keyPagesOf((after, some) => this.keysAfter(after, some, options), {
      ...(prefix !== undefined && { prefix }),
      ...(limit !== undefined && { limit }),
    })
  }

  namePages(prefix?: string, options?: NamePagesOptions): AsyncGenerator<NamePage> {
    return this.#names.pages(prefix, options)
  }

  protected async keysAfter(
    after: Uint8Array | undefined,
    limit: number,
    options: CallOptions,
  ): Promise<KeyPage> {
    return packKeys(await this.#ask({ type: 'list', after, limit }, options))
  }

  protected async readNames(query: Omit<Names, 'type'>, options: CallOptions): Promise<NamePage> {
    return packNames(await this.#ask({ type: 'names', ...query }, options))
  }

  async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    const { timeoutMs, force = false } = options
    const request = { type: 'remove', digest: key.digest, timeoutMs, force } as const
    const { type: _, digest: __, ...facts } = await this.#ask(request, options)
    return { key, ...facts }
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const { timeoutMs, keepValue = false, asWriter = false } = options
    const known = { name: checkName(name), keepValue, timeoutMs }
    const request = { type: 'unbind', ...known, ...(asWriter && { asWriter }) } as const
    const { type: _, digest, ...facts } = await this.#ask(request, options)
    const key = digest === undefined ? undefined : keyOf(digest, facts.tree !== undefined)
    return { name, key, ...facts }
  }

  async tagHistory(name: string, options: CallOptions = {}): Promise<readonly TagTarget[]> {
    const request = { type: 'tag-history', name: checkName(name) } as const
    const { targets } = await this.#ask(request, options)
    if (targets.length === 0) throw new DstoreError('not-found', `no such name: ${name}`)
    return targets.map(({ digest, directory, atMs }) => ({
      key: keyOf(digest, directory),
      at: atMs === undefined ? undefined : isoOf(atMs),
    }))
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent, void, undefined> {
    const { signal } = options
    return changesOf(options, (request) =>
      this.#ask(request, signal === undefined ? {} : { signal }),
    )
  }
}

const keyAt = ({ digests, directories }: KeyPage, i: number): Key =>
  keyOf(digestAt(digests, i), directories[i] === 1)

export function boundName(name: string, found: Found, heldBytes: number): BoundName {
  const { digest, incarnation, fact, directory, tag, boundMs, expiresMs } = found
  const key = keyOf(digest, directory)
  return {
    name,
    key,
    size: fact.size,
    incarnation,
    heldBytes,
    confirmed: true,
    kind: tag === true ? 'tag' : 'fixed',
    ...(boundMs !== undefined && { boundAt: new Date(boundMs).toISOString() }),
    ...(expiresMs !== undefined && { expiresAt: isoOf(expiresMs) }),
  }
}

/** ISO 8601. */
export const isoOf = (ms: number): string => new Date(Math.min(ms, LATEST_MS)).toISOString()

/** The outcome of the move of a tag. */
export function tagResult(
  name: string,
  { found, previous, keptUntilMs, silent }: Rebound,
): TagResult {
  return {
    name,
    key: keyOf(found.digest, found.directory),
    previous: previous && keyOf(previous.digest, previous.directory),
    previousKeptUntil: keptUntilMs === undefined ? undefined : isoOf(keptUntilMs),
    silent,
  }
}

/** The key that a name is to be bound to, as a message names it. */
export const boundTo = ({ digest, kind }: Key): { digest: Uint8Array; directory?: boolean } => ({
  digest,
  ...(kind === 'directory' && { directory: true }),
})

/** The facts about a directory that its key asks for. */
export function directoryFacts(
  { kind }: Key,
  directory: DirectoryTotals | undefined,
): Pick<ValueFacts, 'directory'> {
  if (kind === 'bytes' || directory === undefined) return {}
  const { size: totalSize, files, mayLack } = directory
  return { directory: { totalSize, files, mayLack } }
}
