/** How a Local fetches: one download for each value, from many sources; and how it gives others what it holds. */
import { asDstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { SWARM_BYTES } from '../../limits.ts'
import type { ServedValue } from '../../transfer/serve.ts'
import { within } from '../../transfer/piece-reader.ts'
import { RETRY_MS, Retry } from './retry.ts'
import type { Cache } from '../cache/cache.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import { PeerService } from './peer-service.ts'
import { pause } from '../../deadline.ts'
import { Download } from './download.ts'
import { HolderWithdrawals } from './holder-withdrawals.ts'
import type { Log } from '../../log.ts'
import { threadedChecker } from './verify-thread.ts'
import { TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import { PeerSources } from './peer-sources.ts'
import type { Traffic } from '../calls/traffic.ts'
import type { ChannelPool } from './channel-pool.ts'

export interface FetcherOptions {
  readonly network: Network
  readonly globalPeer: string
  readonly cache: Cache
  readonly traffic: Traffic
  readonly log: Log
  /** Told that Global is wanted, and not connected. */
  readonly onAway: () => void
  /** Monotonic milliseconds, read once for every run of groups. */
  readonly now?: () => number
}

export class Fetcher {
  readonly #options: FetcherOptions
  readonly #now: () => number
  readonly #sources: PeerSources
  readonly #downloads = new Map<CachedValue, Download>()
  readonly #withdrawals: HolderWithdrawals

  constructor(options: FetcherOptions) {
    this.#options = options
    // Not the clock of leases, which is slow because it asks the system each time.
    this.#now = options.now ?? (() => performance.now())
    this.#sources = new PeerSources(options)
    this.#withdrawals = new HolderWithdrawals({
      isHeld: (key) => options.cache.peek(key) !== undefined,
      withdraw: (digest) => this.#sources.leaveSwarm(digest),
    })
  }

  /** A value is not in the cache any more: nobody is to be sent here for it. */
  gone({ key, size }: CachedValue): void {
    const { network } = this.#options
    if (size >= SWARM_BYTES && network.addresses().length > 0) this.#withdrawals.add(key)
  }

  /** Channels to Global and to other Locals. */
  get transfers(): ChannelPool {
    return this.#sources.transfers
  }

  /** The download of a value into the cache: the one under way, or a new one. */
  download(value: CachedValue): Download {
    const under = this.#downloads.get(value)
    if (under !== undefined) return under
    const { cache } = this.#options
    const release = value.use()
    const download = new Download({
      value,
      sources: this.#sources,
      checker: threadedChecker,
      now: this.#now,
      random: Math.random,
      onEnd: () => {
        this.#downloads.delete(value)
        cache.settle(value)
        release()
      },
    })
    this.#downloads.set(value, download)
    return download
  }

  /**
   * Streams the verified bytes of a range from Global at the caller's pace, past the cache. Resumes
   * a transfer that breaks off: Global drops a peer that reads nothing for long.
   */
  async *pass(
    { digest }: Key,
    size: number,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const retry = new Retry({ now: this.#now })
    for (let { start } = range; start < range.end;) {
      try {
        const ranges = [{ start, end: range.end }]
        const request = { digest, size, ranges }
        for await (const run of this.#sources.fetch(this.#sources.global, request, signal)) {
          const bytes = within(run, range)
          start = run.start + run.bytes.byteLength
          if (bytes !== undefined) yield bytes
          retry.progress()
        }
        return
      } catch (error) {
        signal.throwIfAborted()
        if (start >= range.end) return
        const failure = retry.failed(asDstoreError(error))
        if (failure !== undefined) throw failure
        await pause(RETRY_MS, signal)
      }
    }
  }

  /** Give other Locals what `open` says may be served, where the network listens at all. */
  async serve(open: (digest: Uint8Array) => Promise<ServedValue | undefined>): Promise<void> {
    const { network, traffic, log } = this.#options
    if (network.addresses().length === 0) return
    const host = new PeerService({ open, traffic, log })
    await network.handle(TRANSFER_PROTOCOL, (channel) => void host.serve(channel))
  }
}
