/** What Global gives its members, and takes from them, on transfer channels (specs/003-transfer.md). */
import { equal } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { tooLow } from '../../index/admission.ts'
import { checkName } from '../../index/name.ts'
import { decodeKey, keyRow } from '../../index/records/record.ts'
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import type { Refusal } from '../../membership/refusal.ts'
import { suffices } from '../../membership/role.ts'
import type { Store } from '../../store/store.ts'
import type { SharedBudget } from '../../transfer/shared-budget.ts'
import type { Holders } from '../../transfer/holders.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../../transfer/serve.ts'
import type { UploadHost } from '../../transfer/receive-upload.ts'
import type { Identity, UploadResult } from '../../transfer/upload.ts'
import type { Channel } from '../../wire/channel.ts'
import type { IndexDriver } from './index-driver.ts'
import type { Log } from '../../log.ts'
import { arriving, type ByteBudget } from '../calls/byte-budget.ts'
import type { Repair } from './repair.ts'
import { ServedLately } from '../served-lately.ts'
import type { Traffic } from '../calls/traffic.ts'
import { ingest, receive } from './ingest.ts'

export interface TransferServiceOptions {
  readonly store: Store
  readonly index: IndexDriver
  readonly repair: Repair
  readonly company: Holders
  /** What is in flight for peers. */
  readonly allowance: SharedBudget
  readonly traffic: Traffic
  readonly log: Log
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** A peer may not do what it asked for, or broke the protocol: count it. */
  readonly onRefused: (peer: string, why: Refusal) => void
}

export class TransferService {
  readonly #options: TransferServiceOptions
  /** Channels that are being served, by peer. */
  readonly #serving = new Map<string, Set<Channel>>()

  constructor(options: TransferServiceOptions) {
    this.#options = options
  }

  /** Answer one peer until its channel ends. Never rejects: what went wrong is logged. */
  async serve(channel: Channel): Promise<void> {
    const { log, onRefused } = this.#options
    const { peer } = channel
    // Who has not been welcomed on the index stream is told nothing.
    if (!this.#isThere(peer)) {
      channel.abort(new DstoreError('not-permitted', 'not welcome'))
      return
    }
    const lately = new ServedLately()
    const serving = this.#serving.get(peer) ?? new Set()
    this.#serving.set(peer, serving.add(channel))
    try {
      await serveTransfer(new TransferChannel(channel), this.#hostFor(channel, lately))
    } catch (error) {
      void this.#recheck(lately)
      const { code, message } = asDstoreError(error)
      const facts = { peer, code, error: message }
      if (code === 'protocol') onRefused(peer, 'protocol')
      if (code === 'unreachable' || code === 'protocol') log.debug('a transfer broke off', facts)
      else log.warn('a transfer failed', facts)
    } finally {
      serving.delete(channel)
      if (serving.size === 0) this.#serving.delete(peer)
    }
  }

  /** End everything that is done for a peer. */
  cut(peer: string, reason: DstoreError): void {
    for (const channel of this.#serving.get(peer) ?? []) channel.abort(reason)
    this.#options.company.leave(peer)
  }

  #hostFor(channel: Channel, lately: ServedLately): TransferHost {
    const { allowance, traffic } = this.#options
    const meter = { allowance, who: channel.peer, signal: channel.signal }
    return {
      open: (digest) => this.#open(digest, lately),
      uploads: this.#uploadsOf(channel.peer, meter),
      company: { join: (...facts) => this.#join(...facts) },
      allowance,
      patienceMs: CALL_TIMEOUT_MS,
      onSent: (peer, bytes) => traffic.sent(peer, bytes),
      onReceived: (peer, bytes) => traffic.received(peer, bytes),
    }
  }

  #uploadsOf(peer: string, meter: ByteBudget): UploadHost {
    return {
      check: () => this.#checkWriter(peer),
      takeKnown: (value, bytes, outboard, name) =>
        this.#takeKnown(value, arriving(bytes, meter), outboard, name),
      takeStream: (bytes, size, claim, name) =>
        this.#takeStream(arriving(bytes, meter), size, claim, name),
    }
  }

  /** Throws `not-permitted` where this peer may not store values. */
  #checkWriter(peer: string): void {
    const { index, onRefused } = this.#options
    const role = index.members.roleOf(peer)
    if (role !== undefined && suffices(role, 'writer')) return
    onRefused(peer, 'role')
    const { code, message, hint } = tooLow(peer, role ?? 'stranger', 'writer')
    throw new DstoreError(code, message, hint === undefined ? {} : { hint })
  }

  #join(peer: string, digest: Uint8Array, address: string | undefined): string[] {
    const { company, now } = this.#options
    company.join(peer, digest, address, now())
    return company.of(digest, peer, (one) => this.#isThere(one), now())
  }

  #isThere(peer: string): boolean {
    return this.#options.index.peers().includes(peer)
  }

  /** A peer may have hung up because it was given what is not the value. */
  async #recheck({ last }: ServedLately): Promise<void> {
    const { store, repair } = this.#options
    if (last === undefined || store.kind === 'memory') return
    const { digest, record, range } = last
    try {
      const bytes = repair.read(digest, record, range)
      while ((await bytes.next()).done !== true);
    } catch {
      // What it means has been seen to.
    }
  }

  async #open(digest: Uint8Array, lately: ServedLately): Promise<ServedValue | undefined> {
    const { store, repair } = this.#options
    const [row] = await store.rows([keyRow(digest)])
    if (row === undefined) return undefined
    const record = decodeKey(row)
    // A value that is removed meanwhile ends its reads itself: the store says `removed`.
    const { signal } = new AbortController()
    return {
      ...lately.watch(digest, record, repair.bytesOf(record)),
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
    const { store, index } = this.#options
    if (name !== undefined) checkName(name)
    return index.adopt(await receive(store, { digest, size, start }, bytes, outboard), name)
  }

  async #takeStream(
    bytes: AsyncIterable<Uint8Array>,
    size: number | undefined,
    claim: () => Identity,
    name: string | undefined,
  ): Promise<UploadResult> {
    const { store, index } = this.#options
    if (name !== undefined) checkName(name)
    const value = await ingest(store, bytes, { size, signal: undefined, onBytes: () => undefined })
    const claimed = claim()
    if (claimed.size !== value.size || !equal(claimed.digest, value.digest)) {
      await value.staging.discard()
      throw new DstoreError('integrity', 'the bytes that came are not those that were sent')
    }
    return index.adopt(value, name)
  }
}
