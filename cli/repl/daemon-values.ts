/** The values of a daemon, as statements use them. */
import { gather, once } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { ClientOptions } from '../../src/daemon/client/client-options.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import { isDirectoryKey, isKey } from '../input/references.ts'
import { withSpelling } from '../input/spelling.ts'
import { factsAt } from '../tree/facts-at.ts'
import type { FoundValue, NamesAsked, Values } from './values.ts'

/** How long a path stays: a statement holds no connection. */
const PATH_HOLD_MS = 60_000

export class DaemonValues implements Values {
  readonly isKey: Values['isKey'] = isKey
  readonly #client: Client
  readonly #options: ClientOptions

  constructor(client: Client, options: ClientOptions = {}) {
    this.#client = client
    this.#options = options
  }

  async find(what: string): Promise<FoundValue | undefined> {
    if (await isKey(what)) return undefinedIfAbsent(this.#client.facts(what))
    const find = async (word: string): Promise<FoundValue> => {
      const isName = word === what
      const found = await (isName ? this.findName(word) : factsOf(this.#client, word))
      if (found === undefined) throw new DstoreError('not-found', `no such name or key: ${what}`)
      return found
    }
    return undefinedIfAbsent(withSpelling(() => this.#client, what, find))
  }

  async findName(name: string): Promise<FoundValue | undefined> {
    const found = await undefinedIfAbsent(this.#client.lookup(name))
    const isDirectory = found !== undefined && isDirectoryKey(found.key)
    if (!isDirectory && (found !== undefined || !name.includes('/'))) return found
    // A directory, or what is below one.
    const facts = await factsOf(this.#client, name)
    return facts && { ...facts, expiresAt: found?.expiresAt, kind: found?.kind }
  }

  put(value: string, name?: string): Promise<{ readonly key: string }> {
    const bytes = Buffer.from(value)
    return this.#client.putBytes(once(bytes), bytes.byteLength, { name })
  }

  tag(value: string, name: string): Promise<unknown> {
    const bytes = Buffer.from(value)
    const naming = { kind: 'tag' } as const
    return this.#client.putBytes(once(bytes), bytes.byteLength, { name, naming })
  }

  async read(key: string, mostBytes: number): Promise<Uint8Array> {
    if (mostBytes === 0) return new Uint8Array()
    const { bytes } = await this.#client.get(key, { start: 0, end: mostBytes })
    return gather(bytes)
  }

  async path(keyOrName: string): Promise<string> {
    const { ValueClient } = await import('../../src/daemon/client/value-client.ts')
    const calls = await ValueClient.connect(this.#client.socket, this.#options)
    if (calls === undefined) throw new DstoreError('unreachable', 'the daemon has stopped')
    const open = (word: string): ReturnType<typeof calls.openPath> =>
      calls.openPath(word, { holdMs: PATH_HOLD_MS })
    const held = await withSpelling(() => this.#client, keyOrName, open)
    held.release()
    return held.path
  }

  async prefetch(key: string): Promise<void> {
    await this.#client.prefetch(key)
  }

  async pin(what: string): Promise<number> {
    const pin = (word: string): ReturnType<Client['pins']['pin']> => this.#client.pins.pin(word)
    return (await withSpelling(() => this.#client, what, pin)).size ?? 0
  }

  async unpin(what: string): Promise<void> {
    const unpin = (word: string): Promise<unknown> => this.#client.pins.unpin(word)
    await withSpelling(() => this.#client, what, unpin)
  }

  async *names({ prefix, match, limit }: NamesAsked): AsyncGenerator<string> {
    for await (const { name } of this.#client.names(prefix, { match, limit })) yield name
  }

  contents(): ReturnType<Values['contents']> {
    return this.#client.lists.contents()
  }

  async role(): Promise<string> {
    return (await this.#client.status()).role
  }

  unbind(name: string): Promise<Acknowledgement> {
    return this.#client.unbind(name)
  }

  remove(key: string): Promise<Acknowledgement> {
    return this.#client.remove(key)
  }
}

async function factsOf(client: Client, word: string): Promise<FoundValue | undefined> {
  const facts = await factsAt(client, word)
  return facts === 'absent' ? undefined : facts
}

async function undefinedIfAbsent(found: Promise<FoundValue>): Promise<FoundValue | undefined> {
  try {
    return await found
  } catch (error) {
    if (asDstoreError(error).code === 'not-found') return undefined
    throw error
  }
}
