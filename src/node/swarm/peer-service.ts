/**
 * Serves cached values, whole or in part, to other members. The network's gate keeps others out.
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { CALL_TIMEOUT_MS, PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES } from '../../limits.ts'
import type { Activity } from '../activity/activity.ts'
import { ServedTransfers } from '../activity/served-transfers.ts'
import type { Log } from '../../log.ts'
import { TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'
import { serveTransfer, type TransferHost } from '../../transfer/serve.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import type { Channel } from '../../wire/channel.ts'

/** Opens values that may be served now, and notes what is. */
interface ServedValues extends Pick<TransferHost, 'open'> {
  readonly activity: Pick<Activity, 'traffic' | 'moving'>
}

/** Starts to serve, if the network listens. */
export async function servePeers(
  network: Network,
  log: Log,
  { open, activity: { traffic, moving } }: ServedValues,
): Promise<void> {
  if (network.addresses().length === 0) return
  const allowance = new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES)
  const list = new ServedTransfers(moving).begin
  const host = { open, traffic, list, allowance, patienceMs: CALL_TIMEOUT_MS }
  /** Answers one peer until its channel ends. Logs a failure instead of rejecting. */
  const serve = async (channel: Channel): Promise<void> => {
    try {
      await serveTransfer(new TransferChannel(channel), host)
    } catch (error) {
      const { code, message } = asDstoreError(error)
      channel.abort(new DstoreError('unreachable', 'it could not be served'))
      log.debug('a transfer to a Local failed', { peer: channel.peer, code, error: message })
    }
  }
  await network.handle(TRANSFER_PROTOCOL, (channel) => void serve(channel))
}
