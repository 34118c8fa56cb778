import { LaneChannel } from '../../src/network/lane/lane-channel.ts'
import type { LaneNetwork } from '../../src/network/lane/lane-network.ts'
import type { Channel } from '../../src/wire/channel.ts'

/** The first channels are streams, while a lane is opened beside them. */
export async function openLane(
  network: LaneNetwork,
  peer: string,
  protocol: string,
): Promise<Channel> {
  for (;;) {
    network.prepare(peer)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const channel = await network.open(peer, protocol)
    if (channel instanceof LaneChannel) return channel
    await channel.end()
    while ((await channel.read()) !== undefined);
  }
}
