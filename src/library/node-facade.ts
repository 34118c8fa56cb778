/** The library's `Dstore` over any node: one in this process, or the client of a daemon. */
import type { Key } from '../hash/key.ts'
import { parseKey } from '../hash/key.ts'
import { DstoreError } from '../errors.ts'
import { INLINE_VALUE_BYTES } from '../limits.ts'
import type { MemberRole } from '../membership/role.ts'
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
  RemoveOptions,
  RemoveResult,
  Role,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  Verification,
  VerifyOptions,
  WatchOptions,
} from '../node/node.ts'
import { resolveKey, statWords } from '../node/calls/resolve-key.ts'
import { checkOptions, eachCancellable, runCancellable, runToEnd } from './calls.ts'
import type { Dstore, Source, Value } from './dstore.ts'
import { bytesOf, readSource } from './source.ts'
import { FoundValue } from './value.ts'

type KeyOrName = Key | string

export class NodeFacade implements Dstore {
  readonly role: Role
  readonly #node: Node
  readonly #release: () => void
  #closing: Promise<void> | undefined

  /** `release` runs after the node is closed. */
  constructor(node: Node, release: () => void = () => undefined) {
    this.role = node.role
    this.#node = node
    this.#release = release
  }

  put(source: Source, options: PutOptions = {}): Promise<PutResult> {
    return this.#callToEnd(options, async (node) => {
      const reading = readSource(source, options.signal)
      try {
        return await node.put(reading.source, options)
      } catch (error) {
        throw reading.thrown()?.error ?? error
      }
    })
  }

  putMany(
    values: readonly (string | Uint8Array)[],
    options: CallOptions = {},
  ): Promise<PutResult[]> {
    return this.#callToEnd(options, async (node) => {
      const all = Array.from(values, bytesOf)
      const isSmall = ({ byteLength }: Uint8Array): boolean => byteLength <= INLINE_VALUE_BYTES
      const small = (await node.putMany(all.filter(isSmall), options)).values()
      const results: PutResult[] = []
      for (const bytes of all) {
        results.push(isSmall(bytes) ? small.next().value! : await this.put(bytes, options))
      }
      return results
    })
  }

  get(keyOrName: KeyOrName, options: GetOptions = {}): Promise<Value> {
    return this.#callToEnd(options, async (node) => {
      const key = await resolveKey(node, checkKeyOrName(keyOrName), options)
      return new FoundValue(await node.get(key, options), options)
    })
  }

  async has(keyOrName: KeyOrName, options?: CallOptions): Promise<boolean> {
    return (await this.stat(keyOrName, options)) !== undefined
  }

  async hasMany(keysOrNames: readonly KeyOrName[], options?: CallOptions): Promise<boolean[]> {
    return (await this.statMany(keysOrNames, options)).map((facts) => facts !== undefined)
  }

  async stat(keyOrName: KeyOrName, options?: CallOptions): Promise<ValueFacts | undefined> {
    const [facts] = await this.statMany([keyOrName], options)
    return facts
  }

  statMany(
    keysOrNames: readonly KeyOrName[],
    options: CallOptions = {},
  ): Promise<(ValueFacts | undefined)[]> {
    return this.#call(options, (node) =>
      statWords(node, Array.from(keysOrNames, checkKeyOrName), options),
    )
  }

  remove(key: KeyOrName, options: RemoveOptions = {}): Promise<RemoveResult> {
    return this.#call(options, ({ index }) => {
      const parsed = typeof key === 'string' ? parseKey(key) : checkKeyOrName(key)
      return index.remove(parsed as Key, options)
    })
  }

  lookup(name: string, options: CallOptions = {}): Promise<BoundName | undefined> {
    return this.#call(options, ({ index }) => index.lookup(checkString('name', name), options))
  }

  async bind(name: string, keyOrName: KeyOrName, options: CallOptions = {}): Promise<BoundName> {
    checkString('name', name)
    return this.#callOnKey(keyOrName, options, ({ index }, key) => index.bind(name, key, options))
  }

  unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    return this.#call(options, ({ index }) => index.unbind(checkString('name', name), options))
  }

  names(prefix = '', options: CallOptions = {}): AsyncGenerator<{ name: string; key: Key }> {
    return this.#each(options, ({ index }) => index.names(checkString('prefix', prefix), options))
  }

  keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    return this.#each(options, ({ index }) => index.keys(options))
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent> {
    return this.#each(options, ({ index }) => index.watch(options))
  }

  invite(options: InviteOptions = {}): Promise<Invitation> {
    return this.#call(options, ({ members }) => members.invite(options))
  }

  members(options: CallOptions = {}): AsyncGenerator<MemberEntry> {
    return this.#each(options, ({ members }) => members.list(options))
  }

  admit(peer: string, role: MemberRole, options: CallOptions = {}): Promise<void> {
    return this.#call(options, ({ members }) =>
      members.admit(checkString('peer', peer), role, options),
    )
  }

  expel(peer: string, options: CallOptions = {}): Promise<ExpelResult> {
    return this.#call(options, ({ members }) => members.expel(checkString('peer', peer), options))
  }

  prefetch(keyOrName: KeyOrName, options: CallOptions = {}): Promise<void> {
    return this.#callOnKey(keyOrName, options, (node, key) => node.prefetch(key, options))
  }

  evict(keyOrName: KeyOrName, options: CallOptions = {}): Promise<number> {
    return this.#callOnKey(keyOrName, options, (node, key) => node.evict(key))
  }

  verify(options: VerifyOptions = {}): AsyncGenerator<Verification> {
    return this.#each(options, (node) => node.verify(options))
  }

  status(options: CallOptions = {}): Promise<NodeStatus> {
    return this.#call(options, (node) => node.status())
  }

  close(): Promise<void> {
    this.#closing ??= this.#node.close().finally(this.#release)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #open(): Node {
    if (this.#closing !== undefined) throw new DstoreError('unreachable', 'the node is closed')
    return this.#node
  }

  /** A call that the signal abandons. */
  async #call<T>(options: CallOptions, work: (node: Node) => Promise<T>): Promise<T> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    return runCancellable(signal, async () => work(node))
  }

  /** The same, of the key that `keyOrName` resolves to. */
  #callOnKey<T>(
    keyOrName: KeyOrName,
    options: CallOptions,
    work: (node: Node, key: Key) => Promise<T>,
  ): Promise<T> {
    return this.#call(options, async (node) =>
      work(node, await resolveKey(node, checkKeyOrName(keyOrName), options)),
    )
  }

  /** A call that handles the signal itself, and cleans up before it rejects. */
  async #callToEnd<T>(options: CallOptions, work: (node: Node) => Promise<T>): Promise<T> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    return runToEnd(signal, async () => work(node))
  }

  async *#each<T>(
    options: CallOptions,
    work: (node: Node) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const { signal } = checkOptions(options)
    yield* eachCancellable(signal, work(this.#open()))
  }
}

/** TypeError for anything but a key or a string. */
function checkKeyOrName(keyOrName: KeyOrName): KeyOrName {
  if (typeof keyOrName === 'string' || keyOrName?.digest instanceof Uint8Array) return keyOrName
  throw new TypeError('keyOrName must be a Key or a string')
}

function checkString(argument: string, value: string): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${argument} must be a string`)
}
