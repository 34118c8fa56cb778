import { constants } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import test from 'ava'
import { toHex } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import {
  LANES_PENDING,
  LANE_KEYS_PER_PEER,
  LANE_RECORD_BYTES,
  LANE_RETRY_MS,
} from '../../../src/limits.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import type { LaneChannel } from '../../../src/network/lane/lane-channel.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneKeys } from '../../../src/network/lane/lane-keys.ts'
import { LANE_PROTOCOL, encodeOffer } from '../../../src/network/lane/lane-offer.ts'
import { connectLane, laneServer } from '../../../src/network/lane/lane-tls.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { aborted, pattern, readAll, same } from '../../wire/conformance.ts'
import { CERTIFICATE, CERTIFICATE_KEY } from '../certificate.ts'
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
  until,
} from './lane-site.ts'

test.afterEach.always(closeAll)

test.serial(
  'R003-102, R003-105 a lane carries bytes both ways, under TLS 1.3, in the name of the peer',
  async (t) => {
    const { dialer, server, client, taken, listener } = await site()
    const lane = await dialer.open(server.peerId, patience())
    await until(() => taken.length === 1)
    t.is(lane!.peer, server.peerId)
    t.is(taken[0]!.peer, client.peerId)
    t.deepEqual(listener.counts, { lanes: 1, keys: 0, pending: 0 })
    const sent = pattern(3_000_000, 1)
    const received = readAll(taken[0]!)
    await lane!.write(sent)
    await lane!.end()
    same(t, await received, sent)
    await taken[0]!.end()
    t.is(await lane!.read(), undefined)
    await until(() => listener.counts.lanes === 0)
  },
)

test.serial('R003-103 a key opens one lane, and no second', async (t) => {
  const { port, key } = (await offered(await site()))!
  const first = await connectLane({ host: HOST, port }, key, patience())
  t.is(first.getProtocol(), 'TLSv1.3')
  t.like(first.getEphemeralKeyInfo(), { type: 'ECDH', name: 'X25519' })
  const error = await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
    instanceOf: DstoreError,
  })
  t.is(error.code, 'not-permitted')
  first.destroy()
})

test.serial(
  'R003-103 a wrong secret and an unknown id open nothing, and spend the key',
  async (t) => {
    const where = await site()
    const { port, key } = (await offered(where))!
    for (const wrong of [
      { id: key.id, secret: key.secret.map((byte, i) => (i === 31 ? byte ^ 1 : byte)) },
      { id: random(16), secret: key.secret },
      key,
    ]) {
      await t.throwsAsync(connectLane({ host: HOST, port }, wrong, patience()), {
        instanceOf: DstoreError,
      })
    }
    t.deepEqual(where.taken, [])
    t.is(where.listener.counts.keys, 0)
  },
)

test.serial('R003-103 a key that is not used in time is worth nothing', async (t) => {
  let time = 0
  const where = await site(() => time)
  const { port, key } = (await offered(where))!
  time += 10_000
  await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
    instanceOf: DstoreError,
  })
  t.deepEqual(where.listener.counts, { lanes: 0, keys: 0, pending: 0 })
})

test.serial('R003-104 a peer holds a bounded number of unused keys', async (t) => {
  const where = await site()
  for (let i = 0; i < LANE_KEYS_PER_PEER; i++) t.truthy(await offered(where))
  t.is(await offered(where), undefined)
  t.is(where.listener.counts.keys, LANE_KEYS_PER_PEER)
  t.is(await where.dialer.open(where.server.peerId, patience()), undefined)
  t.deepEqual(where.failures, [], 'a peer without room now may be asked again at once')
})

test.serial(
  'R003-103, R003-110 a lane does not outlive the connection that vouched for it',
  async (t) => {
    const where = await site()
    const { server, client, dialer, taken, listener } = where
    const lane = await dialer.open(server.peerId, patience())
    await until(() => taken.length === 1)
    const unused = (await offered(where))!
    server.disconnect(client.peerId)
    await Promise.all([aborted(lane!), aborted(taken[0]!)])
    await until(() => listener.counts.lanes === 0 && listener.counts.keys === 0)
    await t.throwsAsync(connectLane({ host: HOST, port: unused.port }, unused.key, patience()))
  },
)

