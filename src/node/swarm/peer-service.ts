/** What a Local gives to other members: the values in its cache, whole or in part. The network's gate keeps others out. */
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { CALL_TIMEOUT_MS, PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES } from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../../transfer/serve.ts'
import type { Channel } from '../../wire/channel.ts'
import type { CachedValue } from '../cache/cached-value.ts'
import type { Log } from '../../log.ts'
import type { Traffic } from '../calls/traffic.ts'

export interface PeerServiceOptions {
  /** A value that may be served at this moment. */
  readonly open: (digest: Uint8Array) => Promise<ServedValue | undefined>
  readonly traffic: Traffic
  readonly log: Log
}

export class PeerService {
  readonly #options: PeerServiceOptions
  readonly #host: TransferHost

  constructor(options: PeerServiceOptions) {
    this.#options = options
    const { traffic, open } = options
    this.#host = {
      open,
      allowance: new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES),
      patienceMs: CALL_TIMEOUT_MS,
      onSent: (peer, bytes) => traffic.sent(peer, bytes),
      onReceived: (peer, bytes) => traffic.received(peer, bytes),
    }
  }

  /** Answer one peer until its channel ends. Never rejects: what went wrong is logged. */
  async serve(channel: Channel): Promise<void> {
    const { log } = this.#options
    try {
      await serveTransfer(new TransferChannel(channel), this.#host)
    } catch (error) {
      const { code, message } = asDstoreError(error)
      channel.abort(new DstoreError('unreachable', 'it could not be served'))
      log.debug('a transfer to a Local failed', { peer: channel.peer, code, error: message })
    }
  }
}

/** A cached value as it is served; `signal` says when it must not be any more, `release` is that of `ServedValue`. */
export function servedFromCache(
  value: CachedValue,
  signal: AbortSignal,
  release: (lingers: boolean) => void,
): ServedValue {
  return {
    size: value.size,
    signal,
    release,
    covers: (range) => value.held.covers(range),
    held: () => value.held.held(),
    outboard: async ({ start, end }: ByteRange) => value.outboard.subarray(start, end),
    async *read({ start, end }: ByteRange): AsyncGenerator<Uint8Array, void, undefined> {
      for (let at = start; at < end;) {
        signal.throwIfAborted()
        const view = value.view({ start: at, end })
        if (view === undefined) throw new DstoreError('not-found', 'this part is not held any more')
        yield view
        at += view.byteLength
      }
    },
  }
}
