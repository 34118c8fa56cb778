/**
 * Fetches values that Global's disk damaged back from Locals (specs/005-storage.md, "Rules:
 * damage").
 */
import type { Holders } from '../../transfer/holders.ts'
import type { HolderSources } from './repair.ts'
import type { Key } from '../../hash/key.ts'
import { CALL_TIMEOUT_MS } from '../../limits.ts'
import { fetchPieces } from '../../transfer/fetch.ts'
import { TransferChannel } from '../../transfer/transfer-channel.ts'
import { deadline } from '../../deadline.ts'
import { TRANSFER_PROTOCOL, type Network } from '../../network/network.ts'

/**
 * The verified bytes of a value from the Local at this address. Fails if it does not hold all of
 * them.
 */
async function* fetchFromLocal(
  network: Network,
  address: string,
  key: Key,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const limit = deadline(CALL_TIMEOUT_MS, 'a Local gave nothing more')
  const { signal } = limit
  const channel = await network.dial(address, TRANSFER_PROTOCOL, { signal })
  const abort = (): void => channel.abort(signal.reason as Error)
  signal.addEventListener('abort', abort)
  const transfer = new TransferChannel(channel)
  try {
    const ranges = [{ start: 0, end: size }]
    for await (const { bytes } of fetchPieces(transfer, { digest: key.digest, size, ranges })) {
      limit.progress()
      yield bytes
    }
  } finally {
    limit.clear()
    await transfer.end().catch(() => undefined)
  }
}

/** The Locals that hold a value, as sources for a repair; none without a network. */
export function localSources(
  network: Network | undefined,
  holders: Pick<Holders, 'addressesOf'>,
  now: () => number,
): HolderSources {
  return (key, size) => {
    if (network === undefined) return []
    const addresses = holders.addressesOf(key.digest, network.peerId, () => true, now())
    return addresses.map((address) => fetchFromLocal(network, address, key, size))
  }
}
