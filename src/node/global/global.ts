/**
 * The role Global: the canonical index and the durable copy, for its own machine's processes and for every Local that
 * is connected. Without a network it is a standalone node: both layers in one process, and no hop between them.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { Found } from '../../index/message.ts'
import { checkName } from '../../index/name.ts'
import { decodeKey, keyRow, type KeyRecord } from '../../index/records/record.ts'
import {
  BATCH_ITEMS,
  FAREWELL_MS,
  PEERS_IN_FLIGHT_BYTES,
  PEER_IN_FLIGHT_BYTES,
  PIECE_BYTES,
  READ_SHARE_BYTES,
  TICKET_ADDRESSES,
} from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Gate } from '../../membership/gate.ts'
import type { MemberRole } from '../../membership/role.ts'
import { isTicketAddress } from '../../membership/ticket.ts'
import { Holders } from '../../transfer/holders.ts'
import { FileSource } from '../../store/file/file-source.ts'
import type { Store } from '../../store/store.ts'
import { putBatches } from '../calls/batches.ts'
import { ByteBudgets } from '../calls/byte-budget.ts'
import { changesOf, formatPosition } from '../calls/change-events.ts'
import { untilAborted } from '../../deadline.ts'
import { fetchFromLocal } from './fetch-from-local.ts'
import { TransferService } from './transfer-service.ts'
import { IndexDriver } from './index-driver.ts'
import { listNames } from './listing.ts'
import type { Log } from '../../log.ts'
import { MembershipCalls } from '../calls/membership-calls.ts'
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
  UnbindOptions,
  UnbindResult,
  ValueFacts,
  ValueSource,
  Verification,
  VerifyOptions,
  WatchOptions,
} from '../node.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import { resolveRange } from '../calls/range.ts'
import { arriving, metered } from '../calls/byte-budget.ts'
import { Repair, type HolderSources } from './repair.ts'
import { Traffic } from '../calls/traffic.ts'
import { ingest, type Ingested } from './ingest.ts'
import { verifyStore } from './verify-store.ts'
import { VERSION } from '../version.ts'

export interface GlobalOptions {
  readonly store: Store
  /** Undefined on a standalone node, which has no members but its own user. */
  readonly network: Network | undefined
  /** Of the network: told who is a member. */
  readonly gate: Gate | undefined
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: (bytes: number) => Uint8Array
  /** Bounds for how long a Local may serve without Global, and may be out of touch: see `IndexHostOptions`. */
  readonly leaseMs?: number | undefined
  readonly forgetAfterMs?: number | undefined
}

interface Parts {
  readonly index: IndexDriver
  readonly repair: Repair
  readonly traffic: Traffic
  readonly company: Holders
}

export class Global implements Node {
  readonly role: 'global' | 'standalone'
  readonly #options: GlobalOptions
  readonly #store: Store
  readonly #index: IndexDriver
  readonly #company: Holders
  readonly #repair: Repair
  readonly #traffic: Traffic
  readonly #membership: MembershipCalls
  readonly #callers = new ByteBudgets()
  readonly #startedAt = new Date()

