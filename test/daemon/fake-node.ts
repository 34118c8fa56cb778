/** A node of one process without network or disk, and with every fault at a test's command. */
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { packNames } from '../../src/index/lists/name-page.ts'
import { packKeys } from '../../src/index/records/list-pages.ts'
import { checkNewName } from '../../src/index/name.ts'
import { GROUP_BYTES } from '../../src/limits.ts'
import { keyPagesOf, type ReadKeys } from '../../src/node/calls/lists/key-lists.ts'
import type { FileIdentity } from '../../src/store/file/file-identity.ts'
import { FileSource } from '../../src/store/file/file-source.ts'
import type { MemberRole } from '../../src/membership/role.ts'
import { FakeRules, FakeTags } from './fake-names.ts'
import type {
  BindOptions,
  CallOptions,
  ChangeEvent,
  KeyPagesOptions,
  GetOptions,
  ImmediateValue,
  InviteOptions,
  ListedName,
  NamedValue,
  NodeIndex,
  NodeLists,
  NodeMembers,
  NodeTrees,
  NodeStatus,
  PutOptions,
  PutOutcome,
  MovedFrom,
  PutResult,
  TagResult,
  ReadableValue,
  ServedNode,
  UnbindOptions,
  ValueSource,
  Verification,
  WatchOptions,
} from '../../src/node/node.ts'

const PIECE_BYTES = 10_000

const noTrees = (): Promise<never> => Promise.reject(new DstoreError('unsupported', 'no trees'))