test.serial(
  'R003-107 a server with a certificate in place of the key is refused, trusted or not',
  async (t) => {
    const impostor = tls.createServer({
      cert: CERTIFICATE,
      key: CERTIFICATE_KEY,
      minVersion: 'TLSv1.3',
    })
    const secured: unknown[] = []
    impostor.on('secureConnection', (socket) => {
      secured.push(socket)
      socket.on('error', () => {})
      socket.end('hello')
    })
    impostor.listen(0, HOST)
    await once(impostor, 'listening')
    closing.push(() => impostor.close())
    const { port } = impostor.address() as net.AddressInfo
    const key = { id: random(16), secret: random(32) }
    const refusal = await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
      instanceOf: DstoreError,
    })
    t.is(refusal.code, 'not-permitted')
    // The trap that the checks are for: a client that is told to trust it takes it, though it has a key.
    const careless = tls.connect({
      host: HOST,
      port,
      ca: [CERTIFICATE],
      minVersion: 'TLSv1.3',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      pskCallback: () => ({ psk: key.secret, identity: toHex(key.id) }),
      checkServerIdentity: () => undefined,
    })
    await once(careless, 'secureConnect')
    t.true(careless.authorized, 'authorized says nothing about the key')
    t.false(careless.isSessionReused())
    t.truthy((careless.getPeerCertificate() as { raw?: unknown }).raw)
    careless.destroy()
  },
)

test('R003-101 every offer has an id and a secret of its own', (t) => {
  const keys = new LaneKeys({ now, random })
  const drawn = Array.from({ length: 10 }, () => keys.issue('peer')!)
  t.is(new Set(drawn.flatMap(({ id, secret }) => [toHex(id), toHex(secret)])).size, 20)
})

test.serial('where nobody listens no lane is reached', async (t) => {
  const gone = net.createServer()
  gone.listen(0, HOST)
  await once(gone, 'listening')
  const { port } = gone.address() as net.AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const key = { id: random(16), secret: random(32) }
  const error = await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
    instanceOf: DstoreError,
  })
  t.is(error.code, 'unreachable')
})

test.serial('R003-107 a server that lacks the key is refused', async (t) => {
  const impostor = laneServer(
    () => random(32),
    () => t.fail('it was taken'),
  )
  impostor.listen(0, HOST)
  await once(impostor, 'listening')
  closing.push(() => impostor.close())
  const { port } = impostor.address() as net.AddressInfo
  const key = { id: random(16), secret: random(32) }
  await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
    instanceOf: DstoreError,
  })
})

