import { once } from 'node:events'
import net from 'node:net'
import { test } from '../../serial.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { LANE_RETRY_MOST_MS, LANE_RETRY_MS } from '../../../src/limits.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneBackoff } from '../../../src/network/lane/lane-backoff.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { LANE_PROTOCOL, encodeOffer } from '../../../src/network/lane/lane-offer.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Libp2pNetwork } from '../../../src/network/libp2p-network.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'

import { eventually } from '../../eventually.ts'
import { now, random } from './lanes.ts'
import { HOST, LOOPBACK, PING, closeAll, closing, connected, site } from './lane-site.ts'

test.afterEach.always(closeAll)

/** A client whose peer answers each question for a lane with nonsense, and a clock to set. */
async function refusing(): Promise<{
  dialer: LaneDialer
  client: Libp2pNetwork
  server: Libp2pNetwork
  at: (ms: number) => void
  asked: () => number
  waits: number[]
}> {
  let time = 0
  let asked = 0
  const { server, client } = await connected()
  await server.handle(LANE_PROTOCOL, (channel) => {
    asked++
    void new FrameWriter(channel).send(new Uint8Array(1))
  })
  const waits: number[] = []
  const onFailure = (_: string, { code }: DstoreError, ms: number): void => {
    if (code === 'protocol') waits.push(ms)
  }
  const dialer = new LaneDialer({ network: client, now: () => time, onFailure })
  closing.push(() => dialer.close())
  return { dialer, client, server, at: (ms) => (time = ms), asked: () => asked, waits }
}

test('R003-113 R003-120 a peer whose lanes fail is asked again after twice as long each time', async (t) => {
  const { dialer, server, at, asked, waits } = await refusing()
  const minutes = [1, 2, 4, 8, 16, 32, 60, 60]
  let time = 0
  for (const [count, wait] of minutes.entries()) {
    at(time)
    t.is(await dialer.open(server.peerId), undefined)
    t.is(asked(), count + 1)
    at((time += wait * 60_000) - 1)
    t.false(dialer.isDue(server.peerId))
    t.is(await dialer.open(server.peerId), undefined)
    t.is(asked(), count + 1)
  }
  t.deepEqual(
    waits,
    minutes.map((one) => one * 60_000),
  )
  t.is(LANE_RETRY_MOST_MS, 3_600_000)
})

test('R003-120 attempts side by side count as one', async (t) => {
  const { dialer, server, waits } = await refusing()
  await Promise.all([dialer.open(server.peerId), dialer.open(server.peerId)])
  t.deepEqual(waits, [LANE_RETRY_MS, LANE_RETRY_MS])
})

test('R003-120 a peer that reconnects, or is at another address, is asked at once', async (t) => {
  const { dialer, server, client, asked, waits } = await refusing()
  t.is(await dialer.open(server.peerId), undefined)
  client.disconnect(server.peerId)
  await eventually(() => client.connections().length === 0)
  await client.dial(server.addresses()[0]!, PING)
  t.is(await dialer.open(server.peerId), undefined)
  t.deepEqual([asked(), waits], [2, [LANE_RETRY_MS, LANE_RETRY_MS]])
  const backoff = new LaneBackoff(() => 0)
  backoff.failed('A', '10.0.0.1')
  t.false(backoff.isDue('A', '10.0.0.1'))
  t.true(backoff.isDue('A', '10.0.0.2'))
  t.is(backoff.failed('A', '10.0.0.2'), LANE_RETRY_MS)
  backoff.reset('A')
  t.true(backoff.isDue('A', '10.0.0.2'))
})

