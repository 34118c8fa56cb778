/** Two nodes that are connected, and what lanes need between them, for tests. */
import type { DstoreError } from '../../../src/errors.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { LANE_PROTOCOL, decodeOffer } from '../../../src/network/lane/lane-offer.ts'
import type { LaneOffer } from '../../../src/network/lane/lane-offer.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Libp2pNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { FrameReader } from '../../../src/wire/frames.ts'
import { now, random } from './lanes.ts'

export const LOOPBACK: string = '/ip4/127.0.0.1/tcp/0'
export const HOST: string = '127.0.0.1'
export const PING: string = '/dstore/test/1'
export const patience = (): AbortSignal => AbortSignal.timeout(20_000)

export interface Site {
  readonly server: Libp2pNetwork
  readonly client: Libp2pNetwork
  readonly listener: LaneListener
  readonly dialer: LaneDialer
  /** The lanes that the server took. */
  readonly taken: Channel[]
  readonly failures: DstoreError[]
}

export const closing: (() => unknown)[] = []

/** At the end of each test. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).toReversed()) await close()
}

export async function connected(): Promise<{ server: Libp2pNetwork; client: Libp2pNetwork }> {
  const server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  const client = await createNetwork({ identity: await newIdentity() })
  closing.push(
    () => server.close(),
    () => client.close(),
  )
  await server.handle(PING, () => {})
  await client.dial(server.addresses()[0]!, PING)
  return { server, client }
}

/** Two nodes that are connected, one of them with a listener for lanes; the clock may be moved. */
export async function site(clock: () => number = now): Promise<Site> {
  const { server, client } = await connected()
  const taken: Channel[] = []
  const failures: DstoreError[] = []
  const take = (lane: Channel): void => void taken.push(lane)
  const listener = await LaneListener.open({
    network: server,
    hosts: [HOST],
    take,
    now: clock,
    random,
  })
  const onFailure = (_: string, error: DstoreError): void => void failures.push(error)
  const dialer = new LaneDialer({ network: client, now: clock, onFailure })
  closing.push(
    () => listener.close(),
    () => dialer.close(),
  )
  return { server, client, listener, dialer, taken, failures }
}

/** Ask for a key as a peer that does not mean to use it as it should. */
export async function offered({
  client,
  server,
}: Pick<Site, 'client' | 'server'>): Promise<LaneOffer | undefined> {
  const channel = await client.open(server.peerId, LANE_PROTOCOL)
  const frame = await new FrameReader(channel, { maxBytes: 100 }).next()
  channel.abort(new Error('done'))
  return frame === undefined ? undefined : decodeOffer(frame)
}
