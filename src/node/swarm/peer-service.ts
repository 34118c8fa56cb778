/**
 * Serves cached values, whole or in part, to other members. The network's gate keeps others out.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { CALL_TIMEOUT_MS, PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES } from '../../limits.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import { serveTransfer, type ServedValue, type TransferHost } from '../../transfer/serve.ts'
import { TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import type { Channel } from '../../wire/channel.ts'
import type { Log } from '../../log.ts'
import type { Traffic } from '../calls/traffic.ts'

export interface PeerServiceOptions {
  /** Opens a value that may be served now. */
  readonly open: (digest: Uint8Array) => Promise<ServedValue | undefined>
  readonly traffic: Traffic
  readonly log: Log
}

export class PeerService {
  readonly #log: Log
  readonly #host: TransferHost

  constructor({ traffic, open, log }: PeerServiceOptions) {
    this.#log = log
    this.#host = {
      open,
      allowance: new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES),
      patienceMs: CALL_TIMEOUT_MS,
      traffic,
    }
  }

  /** Starts to serve, if the network listens. */
  async listen(network: Network): Promise<void> {
    if (network.addresses().length === 0) return
    await network.handle(TRANSFER_PROTOCOL, (channel) => void this.#serve(channel))
  }

  /** Answers one peer until its channel ends. Logs a failure instead of rejecting. */
  async #serve(channel: Channel): Promise<void> {
    try {
      await serveTransfer(new TransferChannel(channel), this.#host)
    } catch (error) {
      const { code, message } = asDstoreError(error)
      channel.abort(new DstoreError('unreachable', 'it could not be served'))
      this.#log.debug('a transfer to a Local failed', { peer: channel.peer, code, error: message })
    }
  }
}
