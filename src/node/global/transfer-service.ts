/**
 * Serves the transfer channels of members (specs/003-transfer.md): values to them, and uploads from
 * them.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { errorOf } from '../../index/failure.ts'
import { roleTooLow } from '../../index/global/dispatch.ts'
import { checkNewName } from '../../index/name.ts'
import type { KeyRecord } from '../../index/records/record.ts'
import { Key } from '../../hash/key.ts'
import { CALL_TIMEOUT_MS, RECHECK_BYTES } from '../../limits.ts'
import type { Refusal } from '../../membership/refusal.ts'
import { suffices } from '../../membership/role.ts'
import type { Store } from '../../store/store.ts'
import type { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Holders } from '../../transfer/holders.ts'
import type { ValueBytes } from '../../transfer/piece-reader.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../../transfer/serve.ts'
import type { Channel } from '../../wire/channel.ts'
import type { IndexDriver } from './index-driver.ts'
import type { Log } from '../../log.ts'
import type { Activity } from '../activity/activity.ts'
import { received } from '../activity/received.ts'
import { ServedTransfers } from '../activity/served-transfers.ts'
import { arriving } from '../calls/byte-budget.ts'
import type { Repair } from './repair.ts'
import { Ingest, adoptOrFind, receive, recordOf } from './ingest.ts'
import { SuspendedUploads } from './suspended-uploads.ts'

export interface TransferServiceOptions {
  readonly store: Store
  readonly driver: IndexDriver
  readonly repair: Repair
  readonly holders: Holders
  /** Bytes in flight for peers. */
  readonly allowance: SharedBudget
  readonly activity: Pick<Activity, 'traffic' | 'moving'>
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** A peer lacks the role, or broke the protocol. */
  readonly onRefused: (peer: string, why: Refusal) => void
}

export class TransferService {
  readonly #options: TransferServiceOptions
  /** The channels of each peer. */
  readonly #serving = new Map<string, Set<Channel>>()

  readonly #streams: SuspendedUploads
  readonly #served: ServedTransfers

