/**
 * The role Global: the canonical index and the durable copy, for its own machine's processes and for every Local that
 * is connected. Without a network it is a standalone node: both layers in one process, and no hop between them.
 */
import { equal } from '../bytes.ts'
import { DstoreError, asDstoreError } from '../errors.ts'
import { Key } from '../hash/key.ts'
import type { Found } from '../index/message.ts'
import { checkName } from '../index/name.ts'
import { decodeKey, keyRow, type KeyRecord } from '../index/record.ts'
import {
  BATCH_ITEMS,
  CALL_TIMEOUT_MS,
  PEERS_IN_FLIGHT_BYTES,
  PEER_IN_FLIGHT_BYTES,
  PIECE_BYTES,
  READ_SHARE_BYTES,
} from '../limits.ts'
import { Allowance } from '../transfer/allowance.ts'
import { Company } from '../transfer/company.ts'
import { TransferChannel } from '../transfer/pieces.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../transfer/serve.ts'
import type { Identity, UploadResult } from '../transfer/upload.ts'
import { FileSource } from '../store/file-source.ts'
import type { Store } from '../store/store.ts'
import type { Channel } from '../wire/channel.ts'
import { putBatches } from './batches.ts'
import { Callers } from './callers.ts'
import { changesOf, formatPosition } from './change-events.ts'
import { untilAborted } from './deadline.ts'
import { fetchFromLocal } from './holders.ts'
import { IndexHost } from './index-host.ts'
import { listNames } from './listing.ts'
import type { Log } from './log.ts'
import type {
  BoundName,
  CallOptions,
  ChangeEvent,
  GetOptions,
  Node,
  NodeStatus,
  PutOptions,
  PutResult,
  ReadableValue,
  RemoveOptions,
  RemoveResult,
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  ValueSource,
  Verification,
  VerifyOptions,
  WatchOptions,
} from './node.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL, type NodeNetwork } from './protocols.ts'
import { resolveRange } from './range.ts'
import { arriving, metered } from './metered.ts'
import { Repair, type Holders } from './repair.ts'
import { ServedLately } from './served-lately.ts'
import { Traffic } from './traffic.ts'
import { ingest, receive, type Ingested } from './values.ts'
import { verifyStore } from './verification.ts'
import { VERSION } from './version.ts'

export interface GlobalOptions {
  readonly store: Store
  /** Undefined on a standalone node. */
  readonly network: NodeNetwork | undefined
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** Bounds for how long a Local may serve without Global, and may be out of touch: see `IndexHostOptions`. */
  readonly leaseMs?: number | undefined
  readonly forgetAfterMs?: number | undefined
}

interface Parts {
  readonly index: IndexHost
  readonly repair: Repair
  readonly company: Company
}

export class Global implements Node {
  readonly role: 'global' | 'standalone'
  readonly #store: Store
  readonly #network: NodeNetwork | undefined
  readonly #log: Log
  readonly #index: IndexHost
  readonly #repair: Repair
  readonly #traffic = new Traffic()
  readonly #company: Company
  readonly #now: () => number
  /** What is in flight: for peers, and for callers. */
  readonly #allowance = new Allowance(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES)
  readonly #callers = new Callers()
  readonly #leaseMs: number | undefined
  readonly #startedAt = new Date()

  private constructor(
    { store, network, log, now, leaseMs }: GlobalOptions,
    { index, repair, company }: Parts,
  ) {
    this.#leaseMs = leaseMs
    this.#now = now
    this.role = network === undefined ? 'standalone' : 'global'
    this.#store = store
    this.#network = network
    this.#log = log
    this.#index = index
    this.#repair = repair
    this.#company = company
  }

