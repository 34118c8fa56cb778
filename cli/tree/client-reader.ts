/** Reads the values of a tree from a daemon, each in the fastest way for its size. */
import type { Client } from '../../src/daemon/client/client.ts'
import type { ClientOptions } from '../../src/daemon/client/client-options.ts'
import { SmallValues } from '../../src/daemon/client/small-values.ts'
import { ValueClient } from '../../src/daemon/client/value-client.ts'
import type { Key } from '../../src/hash/key.ts'
import type { CallOptions, GetOptions } from '../../src/node/node.ts'
import type { OpenFile, ValueReader } from '../../src/tree/read/value-reader.ts'
import { fileForDaemon } from '../delivery/hand-over.ts'

export class ClientReader implements ValueReader {
  readonly #client: Client
  readonly #socket: string
  readonly #options: ClientOptions
  readonly #small: SmallValues

  /** `socket`: that of the daemon which the client is connected to, with the same options. */
  constructor(client: Client, socket: string, options: ClientOptions) {
    this.#client = client
    this.#socket = socket
    this.#options = options
    this.#small = new SmallValues(socket, options)
  }

  get(key: Key, { range }: GetOptions = {}): ReturnType<ValueReader['get']> {
    return this.#client.get(key.toString(), range)
  }

  getSmall(key: Key, size: number): Promise<Uint8Array | undefined> {
    return this.#small.get(key.toString(), size)
  }

  async copy(
    key: Key,
    _size: number,
    { fd, path }: OpenFile,
    calls?: CallOptions,
  ): Promise<boolean> {
    const file = await fileForDaemon({ partial: { fd, path } })
    const client = file && (await ValueClient.connect(this.#socket, this.#options))
    if (client === undefined) return false
    const onProgress = calls?.onProgress ?? ((): void => undefined)
    return (await client.copy(key.toString(), file!, undefined, onProgress)) !== undefined
  }

  /** Closes its own connections; the client stays open. */
  close(): void {
    this.#small.close()
  }
}
