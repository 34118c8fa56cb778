/**
 * The role Global: the canonical index and the durable copy, for the processes of its machine and
 * for connected Locals. Without a network it is a standalone node: both layers in one process.
 */
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import {
  FAREWELL_MS,
  PEERS_IN_FLIGHT_BYTES,
  PEER_IN_FLIGHT_BYTES,
  PIECE_BYTES,
  READ_SHARE_BYTES,
} from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Gate } from '../../membership/gate.ts'
import { Holders } from '../../transfer/holders.ts'
import { FileSource } from '../../store/file/file-source.ts'
import type { Store } from '../../store/store.ts'
import { putManyHere, putNamedHere } from '../calls/names/own-puts.ts'
import { ByteBudgets, arriving, metered } from '../calls/byte-budget.ts'
import { checkKeeper, keptAs } from '../calls/hold-id.ts'
import { ticketAddresses } from '../calls/ticket-addresses.ts'
import { putResult } from '../calls/names/put-result.ts'
import { Paths } from '../calls/paths/paths.ts'
import { RuleCalls } from '../calls/names/rule-calls.ts'
import { TreeCalls } from '../calls/tree-calls.ts'
import { formatPosition } from '../calls/change-events.ts'
import { copyWithin } from './copy-within.ts'
import { CountVerifier } from './counts/verify-counts.ts'
import { localSources } from './fetch-from-local.ts'
import { StoredFiles } from './paths/stored-files.ts'
import { archiveReport } from './archive/report-archive.ts'
import { keptIn } from './archive/kept-rows.ts'
import type { NodeArchive } from './archive/node-archive.ts'
import { storeReport } from './store/store-report.ts'
import { TransferService } from './transfer-service.ts'
import { IndexDriver } from './index-driver.ts'
import type { Log } from '../../log.ts'
import { MembershipCalls } from '../calls/membership-calls.ts'
import { OwnIndex, askOf, refuseMembership } from './own-index.ts'
import type {
  CopyTarget,
  GetOptions,
  ImmediateValue,
  Node,
  NamedValue,
  NodeStatus,
  PutManyOptions,
  PutOptions,
  PutOutcome,
  PutResult,
  ReadableValue,
  ValueSource,
  Verification,
  VerifyOptions,
} from '../node.ts'
import { INDEX_PROTOCOL, TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import { noSuch, notAsDirectory } from '../calls/no-such.ts'
import { resolveRange } from '../calls/range.ts'
import { KnownFiles } from './known-file.ts'
import { Repair } from './repair.ts'
import { GlobalActivity } from '../activity/global-activity.ts'
import { clockStatus } from '../clock-status.ts'
import { immediateValue } from '../calls/immediate.ts'
import { adoptOrFind, ingest, ingestFile, isCopied, recordOf, type Arrived } from './ingest.ts'
import { verifyStore } from './verify-store.ts'
import { VERSION } from '../version.ts'
import { elsewhereOf, endWhenSilent, holding } from './set/elsewhere.ts'
import { setReport } from './set/report-set.ts'
import type { NodeSet } from './set/node-set.ts'

export interface GlobalOptions {
  readonly store: Store
  /** Undefined on a standalone node. */
  readonly network: Network | undefined
  /** The gate of the network, which follows the members. */
  readonly gate: Gate | undefined
  readonly log: Log
  /** See `OpenIndexOptions`. */
  readonly now: () => number
  readonly wall: () => number
  readonly random: (bytes: number) => Uint8Array
  /** See `IndexDriverOptions`. */
  readonly leaseMs?: number | undefined
  readonly forgetAfterMs?: number | undefined
  readonly trustClock?: boolean | undefined
  /** Of the store; the node closes it. */
  readonly archive?: NodeArchive | undefined
  /** Of the active member of a set, whose store was opened with it. */
  readonly set?: NodeSet | undefined
  /** See `StoredFilesOptions`. */
  readonly pathsRoot?: string | undefined
  readonly groupId?: number | undefined
}

interface Parts {
  readonly driver: IndexDriver
  readonly repair: Repair
  readonly activity: GlobalActivity
  readonly holders: Holders
  readonly transfers: TransferService
  readonly files: StoredFiles
}

export class Global implements Node {
  readonly role: 'global' | 'standalone'
  readonly index: OwnIndex
  readonly members: MembershipCalls
  readonly rules: RuleCalls
  readonly trees: TreeCalls
  readonly paths: Paths
  readonly activity: GlobalActivity
  /** What the daemon keeps in the store, if that has an archive. */
  readonly kept: ReturnType<typeof keptIn>
  readonly #options: GlobalOptions
  readonly #store: Store
  readonly #driver: IndexDriver
  readonly #repair: Repair
  readonly #transfers: TransferService
  readonly #files: StoredFiles
  readonly #known: KnownFiles
  readonly #counts: CountVerifier
  readonly #callers = new ByteBudgets()
  readonly #startedAt = new Date()

  private constructor(
    options: GlobalOptions,
    { driver, repair, activity, holders, transfers, files }: Parts,
  ) {
    const { network, random } = options
    this.role = network === undefined ? 'standalone' : 'global'
    this.#options = options
    this.#store = options.store
    this.kept = keptIn(options)
    this.#known = new KnownFiles(options.store)
    this.#driver = driver
    this.#repair = repair
    this.activity = activity
    this.#transfers = transfers
    this.#files = files
    this.paths = new Paths(files, (key, asked) => this.get(key, asked))
    this.#counts = new CountVerifier({ ...options, repair, driver })
    this.index = new OwnIndex({
      store: options.store,
      ask: askOf(driver),
      holders: (digest) => holders.peersOf(digest, options.now()),
      mayBeDamaged: () => repair.mayBeDamaged,
      wall: options.wall,
    })
    this.rules = new RuleCalls(askOf(driver))
    this.trees = new TreeCalls({ ask: askOf(driver), random })
    const ask = network === undefined ? refuseMembership : askOf(driver)
    this.members = new MembershipCalls({ globalPeer: network?.peerId ?? '', random, ask })
  }

  /** Begins a run on this store and starts the network. The node owns both: `close` closes them. */
  static async open(options: GlobalOptions): Promise<Global> {
    const { network, gate, now, set } = options
    const holders = new Holders()
    const activity = new GlobalActivity(network !== undefined, () => driver.index)
    const repair = new Repair({ ...options, holders: localSources(network, holders, now) })
    const used = (digest: Uint8Array): void => driver.index.usedKey(digest)
    const files = new StoredFiles({ ...options, repair, used })
    const driver = await IndexDriver.open({
      ...options,
      repair,
      onReleased: (locations) => files.released(locations),
      addresses: () => ticketAddresses(network, set?.addresses()),
      holders: (digest) => holders.peersOf(digest, now()),
      mayBeDamaged: () => repair.mayBeDamaged,
      onRefused: (peer, why) => gate?.refuse(peer, why),
      onExpelled: (peer) => {
        transfers.cut(peer, new DstoreError('not-permitted', 'no longer a member'))
        // The index stream carries the reason. A peer that ignores it is disconnected all the same.
        network?.disconnect(peer, { afterMs: FAREWELL_MS })
      },
      disconnect: (peer, options) => network?.disconnect(peer, options),
      lanePort: () => network?.lanePort,
      ...elsewhereOf(options),
    })
    const transfers = new TransferService({
      ...options,
      driver,
      repair,
      holders,
      activity,
      allowance: new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES),
      onRefused: (peer, why) => gate?.refuse(peer, why),
    })
    gate?.follow((peer) => driver.index.members.roleOf(peer) !== undefined)
    const serve = holding(set, (channel) => driver.serve(channel))
    await network?.handle(INDEX_PROTOCOL, serve)
    await network?.handle(
      TRANSFER_PROTOCOL,
      holding(set, (one) => transfers.serve(one)),
    )
    endWhenSilent(set, driver, network)
    // Last, or an early Local would hear that it is not a member, or find no protocol (R004-57).
    await network?.start()
    return new Global(options, { driver, repair, activity, holders, transfers, files })
  }

  async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    checkKeeper(options)
    if (!('path' in source)) {
      const bytes = arriving(source.bytes, this.#callers.forCall(options))
      return this.#adopt(await this.#ingest(bytes, source.size, options), options)
    }
    const file = await FileSource.open(source.path, source.identity)
    try {
      if (isCopied(this.#store, file)) {
        const present = await this.#putAgain(file, options)
        if (present !== undefined) return present
        // Its bytes are in flight only in the windows of the threads, which all calls share.
        return await this.#adopt(await ingestFile(this.#store, file, options), options)
      }
      // The last piece comes only from a file that did not change, so a changed one is not sealed.
      const share = 2 * Math.min(PIECE_BYTES, file.size ?? PIECE_BYTES)
      const bytes = metered(file.readToEnd(), share, this.#callers.forCall(options))
      return await this.#adopt(await this.#ingest(bytes, file.size, options), options)
    } finally {
      await file.close()
    }
  }

  async get(key: Key, options: GetOptions = {}): Promise<ReadableValue> {
    const record = await recordOf(this.#store, key.digest)
    if (record === undefined) throw new DstoreError('not-found', `no such key: ${key.toString()}`)
    if (key.kind === 'directory' && record.directory === undefined) throw notAsDirectory(key)
    this.#driver.index.usedKey(key.digest)
    const { size, location } = record
    const range = resolveRange(options.range, size)
    // Bytes on disk may have decayed; memory holds what this process verified.
    const bytes =
      this.#store.kind === 'memory'
        ? this.#store.read(location, range, options.signal)
        : metered(
            this.#repair.read(key.digest, record, range, options.signal),
            Math.min(READ_SHARE_BYTES + PIECE_BYTES, 3 * (range.end - range.start)),
            this.#callers.forCall(options),
          )
    const isLarge = this.#store.kind === 'disk' && range.end - range.start >= PIECE_BYTES
    if (!isLarge) return { key, size, range, bytes }
    const place = { store: this.#store, repair: this.#repair }
    const copyTo = (target: CopyTarget): Promise<boolean> => {
      const within = { ...place, budget: this.#callers.forCall(options) }
      const { digest } = key
      return copyWithin(within, record, { digest, range, target, signal: options.signal })
    }
    return { key, size, range, bytes, copyTo }
  }

  getImmediate(keyOrName: string): ImmediateValue | undefined {
    return immediateValue(this.#store, keyOrName, this.#driver.index)
  }

  putMany(values: readonly Uint8Array[], options: PutManyOptions = {}): Promise<PutResult[]> {
    return putManyHere(askOf(this.#driver), values, options)
  }

  putNamed(items: readonly NamedValue[]): Promise<PutOutcome[]> {
    return putNamedHere(askOf(this.#driver), items)
  }

  /** The value is here already. */
  async prefetch(key: Key): Promise<void> {
    if ((await this.index.stat(key)) === undefined) throw await noSuch('key', key, this)
  }

  /** Global has no cache beside its store. */
  async evict(): Promise<number> {
    return 0
  }

  verify(options: VerifyOptions = {}): AsyncGenerator<Verification> {
    if (options.counts === true) return this.#counts.verify(options)
    return verifyStore(this.#store, this.#repair, options)
  }

  async status(): Promise<NodeStatus> {
    const { network, gate, leaseMs, archive, set, wall } = this.#options
    return {
      role: this.role,
      version: VERSION,
      startedAt: this.#startedAt.toISOString(),
      peerId: network?.peerId,
      listen: network?.addresses() ?? [],
      lanePort: network?.lanePort,
      position: formatPosition(this.#driver.index.position),
      leaseMs,
      clock: clockStatus(this.#driver.index.wallDoubt),
      global: undefined,
      locals: this.#driver.index.peers(),
      registered: this.#driver.index.registered(),
      members: network && this.#driver.index.members.peers().length,
      refused: gate?.refused,
      names: this.#driver.index.nameCounts,
      store: await storeReport(this.#store),
      set: set && setReport(set.status(), wall()),
      archive: archive && archiveReport(archive.archive, await this.#store.usage(), wall()),
      ...(await this.rules.status()),
      cache: undefined,
      traffic: this.activity.traffic.status(),
    }
  }

  ending(): void {
    this.#options.archive?.archive.closing()
  }

  async close(): Promise<void> {
    await this.#driver.close()
    await this.#options.network?.close()
    await this.#transfers.close()
    await this.#store.close()
    await this.#files.close()
    await this.#options.archive?.close()
  }

  #ingest(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    { signal, onProgress, name }: PutOptions,
  ): Promise<Arrived> {
    let doneBytes = 0
    return ingest(this.#store, bytes, size, {
      signal,
      name,
      onBytes: (count) => {
        doneBytes += count
        onProgress?.({ phase: 'store', doneBytes, totalBytes: size })
      },
    })
  }

  /** Puts a file that is a value of the store already; undefined if it is not. */
  async #putAgain(file: FileSource, options: PutOptions): Promise<PutResult | undefined> {
    const hashed = await this.#known.hashIfLikely(file, options)
    if (hashed === undefined) return undefined
    const { digest, size } = hashed
    const offer = { type: 'offer', digest, size, name: undefined, ...keptAs(options) } as const
    const { have } = await this.#driver.ask(offer)
    return have && putResult(new Key(digest), have)
  }

  async #adopt(value: Arrived, options: PutOptions): Promise<PutResult> {
    const receipt = await adoptOrFind(this.#driver, value, keptAs(options))
    return putResult(new Key(value.digest), receipt)
  }
}