  constructor(options: TransferServiceOptions) {
    const { store, driver } = options
    this.#options = options
    this.#served = new ServedTransfers(options.activity.moving)
    this.#streams = new SuspendedUploads({
      begin: (size) => Ingest.begin(store, size),
      adopt: (value, keeper) => adoptOrFind(driver, value, keeper),
    })
  }

  /** Discards the streams that wait to be resumed. */
  close(): Promise<void> {
    return this.#streams.cut()
  }

  /** Serves one channel until it ends. Never rejects. */
  async serve(channel: Channel): Promise<void> {
    const { log, onRefused } = this.#options
    const { peer } = channel
    // A peer that is not welcome on the index stream learns nothing here.
    if (!this.#isThere(peer)) {
      channel.abort(new DstoreError('not-permitted', 'not welcome'))
      return
    }
    const last = new LastServed()
    const serving = this.#serving.get(peer) ?? new Set()
    this.#serving.set(peer, serving.add(channel))
    try {
      await serveTransfer(new TransferChannel(channel), this.#hostFor(channel, last))
    } catch (error) {
      void this.#recheck(last)
      const { code, message } = asDstoreError(error)
      const facts = { peer, code, error: message }
      if (code === 'protocol') onRefused(peer, 'protocol')
      const isQuiet = code === 'unreachable' || code === 'protocol' || code === 'cancelled'
      if (isQuiet) log.debug('a transfer broke off', facts)
      else log.warn('a transfer failed', facts)
    } finally {
      serving.delete(channel)
      if (serving.size === 0) this.#serving.delete(peer)
    }
  }

  /** Ends everything that is done for a peer. */
  cut(peer: string, reason: DstoreError): void {
    for (const channel of this.#serving.get(peer) ?? []) channel.abort(reason)
    this.#options.holders.leave(peer)
    void this.#streams.cut(peer)
  }

  #hostFor(channel: Channel, last: LastServed): TransferHost {
    const { peer, signal } = channel
    const { allowance, activity, store, driver } = this.#options
    const { traffic, moving } = activity
    const meter = { allowance, who: peer, signal }
    const listed = (facts: Incoming, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
      received(moving, peer, facts, arriving(bytes, meter))
    return {
      open: (digest) => this.#open(digest, last),
      uploads: {
        check: () => this.#checkWriter(peer),
        takeKnown: async (value, bytes, outboard, keeper) => {
          if (keeper.name !== undefined) checkNewName(keeper.name)
          const named = { ...value, name: keeper.name }
          const { digest, size } = value
          const parts = listed({ key: new Key(digest), name: keeper.name, size }, bytes)
          return driver.adopt(await receive(store, named, parts, outboard), keeper)
        },
        openStream: async (offered) => {
          const stream = await this.#streams.open(channel, offered)
          return {
            ...stream,
            take: async (bytes, claim, keeper) => {
              if (keeper.name !== undefined) checkNewName(keeper.name)
              const { size } = offered
              return stream.take(listed({ name: keeper.name, size }, bytes), claim, keeper)
            },
          }
        },
      },
      join: (...facts) => this.#join(...facts),
      allowance,
      patienceMs: CALL_TIMEOUT_MS,
      list: this.#served.begin,
      traffic,
    }
  }

  /** Throws `not-permitted` if this peer may not store values. */
  #checkWriter(peer: string): void {
    const { driver, onRefused } = this.#options
    const role = driver.index.members.roleOf(peer)
    if (role !== undefined && suffices(role, 'writer')) return
    onRefused(peer, 'role')
    throw errorOf(roleTooLow(peer, role ?? 'stranger', 'writer'))
  }

  #join(peer: string, digest: Uint8Array, address: string | undefined): string[] {
    const { holders, now } = this.#options
    holders.join(peer, digest, address, now())
    return holders.addressesOf(digest, peer, (one) => this.#isThere(one), now())
  }

  #isThere(peer: string): boolean {
    return this.#options.driver.index.peers().includes(peer)
  }

  /**
   * The peer may have hung up because what it got was damaged: verify that range again (R003-41).
   */
  async #recheck({ last }: LastServed): Promise<void> {
    const { store, repair } = this.#options
    if (last === undefined || store.kind === 'memory') return
    const { digest, record, range } = last
    try {
      const bytes = repair.read(digest, record, range)
      while ((await bytes.next()).done !== true);
    } catch {
      // `read` has begun the repair.
    }
  }

  async #open(digest: Uint8Array, last: LastServed): Promise<ServedValue | undefined> {
    const { store, repair } = this.#options
    const record = await recordOf(store, digest)
    if (record === undefined) return undefined
    // No signal is needed for a removal: the reads of the store then fail with `removed`.
    const { signal } = new AbortController()
    return {
      ...last.record(digest, record, repair.bytesOf(record)),
      signal,
      covers: () => true,
      held: () => [{ start: 0, end: record.size }],
      release: () => undefined,
    }
  }
}

type Incoming = Parameters<typeof received>[2]

interface Served {
  readonly digest: Uint8Array
  readonly record: KeyRecord
  range: ByteRange
}

/** The range that a channel served last, at most `RECHECK_BYTES` of it. */
class LastServed {
  #last: Served | undefined

  get last(): Served | undefined {
    return this.#last
  }

  /** The same value; its reads are remembered. */
  record(digest: Uint8Array, record: KeyRecord, value: ValueBytes): ValueBytes {
    const served: Served = { digest, record, range: { start: 0, end: 0 } }
    return {
      ...value,
      read: (range, signal) => {
        const follows = this.#last === served && range.start === served.range.end
        const start = follows
          ? Math.max(served.range.start, range.end - RECHECK_BYTES)
          : range.start
        served.range = { start, end: range.end }
        this.#last = served
        return value.read(range, signal)
      },
    }
  }
}