export class FakeNode implements ServedNode, NodeIndex, NodeLists {
  readonly role = 'standalone' as const
  readonly index: NodeIndex & NodeLists = this
  readonly members: NodeMembers = {
    invite: (options) => this.#invite(options),
    list: (options) => this.#listMembers(options),
    admit: (peer, role) => this.#admit(peer, role),
    expel: (peer, options) => this.#expel(peer, options),
  }
  /** It stores none. */
  readonly trees: NodeTrees = {
    openHold: noTrees,
    releaseHold: noTrees,
    present: noTrees,
    makeDirectories: noTrees,
    commitTree: noTrees,
  }
  readonly values: Map<string, Uint8Array> = new Map()
  readonly bound: Map<string, Key> = new Map()
  readonly tags: FakeTags = new FakeTags()
  readonly rules: FakeRules = new FakeRules()
  readonly admitted: Map<string, MemberRole> = new Map()
  /** Changes that watchers see, in order; they wait for more until `fault` is set. */
  readonly changes: ChangeEvent[] = []
  /** The fault that the next calls give. */
  fault: Error | undefined
  /** Bytes after which a read fails with `fault`. */
  failAfterBytes: number | undefined
  /** Reads wait here before each piece. */
  gate: Promise<void> = Promise.resolve()
  /** Values that were given without a wait, and look-ups for that. */
  readonly immediate: { given: number; asked: number } = { given: 0, asked: 0 }
  readonly #open: Promise<void> = this.gate
  /** Signals of calls in progress. */
  readonly signals: AbortSignal[] = []
  readonly timeouts: (number | undefined)[] = []
  /** Puts of files that it opened itself. */
  putsByPath: number = 0
  /** Bytes of puts taken so far. */
  takenBytes: number = 0
  /** Reads whose loop has ended, at the end or before. */
  readsLeft: number = 0
  closed: boolean = false

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    this.#begin(options)
    const { name } = options
    if (name !== undefined) checkNewName(name)
    const parts: Uint8Array[] = []
    if ('path' in source) this.putsByPath++
    const bytes = 'path' in source ? readFile(source) : source.bytes
    for await (const part of bytes) {
      await this.gate
      options.signal?.throwIfAborted()
      parts.push(Uint8Array.from(part))
      this.takenBytes += part.byteLength
      const totalBytes = 'path' in source ? undefined : source.size
      options.onProgress?.({ phase: 'hash', doneBytes: this.takenBytes, totalBytes })
      if (this.failAfterBytes !== undefined && this.takenBytes >= this.failAfterBytes)
        throw this.fault
    }
    const whole = concat(parts)
    const key = new Key(hash(whole).digest)
    const existed = this.values.has(key.toString())
    this.values.set(key.toString(), whole)
    const terms = options.naming ?? {}
    const stored = { key, size: whole.byteLength, existed }
    if (name !== undefined && terms.kind === 'tag') {
      return { ...stored, ...moveOf(await this.tag(name, key, terms)) }
    }
    if (name !== undefined) await this.bind(name, key, terms)
    return stored
  }

  getImmediate(word: string): ImmediateValue | undefined {
    this.immediate.asked++
    const isFree = this.gate === this.#open && this.fault === undefined
    const key = this.bound.get(word) ?? Key.printed(word)
    const bytes = key && this.values.get(key.toString())
    if (!isFree || bytes === undefined || bytes.byteLength === 0) return undefined
    if (bytes.byteLength > GROUP_BYTES) return undefined
    this.immediate.given++
    return { key: key!, bytes }
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    this.#begin(options)
    const value = this.values.get(key.toString())
    if (value === undefined) throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    const size = value.byteLength
    const { range } = options
    let start = 0
    let end = size
    if (range !== undefined) {
      if ('last' in range) start = Math.max(0, size - range.last)
      else {
        start = range.start
        end = Math.min(size, range.end ?? size)
      }
      if (start >= size) throw new DstoreError('range', `the value has ${size} bytes`)
    }
    return Promise.resolve({
      key,
      size,
      range: { start, end },
      bytes: this.#read(value.subarray(start, end), options),
    })
  }

  async *#read(value: Uint8Array, { signal }: GetOptions): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < value.byteLength; at += PIECE_BYTES) {
        await this.gate
        signal?.throwIfAborted()
        if (this.failAfterBytes !== undefined && at >= this.failAfterBytes) throw this.fault
        yield value.subarray(at, at + PIECE_BYTES)
      }
    } finally {
      this.readsLeft++
    }
  }

  stat(key: Key, options: CallOptions = {}): Promise<Awaited<ReturnType<NodeIndex['stat']>>> {
    this.#begin(options)
    const size = this.values.get(key.toString())?.byteLength
    return Promise.resolve(
      size === undefined
        ? undefined
        : { key, size, incarnation: 1, heldBytes: size, names: [], holders: [], confirmed: true },
    )
  }

  async *keys(options: CallOptions = {}): ReturnType<NodeIndex['keys']> {
    this.#begin(options)
    let count = 0
    for (const value of this.values.values()) {
      if (this.failAfterBytes !== undefined && count >= this.failAfterBytes) throw this.fault
      await Promise.resolve()
      yield { key: new Key(hash(value).digest), size: value.byteLength }
      count++
    }
  }

  remove(key: Key, options: CallOptions = {}): ReturnType<NodeIndex['remove']> {
    this.#begin(options)
    const freedBytes = this.values.get(key.toString())?.byteLength
    if (freedBytes === undefined) {
      return Promise.reject(new DstoreError('not-found', `no such key: ${key.toString()}`))
    }
    this.values.delete(key.toString())
    const locals = { acknowledged: [], owed: [], expired: [] }
    return Promise.resolve({ key, seq: 7, freedBytes, names: [], ...locals })
  }

  statMany(keys: readonly Key[], options: CallOptions = {}): ReturnType<NodeIndex['statMany']> {
    return Promise.all(keys.map((key) => this.stat(key, options)))
  }

  putMany(values: readonly Uint8Array[], options: CallOptions = {}): Promise<PutResult[]> {
    const puts = values.map((value) => this.put({ bytes: Readable.from([value]) }, options))
    return Promise.all(puts)
  }

  putNamed(items: readonly NamedValue[], options: CallOptions = {}): Promise<PutOutcome[]> {
    const puts = items.map(({ value, name, naming }) =>
      this.put(
        { bytes: Readable.from([value]) },
        { ...options, ...(name !== undefined && { name }), ...(naming && { naming }) },
      ).catch((error: unknown) => ({ error: error as DstoreError })),
    )
    return Promise.all(puts)
  }

  lookup(name: string, options: CallOptions = {}): ReturnType<NodeIndex['lookup']> {
    this.#begin(options)
    const key = this.bound.get(name)
    const size = key && this.values.get(key.toString())?.byteLength
    if (key === undefined || size === undefined) return Promise.resolve(undefined)
    const facts = this.tags.factsOf(name)
    const held = { incarnation: 2, heldBytes: size, confirmed: true }
    return Promise.resolve({ name, key, size, ...held, ...facts })
  }

  async tag(name: string, key: Key, options: BindOptions = {}): ReturnType<NodeIndex['tag']> {
    this.#begin(options)
    checkNewName(name)
    if (this.bound.has(name) && !this.tags.isTag(name)) {
      throw new DstoreError('conflict', `${name} is a fixed name`)
    }
    if (!this.values.has(key.toString())) throw new DstoreError('not-found', 'no such key')
    this.bound.set(name, key)
    await Promise.resolve()
    return this.tags.move(name, key, options)
  }

  async tagHistory(name: string): ReturnType<NodeIndex['tagHistory']> {
    await Promise.resolve()
    return this.tags.history(name)
  }

  async bind(name: string, key: Key, options: BindOptions = {}): ReturnType<NodeIndex['bind']> {
    checkNewName(name)
    const before = this.bound.get(name) ?? key
    if (before.toString() !== key.toString()) {
      throw new DstoreError('conflict', `the name ${name} is bound to ${before.toString()}`)
    }
    if (!this.values.has(key.toString())) throw new DstoreError('not-found', 'no such key')
    this.bound.set(name, key)
    this.tags.expire(name, options.expiresMs)
    return (await this.lookup(name, options))!
  }

  async unbind(name: string, options: UnbindOptions = {}): ReturnType<NodeIndex['unbind']> {
    this.#begin(options)
    const key = this.bound.get(name)
    if (key === undefined) throw new DstoreError('not-found', `no such name: ${name}`)
    this.bound.delete(name)
    const locals = { acknowledged: ['a'], owed: [], expired: [] }
    if (options.keepValue === true) {
      return { name, key: undefined, seq: 8, freedBytes: 0, names: [name], ...locals }
    }
    const { freedBytes } = await this.remove(key)
    return { name, key, seq: 8, freedBytes, names: [name], ...locals }
  }

  async *names(prefix = '', options: CallOptions = {}): ReturnType<NodeIndex['names']> {
    this.#begin(options)
    await Promise.resolve()
    for (const [name, key] of this.bound) if (name.startsWith(prefix)) yield listed(name, key)
  }

  async *level(prefix?: string, options?: CallOptions): ReturnType<NodeIndex['level']> {
    yield* this.names(prefix, options)
  }

  async *#someKeys(query: KeyPagesOptions): ReturnType<NodeLists['keyPages']> {
    const items: { digest: Uint8Array; size: number; directory: boolean }[] = []
    for await (const { key, size } of this.keys()) {
      items.push({ digest: key.digest, size, directory: key.kind === 'directory' })
    }
    items.sort((a, b) => Buffer.compare(a.digest, b.digest))
    const after = (one: Uint8Array | undefined): typeof items =>
      items.filter(({ digest }) => one === undefined || Buffer.compare(digest, one) > 0)
    const read: ReadKeys = (from, some) =>
      Promise.resolve(
        packKeys({
          type: 'listed',
          items: after(from).slice(0, some),
          more: after(from).length > some,
        }),
      )
    yield* keyPagesOf(read, query)
  }

  async *usage(prefix = '', options: CallOptions = {}): ReturnType<NodeIndex['usage']> {
    this.#begin(options)
    yield { prefix, names: this.bound.size, size: 0 }
    await Promise.resolve()
  }

  async contents(options: CallOptions = {}): ReturnType<NodeIndex['contents']> {
    this.#begin(options)
    const use = { durable: false, values: this.values.size, valueBytes: 0, unfinishedBytes: 0 }
    const unbounded = { quotaBytes: undefined, headroomBytes: undefined }
    return Promise.resolve({ ...use, ...unbounded, unnamedValues: 0, unnamedBytes: 0 })
  }

  /** A page for each key. */
  async *keyPages({ prefix, limit, ...options }: KeyPagesOptions = {}): ReturnType<
    NodeLists['keyPages']
  > {
    if (prefix !== undefined || limit !== undefined) {
      yield* this.#someKeys({ ...(prefix !== undefined && { prefix }), ...(limit && { limit }) })
      return
    }
    for await (const { key, size } of this.keys(options)) {
      yield packKeys({ type: 'listed', items: [{ digest: key.digest, size }], more: true })
    }
  }

  /** A page for each name. */
  async *namePages(prefix = '', options: CallOptions = {}): ReturnType<NodeLists['namePages']> {
    for await (const { name, key } of this.names(prefix, options)) {
      const item = { name, digest: key.digest, directory: key.kind === 'directory' }
      yield packNames({ type: 'named', items: [item], more: true })
    }
  }

  async *watch({ after, signal, onStart }: WatchOptions = {}): ReturnType<NodeIndex['watch']> {
    this.#begin({ ...(signal && { signal }) })
    const started = this.changes.findIndex(({ position }) => position === after) + 1
    onStart?.(after ?? 'now')
    for (let at = started; ;) {
      const change = this.changes[at]
      if (change === undefined) {
        await sleep(5, undefined, { signal })
        this.#begin({})
      } else {
        yield change
        at++
      }
    }
  }

  #invite({ role = 'writer', uses = 1 }: InviteOptions = {}): ReturnType<NodeMembers['invite']> {
    const expiresAt = '2026-01-02T00:00:00.000Z'
    return Promise.resolve({ ticket: 'dstore1fake', role, uses, expiresAt, loopbackOnly: true })
  }

  async *#listMembers(options: CallOptions = {}): ReturnType<NodeMembers['list']> {
    this.#begin(options)
    await Promise.resolve()
    const since = '2026-01-01T00:00:00.000Z'
    for (const [peer, role] of this.admitted) yield { peer, role, state: 'away', since }
  }

  #admit(peer: string, role: MemberRole): Promise<void> {
    this.admitted.set(peer, role)
    return Promise.resolve()
  }

  #expel(peer: string, options: CallOptions = {}): ReturnType<NodeMembers['expel']> {
    this.#begin(options)
    if (!this.admitted.delete(peer)) {
      return Promise.reject(new DstoreError('not-found', `no such member: ${peer}`))
    }
    const locals = { acknowledged: ['a'], owed: [], expired: [] }
    return Promise.resolve({ peer, seq: 9, freedBytes: 0, names: [], ...locals })
  }

  prefetch(key: Key, options: CallOptions = {}): Promise<void> {
    this.#begin(options)
    options.onProgress?.({ phase: 'fetch', doneBytes: 1, totalBytes: undefined })
    return this.values.has(key.toString())
      ? Promise.resolve()
      : Promise.reject(new DstoreError('not-found', 'no such key'))
  }

  evict(key: Key): Promise<number> {
    return Promise.resolve(this.values.get(key.toString())?.byteLength ?? 0)
  }

  async *verify(): AsyncGenerator<Verification> {
    if (this.fault !== undefined) throw this.fault
    for (const [text, value] of this.values) {
      if (new Key(hash(value).digest).toString() === text) continue
      yield { type: 'damaged', key: parseKey(text), size: value.byteLength, repaired: false }
    }
    yield { type: 'done', values: this.values.size, doneBytes: 0, damaged: 0 }
  }

  status(): Promise<NodeStatus> {
    return Promise.resolve({
      role: 'standalone',
      version: '0.0.0',
      startedAt: '2026-01-01T00:00:00.000Z',
      peerId: undefined,
      listen: [],
      lanePort: undefined,
      position: undefined,
      leaseMs: undefined,
      clock: { trusted: true },
      global: undefined,
      locals: [],
      registered: [],
      members: undefined,
      refused: undefined,
      store: undefined,
      cache: undefined,
      traffic: [],
    })
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  #begin({ signal, timeoutMs }: CallOptions): void {
    if (signal !== undefined) this.signals.push(signal)
    this.timeouts.push(timeoutMs)
    if (this.fault !== undefined && this.failAfterBytes === undefined) throw this.fault
  }
}

async function* readFile(source: {
  readonly path: string
  readonly identity?: FileIdentity
}): AsyncGenerator<Uint8Array> {
  const file = await FileSource.open(source.path, source.identity)
  try {
    yield* file.readToEnd()
  } finally {
    await file.close()
  }
}

const listed = (name: string, key: Key): ListedName => ({
  name,
  key,
  kind: 'fixed',
  size: undefined,
  boundAt: undefined,
  expiresAt: undefined,
})

/** What a put says of the tag that it moved. */
const moveOf = ({ previous, previousKeptUntil, silent }: TagResult): Partial<MovedFrom> => ({
  ...(previous && { previous, silent }),
  ...(previousKeptUntil !== undefined && { previousKeptUntil }),
})
