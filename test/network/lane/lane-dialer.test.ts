import { once } from 'node:events'
import net from 'node:net'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { LANE_RETRY_MS } from '../../../src/limits.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LANE_PROTOCOL, encodeOffer } from '../../../src/network/lane/lane-offer.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'

import { eventually } from '../../eventually.ts'
import { now, random } from './lanes.ts'
import { HOST, LOOPBACK, PING, closeAll, closing, connected, patience, site } from './lane-site.ts'

test.afterEach.always(closeAll)

test('R003-113 a peer whose lanes fail is asked again only after LANE_RETRY_MS', async (t) => {
  let time = 0
  const { server, client } = await connected()
  let asked = 0
  await server.handle(LANE_PROTOCOL, (channel) => {
    asked++
    void new FrameWriter(channel).send(new Uint8Array(1))
  })
  const failures: string[] = []
  const onFailure = (_: string, error: DstoreError): void => void failures.push(error.code)
  const dialer = new LaneDialer({ network: client, now: () => time, onFailure })
  closing.push(() => dialer.close())
  for (const [at, times] of [
    [0, 1],
    [LANE_RETRY_MS - 1, 1],
    [LANE_RETRY_MS, 2],
  ] as const) {
    time = at
    t.is(await dialer.open(server.peerId, patience()), undefined)
    t.is(asked, times)
  }
  t.deepEqual(failures, ['protocol', 'protocol'])
})

test('R003-113 a peer that reconnects has a lane at once: it never refused one', async (t) => {
  const { dialer, server, client, failures } = await site()
  const before = await dialer.open(server.peerId, patience())
  client.disconnect(server.peerId)
  await eventually(() => client.connections().length === 0 && before!.signal.aborted)
  t.is(await dialer.open(server.peerId, patience()), undefined)
  await client.dial(server.addresses()[0]!, PING)
  t.not(await dialer.open(server.peerId, patience()), undefined)
  t.deepEqual(failures, [])
})

test('a listener that is closed offers nothing', async (t) => {
  const { dialer, server, listener } = await site()
  await listener.close()
  t.is(await dialer.open(server.peerId, patience()), undefined)
})

test('a peer without the lane protocol has no lanes', async (t) => {
  const { server, client } = await connected()
  const dialer = new LaneDialer({ network: client, now })
  t.is(await dialer.open(server.peerId, patience()), undefined)
  t.is(await dialer.open(client.peerId, patience()), undefined)
  const reason = new DstoreError('cancelled', 'enough')
  await t.throwsAsync(
    new LaneDialer({ network: client, now }).open(server.peerId, AbortSignal.abort(reason)),
  )
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
    t.is(await dialer.open(server.peerId, patience()), undefined)
  }
  t.deepEqual(codes, ['protocol', 'protocol', 'protocol', 'protocol', 'timeout'])
})
