/**
 * Keeps transfer channels to peers open between transfers, because opening one costs a round trip.
 */
import { asDstoreError } from '../../errors.ts'
import { IDLE_TRANSFER_CHANNELS } from '../../limits.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import type { Channel } from '../../wire/channel.ts'

export interface ChannelPoolOptions {
  /** Opens a channel of the transfer protocol to a peer. */
  readonly open: (peer: string, signal: AbortSignal) => Promise<Channel>
  /** May an idle channel serve another transfer, or would a new one be better? */
  readonly canReuse: (channel: Channel) => boolean
}

export class ChannelPool {
  readonly #options: ChannelPoolOptions
  readonly #idle = new Map<string, TransferChannel[]>()

  constructor(options: ChannelPoolOptions) {
    this.#options = options
  }

  /**
   * Runs `work` on a channel that it does not share. Keeps the channel if the work succeeds, and
   * aborts it if the work fails, is left early, or is cancelled, which frees both ends at once.
   */
  async *stream<T>(
    peer: string,
    signal: AbortSignal,
    work: (transfer: TransferChannel) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const lease = await this.#lease(peer, signal)
    try {
      yield* work(lease.transfer)
      lease.keep()
    } finally {
      lease.end()
    }
  }

  /** The same for work with one result. */
  async run<T>(
    peer: string,
    signal: AbortSignal,
    work: (transfer: TransferChannel) => Promise<T>,
  ): Promise<T> {
    const lease = await this.#lease(peer, signal)
    try {
      const result = await work(lease.transfer)
      lease.keep()
      return result
    } finally {
      lease.end()
    }
  }

  async #lease(peer: string, signal: AbortSignal): Promise<Lease> {
    const transfer = await this.#take(peer, signal)
    const { channel } = transfer
    const abort = (): void => {
      channel.abort(asDstoreError(signal.reason ?? new Error('the transfer was abandoned')))
    }
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    let kept = false
    return {
      transfer,
      keep: () => (kept = true),
      end: () => {
        signal.removeEventListener('abort', abort)
        if (kept) this.#keep(peer, transfer)
        else abort()
      },
    }
  }

  async #take(peer: string, signal: AbortSignal): Promise<TransferChannel> {
    const { open, canReuse } = this.#options
    const idle = this.#idle.get(peer) ?? []
    for (let transfer = idle.pop(); transfer !== undefined; transfer = idle.pop()) {
      const { channel } = transfer
      if (channel.signal.aborted) continue
      if (canReuse(channel)) return transfer
      discard(transfer)
    }
    return new TransferChannel(await open(peer, signal))
  }

  #keep(peer: string, transfer: TransferChannel): void {
    const { canReuse } = this.#options
    const idle = this.#idle.get(peer) ?? []
    this.#idle.set(peer, idle)
    const hasRoom = idle.length < IDLE_TRANSFER_CHANNELS
    if (hasRoom && canReuse(transfer.channel)) idle.push(transfer)
    else discard(transfer)
  }
}

function discard(transfer: TransferChannel): void {
  void transfer.end().catch(() => undefined)
}

/** A channel that one transfer has to itself. */
interface Lease {
  readonly transfer: TransferChannel
  /** The work succeeded: the channel may be used again. */
  keep(): void
  /** The work is over. */
  end(): void
}