  private constructor(options: GlobalOptions, { index, repair, traffic, company }: Parts) {
    this.#company = company
    const { network, random } = options
    this.role = network === undefined ? 'standalone' : 'global'
    this.#options = options
    this.#store = options.store
    this.#index = index
    this.#repair = repair
    this.#traffic = traffic
    this.#membership = new MembershipCalls({
      globalPeer: network?.peerId ?? '',
      random,
      ask: (request) => {
        if (network !== undefined) return index.ask(request)
        throw new DstoreError('usage', 'a standalone node has no members', {
          hint: 'start it with --global',
        })
      },
    })
  }

  /** Begin a run on this store, which is the node's from now on: `close` closes it. Starts the network. */
  static async open(options: GlobalOptions): Promise<Global> {
    const { network, gate, now } = options
    const company = new Holders()
    const traffic = new Traffic()
    const holders: HolderSources = (key, size) => {
      if (network === undefined) return []
      const addresses = company.of(key.digest, network.peerId, () => true, now())
      return addresses.map((address) => fetchFromLocal(network, address, key, size))
    }
    const repair = new Repair({ ...options, holders })
    const index = await IndexDriver.open({
      ...options,
      repair,
      addresses: () => ticketAddresses(network),
      holders: (digest) => company.holders(digest, now()),
      onRefused: (peer, why) => gate?.refuse(peer, why),
      onExpelled: (peer) => {
        transfers.cut(peer, new DstoreError('not-permitted', 'no longer a member'))
        // It is told why on its index stream; whoever does not listen is cut off all the same.
        setTimeout(() => network?.disconnect(peer), FAREWELL_MS).unref()
      },
      disconnect: (peer) => network?.disconnect(peer),
    })
    const transfers = new TransferService({
      ...options,
      index,
      repair,
      company,
      traffic,
      allowance: new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES),
      onRefused: (peer, why) => gate?.refuse(peer, why),
    })
    gate?.follow((peer) => index.members.roleOf(peer) !== undefined)
    await network?.handle(INDEX_PROTOCOL, (channel) => void index.serve(channel))
    await network?.handle(TRANSFER_PROTOCOL, (channel) => void transfers.serve(channel))
    // Not before: a Local that is early would be told that it is no member, or that nothing is spoken here.
    await network?.start()
    return new Global(options, { index, repair, traffic, company })
  }

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    const { name } = options
    if (name !== undefined) checkName(name)
    if (!('path' in source)) {
      const bytes = arriving(source.bytes, this.#callers.forCall(options))
      return this.#adopt(await this.#ingest(bytes, source.size, options), name)
    }
    const file = await FileSource.open(source.path)
    try {
      const pieces = file.read({ start: 0, end: file.size })
      const share = Math.min(2 * PIECE_BYTES, 2 * file.size)
      const bytes = metered(pieces, share, this.#callers.forCall(options))
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
            this.#callers.forCall(options),
          )
    return { key, size, range, bytes }
  }

  async stat(key: Key): Promise<ValueFacts | undefined> {
    const record = await this.#record(key.digest)
    if (record === undefined) return undefined
    const { size, incarnation, names } = record
    const holders = this.#company.holders(key.digest, this.#options.now())
    return { key, size, incarnation, heldBytes: size, names, holders, confirmed: true }
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

  invite(options?: InviteOptions): Promise<Invitation> {
    return this.#membership.invite(options)
  }

  members(options?: CallOptions): AsyncGenerator<MemberEntry> {
    return this.#membership.members(options)
  }

  admit(peer: string, role: MemberRole, options?: CallOptions): Promise<void> {
    return this.#membership.admit(peer, role, options)
  }

  expel(peer: string, options?: CallOptions): Promise<ExpelResult> {
    return this.#membership.expel(peer, options)
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
    const { network, gate, leaseMs } = this.#options
    return {
      role: this.role,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      peerId: network?.peerId,
      listen: network?.addresses() ?? [],
      position: formatPosition(position),
      leaseMs,
      global: undefined,
      locals: this.#index.peers(),
      registered,
      members: network && this.#index.members.peers().length,
      refused: gate?.refused,
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
    await this.#options.network?.close()
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
}

/** Where tickets say that Global is: what only this machine can reach comes last. */
function ticketAddresses(network: Network | undefined): string[] {
  const addresses = (network?.addresses() ?? []).map((one) => one.replace(/\/p2p\/[^/]+$/, ''))
  const isLoopback = (address: string): number => Number(/^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  return addresses
    .filter(isTicketAddress)
    .toSorted((a, b) => isLoopback(a) - isLoopback(b))
    .slice(0, TICKET_ADDRESSES)
}

function boundName(name: string, { digest, incarnation, fact }: Found): BoundName {
  const { size } = fact
  return { name, key: new Key(digest), size, incarnation, heldBytes: size, confirmed: true }
}
