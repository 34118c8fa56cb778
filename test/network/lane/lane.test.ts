import net from 'node:net'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { LANES_PENDING, LANE_KEYS_PER_PEER, LANE_RECORD_BYTES } from '../../../src/limits.ts'
import type { LaneChannel } from '../../../src/network/lane/lane-channel.ts'
import { connectLane } from '../../../src/network/lane/lane-tls.ts'
import { eventually } from '../../eventually.ts'
import { aborted, pattern, readAll, same } from '../../wire/conformance.ts'
import { now, random } from './lanes.ts'
import { HOST, closeAll, offered, patience, site } from './lane-site.ts'

test.afterEach.always(closeAll)

test('R003-102, R003-105 a lane carries bytes both ways, under TLS 1.3, in the name of the peer', async (t) => {
  const { dialer, server, client, taken, listener } = await site()
  const lane = await dialer.open(server.peerId)
  await eventually(() => taken.length === 1)
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
  await eventually(() => listener.counts.lanes === 0)
})

test('R003-104 a peer holds a bounded number of unused keys', async (t) => {
  const where = await site()
  for (let i = 0; i < LANE_KEYS_PER_PEER; i++) t.truthy(await offered(where))
  t.is(await offered(where), undefined)
  t.is(where.listener.counts.keys, LANE_KEYS_PER_PEER)
  t.is(await where.dialer.open(where.server.peerId), undefined)
  t.deepEqual(where.failures, [], 'a peer without room now may be asked again at once')
})

test('R003-103, R003-110 a lane does not outlive the connection that vouched for it', async (t) => {
  const where = await site()
  const { server, client, dialer, taken, listener } = where
  const lane = await dialer.open(server.peerId)
  await eventually(() => taken.length === 1)
  const unused = (await offered(where))!
  server.disconnect(client.peerId)
  await Promise.all([aborted(lane!), aborted(taken[0]!)])
  await eventually(() => listener.counts.lanes === 0 && listener.counts.keys === 0)
  await t.throwsAsync(connectLane({ host: HOST, port: unused.port }, unused.key, patience()))
})

test('R003-109 connections that never shake hands are bounded, and lanes that are open go on', async (t) => {
  const where = await site()
  const lane = await where.dialer.open(where.server.peerId)
  await eventually(() => where.taken.length === 1)
  const flood = Array.from({ length: LANES_PENDING + 200 }, () => {
    const socket = net.connect(where.listener.port, HOST)
    socket.on('error', () => {})
    return socket
  })
  let most = 0
  await eventually(() => {
    most = Math.max(most, where.listener.counts.pending)
    return flood.filter(({ destroyed }) => destroyed).length >= 200
  })
  t.is(most, LANES_PENDING)
  await lane!.write(pattern(10, 1))
  same(t, (await where.taken[0]!.read())!, pattern(10, 1))
  for (const socket of flood) socket.destroy()
  await eventually(() => where.listener.counts.pending === 0)
  t.truthy(await where.dialer.open(where.server.peerId))
})

test('random bytes at the port of lanes close only that connection', async (t) => {
  const where = await site()
  for (let i = 0; i < 30; i++) {
    const socket = net.connect(where.listener.port, HOST)
    socket.on('error', () => {})
    socket.resume()
    socket.write(random(1 + i * 100))
    socket.end()
    await new Promise((resolve) => socket.once('close', resolve))
  }
  await eventually(() => where.listener.counts.pending === 0)
  t.truthy(await where.dialer.open(where.server.peerId))
})

test('R003-112 a record that is too long, or after the end, breaks the lane', async (t) => {
  const tooLong = new Uint8Array(4)
  new DataView(tooLong.buffer).setUint32(0, LANE_RECORD_BYTES + 1)
  const records = [tooLong, Uint8Array.of(0xff, 0xff, 0xff, 0xff)]
  const late = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0, 0, 0, 1, 7)]
  for (const bytes of [[records[0]!], [records[1]!], late]) {
    const where = await site()
    const { port, key } = (await offered(where))!
    const socket = await connectLane({ host: HOST, port }, key, patience())
    socket.on('error', () => {})
    await eventually(() => where.taken.length === 1)
    for (const part of bytes) socket.write(part)
    await aborted(where.taken[0]!)
    t.is((where.taken[0]!.signal.reason as DstoreError).code, 'protocol')
  }
})

test('R003-111 a connection that is cut without the word for the end is lost, not ended', async (t) => {
  const where = await site()
  const { port, key } = (await offered(where))!
  const socket = await connectLane({ host: HOST, port }, key, patience())
  await eventually(() => where.taken.length === 1)
  const lane = where.taken[0] as LaneChannel
  socket.end(Uint8Array.of(0, 0, 0, 2, 1))
  t.deepEqual([...(await lane.read())!], [1])
  const error = await t.throwsAsync(lane.read(), { instanceOf: DstoreError })
  t.is(error.code, 'unreachable')
})

test('a small write does not wait for another', async (t) => {
  const { dialer, server, taken } = await site()
  const lane = (await dialer.open(server.peerId))!
  await eventually(() => taken.length === 1)
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