test.serial(
  'R003-105, R003-106 a client without a key, with a certificate or of another version is refused',
  async (t) => {
    const where = await site()
    const { port } = where.listener
    const attempts: tls.ConnectionOptions[] = [
      {},
      { cert: CERTIFICATE, key: CERTIFICATE_KEY },
      { maxVersion: 'TLSv1.2', ciphers: 'ALL:@SECLEVEL=0' },
      { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
    ]
    for (const options of attempts) {
      const socket = tls.connect({ host: HOST, port, rejectUnauthorized: false, ...options })
      const outcome = await Promise.race([
        once(socket, 'secureConnect').then(
          () => 'connected',
          () => 'refused',
        ),
        once(socket, 'close').then(
          () => 'refused',
          () => 'refused',
        ),
      ])
      t.is(outcome, 'refused')
      socket.destroy()
    }
    t.deepEqual(where.taken, [])
  },
)

test.serial('R003-106 no ticket brings a peer back without a key', async (t) => {
  const where = await site()
  const { port, key } = (await offered(where))!
  const sessions: Buffer[] = []
  const options: tls.ConnectionOptions = {
    host: HOST,
    port,
    ca: [],
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256',
    secureOptions: constants.SSL_OP_ALL,
  }
  const first = tls.connect({
    ...options,
    pskCallback: () => ({ psk: key.secret, identity: toHex(key.id) }),
  })
  first.on('session', (session) => sessions.push(session))
  await once(first, 'secureConnect')
  await until(() => where.taken.length === 1)
  await where.taken[0]!.write(pattern(100, 1))
  await once(first, 'readable')
  for (const session of [...sessions, first.getSession()!]) {
    const again = tls.connect({ ...options, session, rejectUnauthorized: false })
    again.once('secureConnect', () => t.fail('a session was resumed'))
    again.on('error', () => {})
    await new Promise((resolve) => again.once('close', resolve))
  }
  first.destroy()
  t.is(where.taken.length, 1)
})

test.serial(
  'R003-109 connections that never shake hands are bounded, and lanes that are open go on',
  async (t) => {
    const where = await site()
    const lane = await where.dialer.open(where.server.peerId, patience())
    await until(() => where.taken.length === 1)
    const flood = Array.from({ length: LANES_PENDING + 200 }, () => {
      const socket = net.connect(where.listener.port, HOST)
      socket.on('error', () => {})
      return socket
    })
    await until(() => flood.filter(({ destroyed }) => destroyed).length >= 200)
    t.true(where.listener.counts.pending <= LANES_PENDING)
    await lane!.write(pattern(10, 1))
    same(t, (await where.taken[0]!.read())!, pattern(10, 1))
    for (const socket of flood) socket.destroy()
    await until(() => where.listener.counts.pending === 0)
    t.truthy(await where.dialer.open(where.server.peerId, patience()))
  },
)

test.serial('random bytes at the port of lanes close that connection alone', async (t) => {
  const where = await site()
  for (let i = 0; i < 30; i++) {
    const socket = net.connect(where.listener.port, HOST)
    socket.on('error', () => {})
    socket.resume()
    socket.write(random(1 + i * 100))
    socket.end()
    await new Promise((resolve) => socket.once('close', resolve))
  }
  await until(() => where.listener.counts.pending === 0)
  t.truthy(await where.dialer.open(where.server.peerId, patience()))
})

test.serial('R003-113 a peer whose lanes fail is asked again only after a while', async (t) => {
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

test.serial(
  'R003-113 a peer that was away has a lane as soon as it is back: it never refused one',
  async (t) => {
    const { dialer, server, client, failures } = await site()
    const before = await dialer.open(server.peerId, patience())
    client.disconnect(server.peerId)
    await until(() => client.connections().length === 0 && before!.signal.aborted)
    t.is(await dialer.open(server.peerId, patience()), undefined)
    await client.dial(server.addresses()[0]!, PING)
    t.not(await dialer.open(server.peerId, patience()), undefined)
    t.deepEqual(failures, [])
  },
)

test.serial('a listener that is closed offers nothing', async (t) => {
  const { dialer, server, listener } = await site()
  await listener.close()
  t.is(await dialer.open(server.peerId, patience()), undefined)
})

test.serial('a peer that does not speak of lanes has none', async (t) => {
  const { server, client } = await connected()
  const dialer = new LaneDialer({ network: client, now })
  t.is(await dialer.open(server.peerId, patience()), undefined)
  t.is(await dialer.open(client.peerId, patience()), undefined)
  const reason = new DstoreError('cancelled', 'enough')
  await t.throwsAsync(
    new LaneDialer({ network: client, now }).open(server.peerId, AbortSignal.abort(reason)),
  )
})

test.serial(
  'an offer that is none, or leads to a port where nobody speaks TLS, costs the lane alone',
  async (t) => {
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
  },
)

test.serial('R003-112 a record that is too long, or after the end, breaks the lane', async (t) => {
  const tooLong = new Uint8Array(4)
  new DataView(tooLong.buffer).setUint32(0, LANE_RECORD_BYTES + 1)
  const records = [tooLong, Uint8Array.of(0xff, 0xff, 0xff, 0xff)]
  const late = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0, 0, 0, 1, 7)]
  for (const bytes of [[records[0]!], [records[1]!], late]) {
    const where = await site()
    const { port, key } = (await offered(where))!
    const socket = await connectLane({ host: HOST, port }, key, patience())
    socket.on('error', () => {})
    await until(() => where.taken.length === 1)
    for (const part of bytes) socket.write(part)
    await aborted(where.taken[0]!)
    t.is((where.taken[0]!.signal.reason as DstoreError).code, 'protocol')
  }
})

test.serial(
  'R003-111 a connection that is cut without the word for the end is lost, not ended',
  async (t) => {
    const where = await site()
    const { port, key } = (await offered(where))!
    const socket = await connectLane({ host: HOST, port }, key, patience())
    await until(() => where.taken.length === 1)
    const lane = where.taken[0] as LaneChannel
    socket.end(Uint8Array.of(0, 0, 0, 2, 1))
    t.deepEqual([...(await lane.read())!], [1])
    const error = await t.throwsAsync(lane.read(), { instanceOf: DstoreError })
    t.is(error.code, 'unreachable')
  },
)

test.serial('a small write does not wait for another', async (t) => {
  const { dialer, server, taken } = await site()
  const lane = (await dialer.open(server.peerId, patience()))!
  await until(() => taken.length === 1)
  const there = taken[0]!
  const waits: number[] = []
  for (let i = 0; i < 30; i++) {
    const began = now()
    for (const part of [1, 2, 3]) await lane.write(Uint8Array.of(part))
    let got = 0
    while (got < 3) got += (await there.read())!.byteLength
    await there.write(Uint8Array.of(4))
    await lane.read()
    waits.push(now() - began)
  }
  waits.sort((a, b) => a - b)
  t.true(waits[10]! < 35, `${waits[10]!} ms: with Nagle it is 40`)
})
