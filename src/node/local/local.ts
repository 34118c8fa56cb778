/**
 * The role Local: fetches each value once, keeps it in memory, and serves every process of its
 * machine from that copy.
 */
import type { MemberRole } from '../../membership/role.ts'
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { OperationIds } from '../../index/local/operation-ids.ts'
import type { Gate } from '../../membership/gate.ts'
import type { KnownMembers } from '../../membership/known-members.ts'
import type { CacheBudget } from '../cache/cache-budget.ts'
import { Cache } from '../cache/cache.ts'
import { putBatches } from '../calls/batches.ts'
import { ByteBudgets } from '../calls/byte-budget.ts'
import { formatPosition } from '../calls/change-events.ts'
import { NoRoom } from '../swarm/download.ts'
import { fetchWhole, type FetchInto } from '../pins/fetch-whole.ts'
import { LocalHost } from '../pins/local-host.ts'
import { Paces } from '../pins/pace.ts'
import { Pins, type PinsOptions } from '../pins/pins.ts'
import { watchedHoldings } from '../pins/watched-holdings.ts'
import { globalDestination } from '../inactive/destination.ts'
import { InactiveStore, type InactiveStoreOptions } from '../inactive/inactive-store.ts'
import { noSuch } from '../calls/no-such.ts'
import { Fetcher } from '../swarm/fetcher.ts'
import { HolderWithdrawals } from '../swarm/holder-withdrawals.ts'
import { servePeers } from '../swarm/peer-service.ts'
import { PeerSources } from '../swarm/peer-sources.ts'
import type { GlobalAddresses } from './global-addresses.ts'
import type { GlobalLink } from './global-link.ts'
import { Holdings } from './holdings.ts'
import { CachedPaths } from './paths/cached-paths.ts'
import { checked } from './reads/locator.ts'
import type { HeldFile } from './reads/whole-files.ts'
import { Reader } from './reader.ts'
import type { Log } from '../../log.ts'
import type {
  CallOptions,
  GetOptions,
  ImmediateValue,
  Node,
  NodeStatus,
  NamedValue,
  PrefetchOptions,
  PutManyOptions,
  PutOptions,
  PutOutcome,
  PutResult,
  ReadableValue,
  ValueSource,
  Verification,
  VerifyOptions,
} from '../node.ts'
import { Activity } from '../activity/activity.ts'
import { MembershipCalls } from '../calls/membership-calls.ts'
import { Paths } from '../calls/paths/paths.ts'
import { RuleCalls } from '../calls/names/rule-calls.ts'
import { UseReports } from '../calls/names/use-reports.ts'
import { wordUsed } from '../calls/names/used.ts'
import { TreeCalls } from '../calls/tree-calls.ts'
import { BATCHES_AT_ONCE, Uploader } from './put.ts'
import { IndexClient, askOver } from './index-client.ts'
import type { Network } from '../../network/network.ts'
import type { TransferHost } from '../../transfer/serve.ts'
import type { OpenedFiles } from '../tiers/open-files.ts'
import { Tiers } from '../tiers/tiers.ts'
import { verifyTiers } from '../tiers/verify-tiers.ts'
import { VERSION } from '../version.ts'

export interface LocalOptions {
  readonly network: Network
  readonly link: GlobalLink
  readonly globalPeer: string
  readonly addresses: Pick<GlobalAddresses, 'all' | 'close'>
  /** The network's gate, for its count of refusals. */
  readonly gate: Gate
  readonly members: KnownMembers
  /** Of memory; a file tier on shared memory charges it as well. */
  readonly budget: CacheBudget
  /** The second tier of the cache. */
  readonly files?: OpenedFiles | undefined
  /** A store of an earlier role, in the state directory. */
  readonly inactive?: Omit<InactiveStoreOptions, 'to'> | undefined
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  /** What is pinned here, and where that is saved. */
  readonly pins?: Omit<PinsOptions, 'host' | 'log'> | undefined
  /** Those that the link tells Global of; without, Global forgets them by their time. */
  readonly operations?: OperationIds
}

