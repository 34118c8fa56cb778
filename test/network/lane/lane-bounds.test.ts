import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { test } from '../../serial.ts'
import { toHex } from '../../../src/bytes.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { LANES_PER_PEER, LANE_HANDSHAKE_MS } from '../../../src/limits.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { LaneKeys } from '../../../src/network/lane/lane-keys.ts'
import { LANE_PROTOCOL, decodeOffer, encodeOffer } from '../../../src/network/lane/lane-offer.ts'
import { connectLane, laneServer } from '../../../src/network/lane/lane-tls.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { eventually } from '../../eventually.ts'
import { now, random } from './lanes.ts'
import {
  HOST,
  LOOPBACK,
  PING,
  closeAll,
  closing,
  connected,
  offered,
  patience,
  site,
} from './lane-site.ts'

const CIPHER = 'TLS_AES_128_GCM_SHA256'

test.afterEach.always(closeAll)

test('R003-104 a peer has a bounded number of lanes, and gets another when one ends', async (t) => {
  const { dialer, server, listener, taken } = await site()
  const lanes: Channel[] = []
  for (let i = 0; i < LANES_PER_PEER; i++) {
    lanes.push((await dialer.open(server.peerId))!)
  }
  await eventually(() => listener.counts.lanes === LANES_PER_PEER)
  t.is(await dialer.open(server.peerId), undefined)
  t.is(taken.length, LANES_PER_PEER)
  lanes[0]!.abort(new Error('done'))
  await eventually(() => listener.counts.lanes === LANES_PER_PEER - 1)
  t.truthy(await dialer.open(server.peerId))
})

test('R003-104 a key that was not used yet counts as a lane', async (t) => {
  const where = await site()
  const { server, dialer, taken } = where
  for (let i = 1; i < LANES_PER_PEER; i++) await dialer.open(server.peerId)
  const { port, key } = (await offered(where))!
  t.is(await offered(where), undefined)
  const last = await connectLane({ host: HOST, port }, key, patience())
  await eventually(() => taken.length === LANES_PER_PEER)
  t.false(last.destroyed)
  t.is(await offered(where), undefined)
  last.destroy()
})

test('R003-103 R003-110 a peer that disconnects during the handshake gets no lane', async (t) => {
  const { server, client } = await connected()
  const taken: Channel[] = []
  let isGone = false
  const listener = await LaneListener.open({
    network: {
      handle: (protocol, take) => server.handle(protocol, take),
      onPeer: (watcher) => server.onPeer(watcher),
      connections: () => (isGone ? [] : server.connections()),
    },
    hosts: [HOST],
    take: (lane) => taken.push(lane),
    now,
    random,
  })
  closing.push(() => listener.close())
  const { port, key } = (await offered({ server, client }))!
  isGone = true
  const socket = await connectLane({ host: HOST, port }, key, patience())
  socket.resume()
  await eventually(() => socket.destroyed || taken.length > 0)
  t.deepEqual(taken, [])
  t.deepEqual(listener.counts, { lanes: 0, keys: 0, pending: 0 })
})

test('R003-104 keys in use at the same moment open no more lanes than allowed', async (t) => {
  const { server, client } = await connected()
  const taken: Channel[] = []
  const take = (lane: Channel): void => void taken.push(lane)
  const parts = { network: server, hosts: [HOST], take, now, random, mostLanes: 1 }
  const listener = await LaneListener.open(parts)
  closing.push(() => listener.close())
  const offers = [(await offered({ server, client }))!, (await offered({ server, client }))!]
  const sockets = await Promise.all(
    offers.map(({ port, key }) => connectLane({ host: HOST, port }, key, patience())),
  )
  for (const socket of sockets) socket.resume()
  await eventually(() => sockets.some(({ destroyed }) => destroyed) || taken.length > 1)
  t.is(taken.length, 1)
  t.is(sockets.filter(({ destroyed }) => destroyed).length, 1)
})

test('R003-104 a node accepts a bounded number of lanes in all', async (t) => {
  const { server, client } = await connected()
  const other = await createNetwork({ identity: await newIdentity() })
  await other.dial(server.addresses()[0]!, PING)
  const parts = { network: server, hosts: [HOST], take: () => {}, now, random, mostLanes: 3 }
  const listener = await LaneListener.open(parts)
  const dialers = [client, other].map((network) => new LaneDialer({ network, now }))
  closing.push(
    () => other.close(),
    () => listener.close(),
    ...dialers.map((dialer) => () => dialer.close()),
  )
  for (let i = 0; i < 3; i++) t.truthy(await dialers[0]!.open(server.peerId))
  await eventually(() => listener.counts.lanes === 3)
  t.is(await dialers[1]!.open(server.peerId), undefined)
})

