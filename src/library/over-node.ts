/** What programs call, over any node: one in this process, or one behind a daemon's socket. */
import type { Key } from '../hash/key.ts'
import { parseKey } from '../hash/key.ts'
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
import { checkOptions, closed, eachUnlessCancelled, toTheEnd, unlessCancelled } from './calls.ts'
import type { Dstore, Source, Value } from './dstore.ts'
import { bytesOf, readSource } from './source.ts'
import { FoundValue } from './value.ts'

type Word = Key | string

export class OverNode implements Dstore {
  readonly role: Role
  readonly #node: Node
  readonly #release: () => void
  #closing: Promise<void> | undefined

  /** `release` is called when the node is closed. */
  constructor(node: Node, release: () => void = () => undefined) {
    this.role = node.role
    this.#node = node
    this.#release = release
  }

  async put(source: Source, options: PutOptions = {}): Promise<PutResult> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    return toTheEnd(signal, async () => {
      const reading = readSource(source, signal)
      try {
        return await node.put(reading.source, options)
      } catch (error) {
        throw reading.thrown()?.error ?? error
      }
    })
  }

  async putMany(
    values: readonly (string | Uint8Array)[],
    options: CallOptions = {},
  ): Promise<PutResult[]> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    const all = Array.from(values, bytesOf)
    return toTheEnd(signal, async () => {
      const isSmall = ({ byteLength }: Uint8Array): boolean => byteLength <= INLINE_VALUE_BYTES
      const small = (await node.putMany(all.filter(isSmall), options)).values()
      const results: PutResult[] = []
      for (const bytes of all) {
        results.push(isSmall(bytes) ? small.next().value! : await this.put(bytes, options))
      }
      return results
    })
  }

  async get(word: Word, options: GetOptions = {}): Promise<Value> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    return toTheEnd(signal, async () => {
      const key = await resolveKey(node, checkWord(word), options)
      return new FoundValue(await node.get(key, options), options)
    })
  }

  async has(word: Word, options?: CallOptions): Promise<boolean> {
    return (await this.stat(word, options)) !== undefined
  }

  async hasMany(words: readonly Word[], options?: CallOptions): Promise<boolean[]> {
    return (await this.statMany(words, options)).map((facts) => facts !== undefined)
  }

  async stat(word: Word, options?: CallOptions): Promise<ValueFacts | undefined> {
    const [facts] = await this.statMany([word], options)
    return facts
  }

  async statMany(
    words: readonly Word[],
    options: CallOptions = {},
  ): Promise<(ValueFacts | undefined)[]> {
    const all = Array.from(words, checkWord)
    return this.#call(options, (node) => statWords(node, all, options))
  }

  async remove(key: Word, options: RemoveOptions = {}): Promise<RemoveResult> {
    const meant = typeof key === 'string' ? parseKey(key) : checkWord(key)
    return this.#call(options, (node) => node.index.remove(meant as Key, options))
  }

  async lookup(name: string, options: CallOptions = {}): Promise<BoundName | undefined> {
    return this.#call(options, (node) => node.index.lookup(checkText('name', name), options))
  }

  async bind(name: string, word: Word, options: CallOptions = {}): Promise<BoundName> {
    checkText('name', name)
    return this.#call(options, async (node) =>
      node.index.bind(name, await resolveKey(node, checkWord(word), options), options),
    )
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    return this.#call(options, (node) => node.index.unbind(checkText('name', name), options))
  }

  names(prefix = '', options: CallOptions = {}): AsyncGenerator<{ name: string; key: Key }> {
    return this.#each(options, (node) => node.index.names(checkText('prefix', prefix), options))
  }

  keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    return this.#each(options, (node) => node.index.keys(options))
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent> {
    return this.#each(options, (node) => node.index.watch(options))
  }

  async invite(options: InviteOptions = {}): Promise<Invitation> {
    return this.#call(options, (node) => node.members.invite(options))
  }

  members(options: CallOptions = {}): AsyncGenerator<MemberEntry> {
    return this.#each(options, (node) => node.members.list(options))
  }

  async admit(peer: string, role: MemberRole, options: CallOptions = {}): Promise<void> {
    return this.#call(options, (node) => node.members.admit(checkText('peer', peer), role, options))
  }

  async expel(peer: string, options: CallOptions = {}): Promise<ExpelResult> {
    return this.#call(options, (node) => node.members.expel(checkText('peer', peer), options))
  }

  async prefetch(word: Word, options: CallOptions = {}): Promise<void> {
    return this.#call(options, async (node) =>
      node.prefetch(await resolveKey(node, checkWord(word), options), options),
    )
  }

  async evict(word: Word, options: CallOptions = {}): Promise<number> {
    return this.#call(options, async (node) =>
      node.evict(await resolveKey(node, checkWord(word), options)),
    )
  }

  verify(options: VerifyOptions = {}): AsyncGenerator<Verification> {
    return this.#each(options, (node) => node.verify(options))
  }

  async status(options: CallOptions = {}): Promise<NodeStatus> {
    return this.#call(options, (node) => node.status())
  }

  close(): Promise<void> {
    this.#closing ??= this.#node.close().finally(this.#release)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The node, unless it was closed. */
  #open(): Node {
    if (this.#closing !== undefined) throw closed()
    return this.#node
  }

  async #call<T>(options: CallOptions, work: (node: Node) => Promise<T>): Promise<T> {
    const { signal } = checkOptions(options)
    const node = this.#open()
    return unlessCancelled(signal, () => work(node))
  }

  async *#each<T>(
    options: CallOptions,
    work: (node: Node) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const { signal } = checkOptions(options)
    yield* eachUnlessCancelled(signal, work(this.#open()))
  }
}

/** TypeError where it is neither a key nor a text. */
function checkWord(word: Word): Word {
  if (typeof word === 'string' || word?.digest instanceof Uint8Array) return word
  throw new TypeError('word must be a Key or a string')
}

function checkText(name: string, text: string): string {
  if (typeof text !== 'string') throw new TypeError(`${name} must be a string`)
  return text
}
