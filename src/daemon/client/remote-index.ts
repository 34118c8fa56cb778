/** The index calls of a running daemon, over its socket (specs/007, "HTTP API"). */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { type Key, parseKey } from '../../hash/key.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  NodeIndex,
  RemoveOptions,
  RemoveResult,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  WatchOptions,
} from '../../node/node.ts'
import type { Client } from './client.ts'

export class RemoteIndex implements NodeIndex {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  async stat(key: Key, options: CallOptions = {}): Promise<ValueFacts | undefined> {
    const [facts] = await this.statMany([key], options)
    return facts
  }

  async statMany(
    keys: readonly Key[],
    options: CallOptions = {},
  ): Promise<(ValueFacts | undefined)[]> {
    const answers = await this.#client.with(options).factsMany(keys.map(String))
    return answers.map((facts) => facts && keyed(facts))
  }

  async *keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    for await (const line of this.#client.with(options).keys()) yield keyed(line)
  }

  async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    return keyed(await this.#client.with(options).remove(key.toString(), options.force))
  }

  async lookup(name: string, options: CallOptions = {}): Promise<BoundName | undefined> {
    try {
      return keyed(await this.#client.with(options).lookup(name))
    } catch (error) {
      if (asDstoreError(error).code === 'not-found') return undefined
      throw error
    }
  }

  async bind(name: string, key: Key, options: CallOptions = {}): Promise<BoundName> {
    return keyed(await this.#client.with(options).bind(name, key.toString()))
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const { key, ...rest } = await this.#client.with(options).unbind(name, options.keepValue)
    return { ...rest, key: key === undefined ? undefined : parseKey(key) }
  }

  async *names(
    prefix?: string,
    options: CallOptions = {},
  ): AsyncGenerator<{ name: string; key: Key }> {
    for await (const line of this.#client.with(options).names(prefix)) yield keyed(line)
  }

  async *watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent, void, undefined> {
    const { signal, after, onStart } = options
    const client = this.#client.with(signal === undefined ? {} : { signal })
    for await (const { key, size, ...rest } of client.watch(after, onStart)) {
      yield { ...rest, key: key === undefined ? undefined : parseKey(key), size }
    }
  }
}

/** The answer with its `key` parsed; `protocol` if the daemon sent something else. */
export function keyed<Answer extends { readonly key: string }>(
  answer: Answer,
): Omit<Answer, 'key'> & { readonly key: Key } {
  try {
    return { ...answer, key: parseKey(answer.key) }
  } catch (cause) {
    throw new DstoreError('protocol', 'the daemon gave something else for a key', { cause })
  }
}
