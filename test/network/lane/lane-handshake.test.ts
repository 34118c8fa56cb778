import { constants } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { test } from '../../serial.ts'
import { toHex } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { LaneKeys } from '../../../src/network/lane/lane-keys.ts'
import { connectLane, laneServer } from '../../../src/network/lane/lane-tls.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../wire/conformance.ts'
import { CERTIFICATE, CERTIFICATE_KEY } from '../certificate.ts'
import { now, random } from './lanes.ts'
import { HOST, closeAll, closing, offered, patience, site } from './lane-site.ts'

test.afterEach.always(closeAll)

test('R003-103 a key opens one lane, and no second', async (t) => {
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

test('R003-103 a wrong secret and an unknown id open nothing, and spend the key', async (t) => {
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
})

test('R003-103 a key expires', async (t) => {
  let time = 0
  const where = await site(() => time)
  const { port, key } = (await offered(where))!
  time += 10_000
  await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
    instanceOf: DstoreError,
  })
  t.deepEqual(where.listener.counts, { lanes: 0, keys: 0, pending: 0 })
})

test('R003-107 a server with a certificate in place of the key is refused, trusted or not', async (t) => {
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
  // Even where the environment turns off Node's own check of certificates.
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  try {
    await t.throwsAsync(connectLane({ host: HOST, port }, key, patience()), {
      code: 'not-permitted',
    })
  } finally {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  }
  // The trap that the checks are for: a client with a key accepts a certificate that it trusts.
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
})

test('R003-101 every offer has a different id and secret', (t) => {
  const keys = new LaneKeys({ now, random })
  const drawn = Array.from({ length: 10 }, () => keys.issue('peer')!)
  t.is(new Set(drawn.flatMap(({ id, secret }) => [toHex(id), toHex(secret)])).size, 20)
})

test('a port where nothing listens is unreachable', async (t) => {
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

test('R003-107 a server that lacks the key is refused', async (t) => {
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

test('R003-105, R003-106 a client without a key, with a certificate or of another version is refused', async (t) => {
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
})

test('R003-106 no session ticket admits a peer without a key', async (t) => {
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
  await eventually(() => where.taken.length === 1)
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
