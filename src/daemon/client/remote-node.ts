/** A running daemon as a node: the same calls, over its socket (specs/007, "HTTP API"). */
import type { Key } from '../../hash/key.ts'
import type {
  CallOptions,
  GetOptions,
  Node,
  NodeMembers,
  NodeStatus,
  PutOptions,
  PutResult,
  ReadableValue,
  Role,
  ValueSource,
  Verification,
  VerifyOptions,
} from '../../node/node.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { Client, isForClient } from './client.ts'
import { RemoteIndex, keyed } from './remote-index.ts'

export class RemoteNode implements Node {
  readonly role: Role
  readonly index: RemoteIndex
  readonly members: NodeMembers
  readonly #client: Client

  private constructor(client: Client, role: Role) {
    this.#client = client
    this.role = role
    this.index = new RemoteIndex(client)
    this.members = remoteMembers(client)
  }

  /** Connect to the daemon on this socket; undefined if there is none. */
  static async connect(socket: string, options: CallOptions = {}): Promise<RemoteNode | undefined> {
    const client = await Client.connect(socket)
    if (client === undefined) return undefined
    try {
      const { role } = await client.with(options).status()
      return new RemoteNode(client, role)
    } catch (error) {
      client.close()
      throw error
    }
  }

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    if (!('path' in source)) return this.#putBytes(source.bytes, source.size, options)
    try {
      const { path } = source
      return keyed(await this.#client.with(options).putFile(path, options.onProgress, options.name))
    } catch (error) {
      if (!isForClient(error)) throw error
      return this.#putFile(source.path, options)
    }
  }

  async putMany(values: readonly Uint8Array[], options: CallOptions = {}): Promise<PutResult[]> {
    return (await this.#client.with(options).putMany(values)).map(keyed)
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    const { size, range, bytes } = await this.#client
      .with(options)
      .get(key.toString(), options.range)
    return { key, size, range, bytes }
  }

  async prefetch(key: Key, options: CallOptions = {}): Promise<void> {
    await this.#client.with(options).prefetch(key.toString(), options.onProgress)
  }

  async evict(key: Key): Promise<number> {
    return (await this.#client.evict(key.toString())).freedBytes
  }

  async *verify({ signal, repair = false }: VerifyOptions = {}): AsyncGenerator<Verification> {
    const client = this.#client.with(signal === undefined ? {} : { signal })
    for await (const { event: type, ...facts } of client.verify(repair)) {
      yield { type, ...('key' in facts ? keyed(facts) : facts) } as Verification
    }
  }

  status(): Promise<NodeStatus> {
    return this.#client.status()
  }

  /** Close the connections; the daemon keeps running. */
  async close(): Promise<void> {
    this.#client.close()
  }

  async #putFile(path: string, options: PutOptions): Promise<PutResult> {
    const file = await FileSource.open(path)
    try {
      const bytes = file.read({ start: 0, end: file.size })
      const stored = await this.#putBytes(bytes, file.size, options)
      await file.checkUnchanged()
      return stored
    } finally {
      await file.close()
    }
  }

  async #putBytes(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    options: PutOptions,
  ): Promise<PutResult> {
    const counted = reporting(bytes, size, options)
    return keyed(await this.#client.with(options).putBytes(counted, size, options.name))
  }
}

async function* reporting(
  bytes: AsyncIterable<Uint8Array>,
  totalBytes: number | undefined,
  { onProgress }: CallOptions,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0
  for await (const piece of bytes) {
    yield piece
    doneBytes += piece.byteLength
    onProgress?.({ phase: 'store', doneBytes, totalBytes })
  }
}

const remoteMembers = (client: Client): NodeMembers => ({
  invite({ role, uses, validMs, ...options } = {}) {
    const terms = { ...(role && { role }), ...(uses && { uses }), ...(validMs && { validMs }) }
    return client.with(options).invite(terms)
  },
  list: (options = {}) => client.with(options).members(),
  async admit(peer, role, options = {}) {
    await client.with(options).admit(peer, role)
  },
  expel: (peer, options = {}) => client.with(options).expel(peer),
})
