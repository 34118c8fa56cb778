/** The calls on the index that both roles make alike: lists, removals, changes. */
import { Key } from '../../hash/key.ts'
import type { AnswerTo, Found, Request } from '../../index/message.ts'
import { checkName } from '../../index/name.ts'
import { BATCH_ITEMS } from '../../limits.ts'
import { checkWellFormed } from '../../utf8.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  RemoveOptions,
  RemoveResult,
  UnbindOptions,
  UnbindResult,
  WatchOptions,
} from '../node.ts'
import { changesOf } from './change-events.ts'
import { pagesOf } from './pages.ts'

/** Carries a request to the index of Global, in this process or over the link. */
export type Ask = <R extends Request>(
  request: R,
  options: CallOptions,
) => Promise<AnswerTo[R['type']]>

export class IndexCalls {
  readonly #ask: Ask

  constructor(ask: Ask) {
    this.#ask = ask
  }

  async *keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    const page = (after: Uint8Array | undefined): Promise<AnswerTo['list']> =>
      this.#ask({ type: 'list', after, limit: BATCH_ITEMS }, options)
    for await (const { digest, size } of pagesOf(page, (item) => item.digest)) {
      yield { key: new Key(digest), size }
    }
  }

  async *names(prefix = '', options: CallOptions = {}): AsyncGenerator<{ name: string; key: Key }> {
    checkWellFormed(prefix, 'the prefix')
    const page = (after: string | undefined): Promise<AnswerTo['names']> =>
      this.#ask({ type: 'names', prefix, after, limit: BATCH_ITEMS }, options)
    for await (const { name, digest } of pagesOf(page, (item) => item.name)) {
      yield { name, key: new Key(digest) }
    }
  }

  async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    const { timeoutMs, force = false } = options
    const request = { type: 'remove', digest: key.digest, timeoutMs, force } as const
    const { type: _, digest: __, ...facts } = await this.#ask(request, options)
    return { key, ...facts }
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const { timeoutMs, keepValue = false } = options
    const request = { type: 'unbind', name: checkName(name), keepValue, timeoutMs } as const
    const { type: _, digest, ...facts } = await this.#ask(request, options)
    return { name, key: digest === undefined ? undefined : new Key(digest), ...facts }
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent, void, undefined> {
    const { signal } = options
    return changesOf(options, (request) =>
      this.#ask(request, signal === undefined ? {} : { signal }),
    )
  }
}

export function boundName(name: string, found: Found, heldBytes: number): BoundName {
  const { digest, incarnation, fact } = found
  return { name, key: new Key(digest), size: fact.size, incarnation, heldBytes, confirmed: true }
}
