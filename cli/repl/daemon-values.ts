/** The values of a daemon, as statements use them. */
import { gather, once } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { ClientOptions } from '../../src/daemon/client/client-options.ts'
import type { Acknowledgement } from '../../src/node/node.ts'
import { isDirectoryKey, isKey } from '../input/references.ts'
import { factsAt } from '../tree/facts-at.ts'
import type { FoundValue, Values } from './execute.ts'

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

  findKey(key: string): Promise<FoundValue | undefined> {
    return undefinedIfAbsent(this.#client.facts(key))
  }

  async findName(name: string): Promise<FoundValue | undefined> {
    const found = await undefinedIfAbsent(this.#client.lookup(name))
    const isDirectory = found !== undefined && isDirectoryKey(found.key)
    if (!isDirectory && (found !== undefined || !name.includes('/'))) return found
    // A directory, or what is below one.
    const facts = await factsAt(this.#client, name)
    return facts === 'absent' ? undefined : facts
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
    const held = await calls.openPath(keyOrName, { holdMs: PATH_HOLD_MS })
    held.release()
    return held.path
  }

  async prefetch(key: string): Promise<void> {
    await this.#client.prefetch(key)
  }

  async pin(what: string): Promise<number> {
    const { size = 0 } = await this.#client.pins.pin(what)
    return size
  }

  async unpin(what: string): Promise<void> {
    await this.#client.pins.unpin(what)
  }

  unbind(name: string): Promise<Acknowledgement> {
    return this.#client.unbind(name)
  }

  remove(key: string): Promise<Acknowledgement> {
    return this.#client.remove(key)
  }
}

async function undefinedIfAbsent(found: Promise<FoundValue>): Promise<FoundValue | undefined> {
  try {
    return await found
  } catch (error) {
    if (asDstoreError(error).code === 'not-found') return undefined
    throw error
  }
}