test('R007-123 why a peer gave no lane is known until it gives one, or disconnects', async (t) => {
  const { dialer, server, client } = await refusing()
  t.is(dialer.fault(server.peerId), undefined)
  await dialer.open(server.peerId)
  t.is(dialer.fault(server.peerId), 'a lane offer of 1 bytes')
  client.disconnect(server.peerId)
  await eventually(() => dialer.fault(server.peerId) === undefined)

  const other = await connected()
  let time = 0
  const second = new LaneDialer({ network: other.client, now: () => time })
  closing.push(() => second.close())
  const { peerId } = other.server
  await second.open(peerId)
  t.is(second.fault(peerId), 'the peer has no lanes')
  const silent = net.createServer()
  silent.listen(0, HOST)
  await once(silent, 'listening')
  const { port } = silent.address() as net.AddressInfo
  await new Promise((resolve) => silent.close(resolve))
  await other.server.handle(LANE_PROTOCOL, (channel) => {
    const offer = encodeOffer({ port, key: { id: random(16), secret: random(32) } })
    void new FrameWriter(channel).send(offer)
  })
  time = LANE_RETRY_MOST_MS
  await second.open(peerId)
  t.is(second.fault(peerId), `lane port ${port} did not answer`)
})

test('a lane that opens ends the fault of the one before', async (t) => {
  const { server, client } = await connected()
  let time = 0
  const dialer = new LaneDialer({ network: client, now: () => time })
  await dialer.open(server.peerId)
  t.is(dialer.fault(server.peerId), 'the peer has no lanes')
  const parts = { network: server, hosts: [HOST], take: () => {}, now, random }
  const listener = await LaneListener.open(parts)
  closing.push(
    () => listener.close(),
    () => dialer.close(),
  )
  time = LANE_RETRY_MOST_MS
  t.truthy(await dialer.open(server.peerId))
  t.is(dialer.fault(server.peerId), undefined)
})

test('R003-113 a peer that reconnects has a lane at once: it never refused one', async (t) => {
  const { dialer, server, client, failures } = await site()
  const before = await dialer.open(server.peerId)
  client.disconnect(server.peerId)
  await eventually(() => client.connections().length === 0 && before!.signal.aborted)
  t.is(await dialer.open(server.peerId), undefined)
  await client.dial(server.addresses()[0]!, PING)
  t.not(await dialer.open(server.peerId), undefined)
  t.deepEqual(failures, [])
})

test('a listener that is closed offers nothing', async (t) => {
  const { dialer, server, listener } = await site()
  await listener.close()
  t.is(await dialer.open(server.peerId), undefined)
})

test('a peer without the lane protocol has no lanes', async (t) => {
  const { server, client } = await connected()
  const dialer = new LaneDialer({ network: client, now })
  t.is(await dialer.open(server.peerId), undefined)
  t.is(await dialer.open(client.peerId), undefined)
  dialer.close()
  t.is(await dialer.open(server.peerId), undefined)
})

test('a malformed offer, or one whose port does not speak TLS, costs only the lane', async (t) => {
  const silent = net.createServer((socket) => socket.on('error', () => {}))
  silent.listen(0, HOST)
  await once(silent, 'listening')
  const { port } = silent.address() as net.AddressInfo
  const offers = [
    new Uint8Array(0),
    new Uint8Array(49),
    new Uint8Array(51),
    new Uint8Array(50),
    encodeOffer({ port, key: { id: random(16), secret: random(32) } }),
  ]
  const server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  const client = await createNetwork({ identity: await newIdentity() })
  closing.push(
    () => server.close(),
    () => client.close(),
    () => silent.close(),
  )
  await server.handle(PING, () => {})
  await server.handle(LANE_PROTOCOL, (channel) => {
    void new FrameWriter(channel).send(offers.shift()!)
  })
  await client.dial(server.addresses()[0]!, PING)
  const codes: string[] = []
  const onFailure = (_: string, error: DstoreError): void => void codes.push(error.code)
  for (let i = 0; i < 5; i++) {
    const dialer = new LaneDialer({ network: client, now, onFailure })
    t.is(await dialer.open(server.peerId), undefined)
  }
  t.deepEqual(codes, ['protocol', 'protocol', 'protocol', 'protocol', 'timeout'])
})