export class Local implements Node {
  readonly role = 'local'
  readonly memberRole = (): MemberRole | undefined => this.#options.link.pulse?.role
  readonly index: IndexClient
  readonly members: MembershipCalls
  readonly rules: RuleCalls
  readonly trees: TreeCalls
  readonly paths: Paths
  readonly inactive: InactiveStore | undefined
  readonly pins: Pins
  readonly activity: Activity
  readonly #options: LocalOptions
  readonly #tiers: Tiers
  readonly #handedOut: CachedPaths
  readonly #withdrawals: HolderWithdrawals
  readonly #uploader: Uploader
  readonly #reader: Reader
  readonly #uses: UseReports
  readonly #startedAt = new Date()
  #closing: Promise<void> | undefined
  readonly #paces = new Paces()
  readonly #into: FetchInto = {
    get: (key, options) => this.#find(key, { ...options, mustKeep: true }),
    use: (key) => this.#tiers.peek(key)?.use(),
    isHeld: (key, range) => this.#tiers.entries(key).some(({ held }) => held.covers(range)),
    moving: () => this.activity.moving,
  }

  constructor(options: LocalOptions) {
    const { network, link, globalPeer, budget, log, random, inactive } = options
    const operations = options.operations ?? new OperationIds(random(8))
    this.#options = options
    const cache = new Cache(budget, (value) => {
      tiers.leavesMemory(value)
      this.evicted(value)
    })
    const tiers = new Tiers(cache, log, options.files)
    this.#tiers = tiers
    const holdings = new Holdings(tiers)
    this.pins = this.#openPins()
    link.attach(watchedHoldings(holdings, this.pins))
    this.activity = new Activity({ cache: () => cache.status() })
    const { traffic, moving } = this.activity
    const callers = new ByteBudgets()
    const onAway = (): void => void link.dialNow()
    const sources = new PeerSources({ network, globalPeer, traffic, log, onAway })
    this.#withdrawals = new HolderWithdrawals({
      isHeld: (key) => tiers.peek(key) !== undefined,
      withdraw: (digest) => sources.leaveSwarm(digest),
    })
    const fetcher = new Fetcher({ sources, cache: tiers, moving })
    this.#reader = new Reader({ link, tiers, holdings, fetcher, callers, moving })
    this.#uploader = new Uploader({
      link,
      cache,
      transfers: sources.transfers,
      callers,
      globalPeer,
      random,
      operations,
      activity: this.activity,
    })
    const get: Node['get'] = (key, asked) => this.get(key, asked)
    const hold: Local['holdFile'] = (key, asked) => this.holdFile(key, asked)
    const groupId = options.files?.groupId
    this.#handedOut = new CachedPaths({ tiers, hold, get, groupId })
    this.paths = new Paths(this.#handedOut, get)
    const to = globalDestination(link, this.#uploader, random)
    this.inactive = inactive && new InactiveStore({ ...inactive, to })
    this.rules = new RuleCalls(askOver(link))
    this.trees = this.#openTrees(operations)
    this.members = new MembershipCalls({ globalPeer, random, ask: askOver(link) })
    this.#uses = new UseReports({ ask: askOver(link) })
    this.index = new IndexClient({
      link,
      tiers,
      holdings,
      operations,
      keep: (key, fact) => {
        this.#reader.prepare(key, checked(key, fact), { start: 0, end: fact.size })
      },
      onUsed: (name) => this.#uses.used(name),
    })
  }

  #openPins(): Pins {
    const { pins, log } = this.#options
    // Not its own `holdFile`: what pins fetch is not in use by a caller.
    const holdFile: Local['holdFile'] = (key, held) => this.#reader.holdFile(key, held)
    const host = new LocalHost({ tiers: this.#tiers, into: this.#into, node: this, holdFile })
    return new Pins({ ...pins, log, host })
  }

  #openTrees(operations: OperationIds): TreeCalls {
    const { link, random } = this.#options
    return new TreeCalls({
      ask: askOver(link),
      random,
      operations,
      wrote: (name) => this.#wrote(name),
      failed: (name, error) => this.index.writeFailed(name, error),
    })
  }

  /** An entry of a tier was evicted, or its value removed. */
  evicted(value: { readonly key: Key; readonly size: number }): void {
    this.pins.lost(value)
    if (this.#options.network.addresses().length > 0) this.#withdrawals.add(value)
  }

  /** Starts to serve other members, if the network listens, and to fetch what is pinned. */
  async listen(): Promise<void> {
    const { network, log } = this.#options
    const open: TransferHost['open'] = (digest) => this.#reader.open(digest)
    await servePeers(network, log, { open, activity: this.activity })
    await this.pins.start()
  }

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    const stored = this.#uploader.put(source, options)
    const { name } = options
    if (name === undefined) return stored
    try {
      const result = await stored
      this.#wrote(name)
      return result
    } catch (error) {
      await this.index.writeFailed(name, error)
      throw error
    }
  }

  putMany(values: readonly Uint8Array[], options: PutManyOptions = {}): Promise<PutResult[]> {
    const put = (batch: readonly Uint8Array[]): Promise<PutResult[]> =>
      this.#uploader.putSmall(batch, options)
    return putBatches(values, put, BATCHES_AT_ONCE)
  }

  putNamed(items: readonly NamedValue[], options: CallOptions = {}): Promise<PutOutcome[]> {
    return this.#uploader.putNamed(items, options, (name) => this.#wrote(name))
  }

  /** The seq of the change is not known here: the next look-up asks Global (R004-86). */
  #wrote(name: string): void {
    this.#options.link.wrote(name, Infinity)
  }

  get(key: Key, options?: GetOptions): Promise<ReadableValue> {
    return this.#find(key, options)
  }

  getImmediate(keyOrName: string): ImmediateValue | undefined {
    const value = this.#reader.getImmediate(keyOrName)
    if (value !== undefined) wordUsed(this.#uses, keyOrName)
    return value
  }

  async #find(key: Key, options?: Parameters<Reader['get']>[1]): Promise<ReadableValue> {
    try {
      const value = await this.#reader.get(key, options)
      this.#uses.usedKey(key.digest)
      return value
    } catch (error) {
      const isAbsent = error instanceof DstoreError && error.code === 'not-found'
      throw isAbsent ? await noSuch('key', key, this) : error
    }
  }

  /** The file of a value, fetched if need be. Errors: see `WholeFiles.hold`. */
  async holdFile(key: Key, options: CallOptions = {}): Promise<HeldFile> {
    const file = await this.#reader.holdFile(key, options)
    this.#uses.usedKey(key.digest)
    return file
  }

  async prefetch(
    key: Key,
    { maxRate, rateGroup, ...options }: PrefetchOptions = {},
  ): Promise<void> {
    try {
      await this.#paces.run(maxRate, rateGroup, (pace) =>
        fetchWhole(this.#into, key, { ...options, pace }),
      )
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error
      const message = `the cache of ${this.#tiers.memory.budgetBytes} bytes has no room for ${error.size} bytes`
      throw new DstoreError('too-large', message, { cause: error })
    }
  }

  async evict(key: Key): Promise<number> {
    this.pins.checkMayEvict(key)
    return this.#tiers.evict(key)
  }

  verify(options: VerifyOptions = {}): AsyncGenerator<Verification> {
    if (options.counts === true) {
      throw new DstoreError('usage', 'the counts are those of Global: a Local has none', {
        hint: 'run `dstore verify --counts` at the Global',
      })
    }
    return verifyTiers(this.#tiers, options, () => this.#tiers.usedBytes)
  }

  async status(): Promise<NodeStatus> {
    const { link, addresses, globalPeer, network, gate, members } = this.#options
    const { state, since, address, error } = link.status
    return {
      role: this.role,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      peerId: network.peerId,
      listen: network.addresses(),
      lanePort: network.lanePort,
      position: link.position && formatPosition(link.position),
      leaseMs: link.leaseMs,
      clock: undefined,
      global: {
        peer: globalPeer,
        address,
        addresses: addresses.all,
        state: link.isDoubtful() ? 'doubtful' : state,
        since: since.toISOString(),
        ...link.pulse,
        lastHeard: link.pulse?.lastHeard.toISOString(),
        roundTripMs: link.pulse?.roundTripMs,
        error: error?.message,
        errorCode: error?.code,
        laneFault: network.laneFault?.(globalPeer),
      },
      locals: [],
      registered: [],
      members: members.size,
      refused: gate.refused,
      store: undefined,
      cache: this.#tiers.status(),
      pins: this.pins.status(),
      inactiveStore: this.inactive?.status,
      traffic: this.activity.traffic.status(),
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.pins.close()
    await this.inactive?.close()
    await this.#uses.close()
    // After the goodbye no removal waits for this node: no path may lead to a value then.
    this.#tiers.withdraw(new DstoreError('cancelled', 'the node is stopping'))
    await this.#options.link.close()
    await this.#handedOut.close()
    await this.#tiers.close()
    await this.#options.addresses.close()
    await this.#options.network.close()
  }
}