test('R003-108 a lane leads to the host of the connection, even if another host listens on that port', async (t) => {
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
  const listener = await LaneListener.open({ network: server, hosts: [host], take, now, random })
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
  t.truthy(await dialer.open(server.peerId))
  await eventually(() => taken.length === 1)
  t.is(strangers, 0)
})

test('R003-110 each side cuts its lanes when the connection closes', async (t) => {
  const where = await site()
  const { server, client, dialer, taken } = where
  // A peer that keeps its end of the lane open, at either side.
  const { port, key } = (await offered(where))!
  const socket = await connectLane({ host: HOST, port }, key, patience())
  socket.on('error', () => {})
  await eventually(() => taken.length === 1)
  const kept: unknown[] = []
  const keeper = laneServer(
    () => key.secret,
    (one) => kept.push(one.on('error', () => {})),
  )
  keeper.listen(0, HOST)
  await once(keeper, 'listening')
  closing.push(() => void keeper.close())
  const offer = encodeOffer({ port: (keeper.address() as net.AddressInfo).port, key })
  const other = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  closing.push(() => other.close())
  await other.handle(PING, () => {})
  await other.handle(LANE_PROTOCOL, (channel) => void new FrameWriter(channel).send(offer))
  await client.dial(other.addresses()[0]!, PING)
  const lane = (await dialer.open(other.peerId))!
  await eventually(() => kept.length === 1)
  client.disconnect(server.peerId)
  client.disconnect(other.peerId)
  await eventually(() => taken[0]!.signal.aborted && lane.signal.aborted)
  t.is((lane.signal.reason as DstoreError).message, 'the connection to the peer has closed')
  t.is((taken[0]!.signal.reason as DstoreError).message, 'the connection to the peer has closed')
  socket.destroy()
})

test('R003-110 a lane is cut if the connection closed while it was opened', async (t) => {
  const { server, client } = await site()
  let hasAsked = false
  const dialer = new LaneDialer({
    network: {
      open: (...args) => {
        hasAsked = true
        return client.open(...args)
      },
      onPeer: () => () => {},
      connections: () => (hasAsked ? [] : client.connections()),
    },
    now,
  })
  closing.push(() => dialer.close())
  const lane = await dialer.open(server.peerId)
  t.true(lane!.signal.aborted)
})

test('R003-104 a handshake that is not over counts as a lane', async (t) => {
  const where = await site()
  const stalled = 20
  for (let i = 0; i < stalled; i++) {
    const { port, key } = (await offered(where))!
    const socket = net.connect(port, HOST)
    socket.on('error', () => {})
    // It sends a ClientHello, and never reads the answer.
    const deaf = new Duplex({
      read: () => {},
      write: (bytes: Uint8Array, _encoding, done) => void socket.write(bytes, done),
    })
    const pskCallback = () => ({ psk: key.secret, identity: toHex(key.id) })
    tls
      .connect({ socket: deaf, pskCallback, minVersion: 'TLSv1.3', ciphers: CIPHER })
      .on('error', () => {})
    closing.push(() => socket.destroy())
    await eventually(() => where.listener.counts.keys === 0)
  }
  t.deepEqual(where.listener.counts, { lanes: 0, keys: 0, pending: stalled })
  for (let i = stalled; i < LANES_PER_PEER; i++) t.truthy(await offered(where))
  t.is(await offered(where), undefined)
})

test('R003-109 a connection that never shakes hands is cut after a while', async (t) => {
  const where = await site()
  const began = now()
  const socket = net.connect(where.listener.port, HOST)
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'close')
  t.true(now() - began >= LANE_HANDSHAKE_MS - 100)
  await eventually(() => where.listener.counts.pending === 0)
})

test('R003-103 keys of a peer that disconnects are revoked, and no others', (t) => {
  const keys = new LaneKeys({ now, random })
  const [gone, other] = [keys.issue('gone')!, keys.issue('other')!]
  keys.revoke('gone')
  t.is(keys.take(toHex(gone.id)), undefined)
  t.is(keys.take(toHex(other.id))?.peer, 'other')
})

test('a peer that sends bytes where it asks for a lane is cut off', async (t) => {
  const { client, server } = await site()
  const channel = await client.open(server.peerId, LANE_PROTOCOL)
  await channel.write(Uint8Array.of(1))
  // The offer may have been sent before.
  while ((await channel.read().catch(() => undefined)) !== undefined);
  await eventually(() => channel.signal.aborted)
  t.is((channel.signal.reason as DstoreError).code, 'unreachable')
})

test('an offer has one length, and a port', (t) => {
  const offer = encodeOffer({ port: 258, key: { id: random(16), secret: random(32) } })
  t.is(decodeOffer(offer).port, 258)
  for (const bad of [offer.subarray(1), Uint8Array.of(...offer, 0), new Uint8Array(offer.length)]) {
    t.throws(() => decodeOffer(bad), { code: 'protocol' })
  }
})
