/** A running daemon, seen as a node: the same calls, over its socket (specs/007, "HTTP API"). */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { type Key, parseKey } from '../../hash/key.ts'
import type { MemberRole } from '../../membership/role.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  ExpelResult,
  GetOptions,
  Invitation,
  InviteOptions,
  MemberEntry,
  Node,
  NodeStatus,
  PutOptions,
  PutResult,
  ReadableValue,
  RemoveOptions,
  RemoveResult,
  Role,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  ValueSource,
  Verification,
  VerifyOptions,
  WatchOptions,
} from '../../node/node.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { Client, isForClient } from './client.ts'

export class RemoteNode implements Node {
  readonly role: Role
  readonly #client: Client

  private constructor(client: Client, role: Role) {
    this.#client = client
    this.role = role
  }

  /** The daemon on this socket; undefined where there is none. */
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

  invite({ role, uses, validMs, ...options }: InviteOptions = {}): Promise<Invitation> {
    const told = { ...(role && { role }), ...(uses && { uses }), ...(validMs && { validMs }) }
    return this.#client.with(options).invite(told)
  }

  members(options: CallOptions = {}): AsyncGenerator<MemberEntry> {
    return this.#client.with(options).members()
  }

  async admit(peer: string, role: MemberRole, options: CallOptions = {}): Promise<void> {
    await this.#client.with(options).admit(peer, role)
  }

  expel(peer: string, options: CallOptions = {}): Promise<ExpelResult> {
    return this.#client.with(options).expel(peer)
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

  /** Ends the connections; the daemon goes on. */
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

/** An answer with its key as one; `protocol` where it is none. */
function keyed<Answer extends { readonly key: string }>(
  answer: Answer,
): Omit<Answer, 'key'> & { readonly key: Key } {
  try {
    return { ...answer, key: parseKey(answer.key) }
  } catch (cause) {
    throw new DstoreError('protocol', 'the daemon gave something else for a key', { cause })
  }
}
