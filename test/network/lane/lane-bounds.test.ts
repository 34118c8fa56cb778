import { once } from 'node:events'
import net from 'node:net'
import test from 'ava'
import { LANES_PER_PEER } from '../../../src/limits.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { connectLane } from '../../../src/network/lane/lane-tls.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { now, random } from './lanes.ts'
import {
  HOST,
  PING,
  closeAll,
  closing,
  connected,
  offered,
  patience,
  site,
  until,
} from './lane-site.ts'

test.afterEach.always(closeAll)

test.serial(
  'R003-104 a peer has a bounded number of lanes, and gets another when one ends',
  async (t) => {
    const { dialer, server, listener, taken } = await site()
    const lanes: Channel[] = []
    for (let i = 0; i < LANES_PER_PEER; i++) {
      lanes.push((await dialer.open(server.peerId, patience()))!)
    }
    await until(() => listener.counts.lanes === LANES_PER_PEER)
    t.is(await dialer.open(server.peerId, patience()), undefined)
    t.is(taken.length, LANES_PER_PEER)
    lanes[0]!.abort(new Error('done'))
    await until(() => listener.counts.lanes === LANES_PER_PEER - 1)
    t.truthy(await dialer.open(server.peerId, patience()))
  },
)

test.serial('R003-104 a key that was not used yet counts as a lane', async (t) => {
  const where = await site()
  const { server, dialer, taken } = where
  for (let i = 1; i < LANES_PER_PEER; i++) await dialer.open(server.peerId, patience())
  const { port, key } = (await offered(where))!
  t.is(await offered(where), undefined)
  const last = await connectLane({ host: HOST, port }, key, patience())
  await until(() => taken.length === LANES_PER_PEER)
  t.false(last.destroyed)
  t.is(await offered(where), undefined)
  last.destroy()
})

test.serial('R003-104 a node accepts a bounded number of lanes in all', async (t) => {
  const { server, client } = await connected()
  const other = await createNetwork({ identity: await newIdentity() })
  await other.dial(server.addresses()[0]!, PING)
  const parts = { network: server, host: HOST, take: () => {}, now, random, mostLanes: 3 }
  const listener = await LaneListener.open(parts)
  const dialers = [client, other].map((network) => new LaneDialer({ network, now }))
  closing.push(
    () => other.close(),
    () => listener.close(),
    ...dialers.map((dialer) => () => dialer.close()),
  )
  for (let i = 0; i < 3; i++) t.truthy(await dialers[0]!.open(server.peerId, patience()))
  await until(() => listener.counts.lanes === 3)
  t.is(await dialers[1]!.open(server.peerId, patience()), undefined)
})

test.serial(
  'R003-108 a lane leads to the host of the connection, whoever else listens on that port',
  async (t) => {
    const host = '127.0.0.2'
    const server = await createNetwork({
      identity: await newIdentity(),
      listen: [`/ip4/${host}/tcp/0`],
    })
    const client = await createNetwork({ identity: await newIdentity() })
    await server.handle(PING, () => {})
    await client.dial(server.addresses()[0]!, PING)
    const taken: Channel[] = []
    const take = (lane: Channel): void => void taken.push(lane)
    const listener = await LaneListener.open({ network: server, host, take, now, random })
    let strangers = 0
    const decoy = net.createServer((socket) => {
      strangers++
      socket.destroy()
    })
    decoy.listen(listener.port, HOST)
    await once(decoy, 'listening')
    const dialer = new LaneDialer({ network: client, now })
    closing.push(
      () => server.close(),
      () => client.close(),
      () => listener.close(),
      () => dialer.close(),
      () => decoy.close(),
    )
    t.truthy(await dialer.open(server.peerId, patience()))
    await until(() => taken.length === 1)
    t.is(strangers, 0)
  },
)
