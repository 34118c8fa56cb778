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

test.serial(
  'R003-103 R003-110 a peer that disconnects during the handshake gets no lane',
  async (t) => {
    const { server, client } = await connected()
    const taken: Channel[] = []
    let isGone = false
    const listener = await LaneListener.open({
      network: {
        handle: (protocol, take) => server.handle(protocol, take),
        onPeer: (watcher) => server.onPeer(watcher),
        connections: () => (isGone ? [] : server.connections()),
      },
      host: HOST,
      take: (lane) => taken.push(lane),
      now,
      random,
    })
    closing.push(() => listener.close())
    const { port, key } = (await offered({ server, client }))!
    isGone = true
    const socket = await connectLane({ host: HOST, port }, key, patience())
    socket.resume()
    await until(() => socket.destroyed || taken.length > 0)
    t.deepEqual(taken, [])
    t.deepEqual(listener.counts, { lanes: 0, keys: 0, pending: 0 })
  },
)

test.serial(
  'R003-104 keys in use at the same moment open no more lanes than allowed',
  async (t) => {
    const { server, client } = await connected()
    const taken: Channel[] = []
    const take = (lane: Channel): void => void taken.push(lane)
    const parts = { network: server, host: HOST, take, now, random, mostLanes: 1 }
    const listener = await LaneListener.open(parts)
    closing.push(() => listener.close())
    const offers = [(await offered({ server, client }))!, (await offered({ server, client }))!]
    const sockets = await Promise.all(
      offers.map(({ port, key }) => connectLane({ host: HOST, port }, key, patience())),
    )
    for (const socket of sockets) socket.resume()
    await until(() => sockets.some(({ destroyed }) => destroyed) || taken.length > 1)
    t.is(taken.length, 1)
    t.is(sockets.filter(({ destroyed }) => destroyed).length, 1)
  },
)

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