  /** Begin a run on this store, which is the node's from now on: `close` closes it. */
  static async open(options: GlobalOptions): Promise<Global> {
    const { network } = options
    const company = new Company()
    const holders: Holders = (key, size) => {
      if (network === undefined) return []
      const addresses = company.of(key.digest, network.peerId, () => true, options.now())
      return addresses.map((address) => fetchFromLocal(network, address, key, size))
    }
    const repair = new Repair({ ...options, holders })
    const index = await IndexHost.open({ ...options, repair })
    const node = new Global(options, { index, repair, company })
    await network?.handle(INDEX_PROTOCOL, (channel) => void index.serve(channel))
    await network?.handle(TRANSFER_PROTOCOL, (channel) => void node.#serveTransfer(channel))
    return node
  }

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    const { name } = options
    if (name !== undefined) checkName(name)
    if (!('path' in source)) {
      const bytes = arriving(source.bytes, this.#callers.meter(options))
      return this.#adopt(await this.#ingest(bytes, source.size, options), name)
    }
    const file = await FileSource.open(source.path)
    try {
      const pieces = file.read({ start: 0, end: file.size })
      const share = Math.min(2 * PIECE_BYTES, 2 * file.size)
      const bytes = metered(pieces, share, this.#callers.meter(options))
      const value = await this.#ingest(bytes, file.size, options)
      try {
        await file.checkUnchanged()
      } catch (error) {
        await value.staging.discard()
        throw error
      }
      return await this.#adopt(value, name)
    } finally {
      await file.close()
    }
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    const record = await this.#record(key.digest)
    if (record === undefined) throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    const { size, location } = record
    const range = resolveRange(options.range, size)
    // What a disk gives back may have decayed; what this process verified and kept in memory has not.
    const bytes =
      this.#store.kind === 'memory'
        ? this.#store.read(location, range, options.signal)
        : metered(
            this.#repair.read(key.digest, record, range, options.signal),
            Math.min(READ_SHARE_BYTES, 3 * (range.end - range.start)),
            this.#callers.meter(options),
          )
    return { key, size, range, bytes }
  }

  async stat(key: Key): Promise<ValueFacts | undefined> {
    const record = await this.#record(key.digest)
    if (record === undefined) return undefined
    const { size, incarnation, names } = record
    return { key, size, incarnation, heldBytes: size, names, confirmed: true }
  }

  statMany(keys: readonly Key[]): Promise<(ValueFacts | undefined)[]> {
    return Promise.all(keys.map((key) => this.stat(key)))
  }

  putMany(values: readonly Uint8Array[]): Promise<PutResult[]> {
    return putBatches(values, async (batch) => {
      const request = { type: 'put', values: batch, name: undefined } as const
      const { receipts } = await this.#index.ask(request)
      return receipts.map(({ digest, size, existed }) => ({ key: new Key(digest), size, existed }))
    })
  }

  async *keys(options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    let after: Uint8Array | undefined
    for (;;) {
      options.signal?.throwIfAborted()
      const page = after === undefined ? {} : { after }
      const rows = await this.#store.scan('keys', { ...page, limit: BATCH_ITEMS })
      for (const row of rows) yield { key: new Key(row.id), size: decodeKey(row).size }
      if (rows.length < BATCH_ITEMS) return
      after = rows.at(-1)!.id
    }
  }

  async remove(key: Key, options: RemoveOptions = {}): Promise<RemoveResult> {
    const { timeoutMs, force = false } = options
    const request = { type: 'remove', digest: key.digest, timeoutMs, force } as const
    const { type: _, digest: __, ...facts } = await this.#index.ask(request)
    return { key, ...facts }
  }

  async unbind(name: string, options: UnbindOptions = {}): Promise<UnbindResult> {
    const { timeoutMs, keepValue = false } = options
    const request = { type: 'unbind', name: checkName(name), keepValue, timeoutMs } as const
    const { type: _, digest, ...facts } = await this.#index.ask(request)
    return { name, key: digest === undefined ? undefined : new Key(digest), ...facts }
  }

  async lookup(name: string): Promise<BoundName | undefined> {
    const request = { type: 'lookup', name: checkName(name), inline: false } as const
    const { found } = await this.#index.ask(request)
    return found === undefined ? undefined : boundName(name, found)
  }

  async bind(name: string, key: Key): Promise<BoundName> {
    const request = { type: 'bind', name: checkName(name), digest: key.digest } as const
    const { found } = await this.#index.ask(request)
    return boundName(name, found!)
  }

  async *names(
    prefix = '',
    options: CallOptions = {},
  ): AsyncGenerator<{ readonly name: string; readonly key: Key }> {
    let after: string | undefined
    for (;;) {
      options.signal?.throwIfAborted()
      const { items, more } = await listNames(this.#store, { prefix, after, limit: BATCH_ITEMS })
      for (const { name, digest } of items) yield { name, key: new Key(digest) }
      after = items.at(-1)?.name
      if (!more || after === undefined) return
    }
  }

  watch(options: WatchOptions = {}): AsyncGenerator<ChangeEvent> {
    const { signal = new AbortController().signal } = options
    return changesOf(options, (request) => untilAborted(this.#index.ask(request), signal))
  }

  /** Global is where the value is: there is nothing to bring. */
  async prefetch(key: Key): Promise<void> {
    if ((await this.stat(key)) === undefined) {
      throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    }
  }

  /** Global keeps no copy beside the durable one. */
  async evict(): Promise<number> {
    return 0
  }

  verify(options: VerifyOptions = {}): AsyncGenerator<Verification> {
    return verifyStore(this.#store, this.#repair, options)
  }

  async status(): Promise<NodeStatus> {
    const { headroomBytes = Infinity, ...usage } = await this.#store.usage()
    const { kind } = this.#store
    const headroom = Math.min(headroomBytes, (await this.#store.freeBytes()) ?? Infinity)
    const seq = await this.#store.lastSeq()
    const { position, registered } = this.#index.standing
    return {
      role: this.role,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      peerId: this.#network?.peerId,
      listen: this.#network?.addresses() ?? [],
      position: formatPosition(position),
      leaseMs: this.#leaseMs,
      global: undefined,
      locals: this.#index.peers(),
      registered,
      store: {
        kind,
        durable: kind !== 'memory',
        ...usage,
        headroomBytes: headroom === Infinity ? undefined : headroom,
        seq,
      },
      cache: undefined,
      traffic: this.#traffic.status(),
    }
  }

  async close(): Promise<void> {
    await this.#index.close()
    await this.#network?.close()
    await this.#store.close()
  }

  async #record(digest: Uint8Array): Promise<KeyRecord | undefined> {
    const [row] = await this.#store.rows([keyRow(digest)])
    return row === undefined ? undefined : decodeKey(row)
  }

  async #ingest(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    { signal, onProgress }: CallOptions,
  ): Promise<Ingested> {
    let doneBytes = 0
    const value = await ingest(this.#store, bytes, {
      size,
      signal,
      onBytes: (count) => {
        doneBytes += count
        onProgress?.({ phase: 'store', doneBytes, totalBytes: size })
      },
    })
    return value
  }

  async #adopt(value: Ingested, name: string | undefined): Promise<PutResult> {
    const { digest, size } = value
    const { existed } = await this.#index.adopt(value, name)
    return { key: new Key(digest), size, existed }
  }

  async #serveTransfer(channel: Channel): Promise<void> {
    // Who has not been welcomed on the index stream is told nothing.
    if (!this.#welcome()(channel.peer)) {
      channel.abort(new DstoreError('not-permitted', 'not welcome'))
      return
    }
    const lately = new ServedLately()
    const { peer, signal } = channel
    const meter = { allowance: this.#allowance, who: peer, signal }
    const host: TransferHost = {
      open: (digest) => this.#open(digest, lately),
      uploads: {
        takeKnown: (value, bytes, outboard, name) =>
          this.#takeKnown(value, arriving(bytes, meter), outboard, name),
        takeStream: (bytes, size, claim, name) =>
          this.#takeStream(arriving(bytes, meter), size, claim, name),
      },
      company: {
        join: (peer, digest, address) => {
          const now = this.#now()
          const isThere = this.#welcome()
          this.#company.join(peer, digest, address, now)
          return this.#company.of(digest, peer, isThere, now)
        },
        // Also this node itself: it fetches back from Locals what its disk lost.
        isWelcome: (peer) => peer === this.#network?.peerId || this.#welcome()(peer),
      },
      allowance: this.#allowance,
      patienceMs: CALL_TIMEOUT_MS,
      onSent: (peer, bytes) => this.#traffic.sent(peer, bytes),
      onReceived: (peer, bytes) => this.#traffic.received(peer, bytes),
    }
    try {
      await serveTransfer(new TransferChannel(channel), host)
    } catch (error) {
      void this.#recheck(lately)
      const { code, message } = asDstoreError(error)
      const facts = { peer: channel.peer, code, error: message }
      if (code === 'unreachable') this.#log.debug('a transfer broke off', facts)
      else this.#log.warn('a transfer failed', facts)
    }
  }

  /** Is a peer connected and welcome? */
  #welcome(): (peer: string) => boolean {
    const peers = new Set(this.#index.peers())
    return (peer) => peers.has(peer)
  }

  /** A peer may have hung up because it was given what is not the value. */
  async #recheck({ last }: ServedLately): Promise<void> {
    if (last === undefined || this.#store.kind === 'memory') return
    const { digest, record, range } = last
    try {
      const bytes = this.#repair.read(digest, record, range)
      while ((await bytes.next()).done !== true);
    } catch {
      // What it means has been seen to.
    }
  }

  async #open(digest: Uint8Array, lately: ServedLately): Promise<ServedValue | undefined> {
    const record = await this.#record(digest)
    if (record === undefined) return undefined
    // A value that is removed meanwhile ends its reads itself: the store says `removed`.
    const { signal } = new AbortController()
    return {
      ...lately.watch(digest, record, this.#repair.bytesOf(record)),
      signal,
      covers: () => true,
      held: () => [{ start: 0, end: record.size }],
      release: () => undefined,
    }
  }

  async #takeKnown(
    { digest, size, start }: Identity & { readonly start: number },
    bytes: AsyncIterable<Uint8Array>,
    outboard: () => Uint8Array,
    name: string | undefined,
  ): Promise<UploadResult> {
    if (name !== undefined) checkName(name)
    const value = await receive(this.#store, { digest, size, start }, bytes, outboard)
    return this.#index.adopt(value, name)
  }

  async #takeStream(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    claim: () => Identity,
    name: string | undefined,
  ): Promise<UploadResult> {
    if (name !== undefined) checkName(name)
    const value = await this.#ingest(bytes, size, {})
    const claimed = claim()
    if (claimed.size !== value.size || !equal(claimed.digest, value.digest)) {
      await value.staging.discard()
      throw new DstoreError('integrity', 'the bytes that came are not those that were sent')
    }
    return this.#index.adopt(value, name)
  }
}

function boundName(name: string, { digest, incarnation, fact }: Found): BoundName {
  const { size } = fact
  return { name, key: new Key(digest), size, incarnation, heldBytes: size, confirmed: true }
}
