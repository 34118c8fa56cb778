import { once } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from '../../serial.ts'
import { LaneNetwork } from '../../../src/network/lane/lane-network.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { Libp2pChannel } from '../../../src/network/libp2p-channel.ts'
import { LaneChannel } from '../../../src/network/lane/lane-channel.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { pattern, readAll } from '../../wire/conformance.ts'
import { eventually } from '../../eventually.ts'
import { LANE_HANDSHAKE_MS, LANE_RETRY_MS } from '../../../src/limits.ts'
import { LANE_PROTOCOL, encodeOffer } from '../../../src/network/lane/lane-offer.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { now, random } from './lanes.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const BULK = '/dstore/bulk/1'
const SMALL = '/dstore/small/1'

const closing: (() => Promise<void>)[] = []

test.afterEach.always(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function node(
  listen: string[],
  bulk: string,
  told: string[] = [],
  clock: () => number = now,
): Promise<LaneNetwork> {
  const network = await createNetwork({ identity: await newIdentity(), listen })
  const note = (message: string): void => void told.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const made = new LaneNetwork({ network, listen, bulk, log, now: clock, random })
  closing.push(() => made.close())
  return made
}

async function echo(channel: Channel): Promise<void> {
  for (let bytes = await channel.read(); bytes !== undefined; bytes = await channel.read()) {
    await channel.write(new Uint8Array(bytes))
  }
  await channel.end()
}

async function serving(bulk: string, listen = [LOOPBACK]): Promise<LaneNetwork> {
  const server = await node(listen, bulk)
  for (const protocol of [BULK, SMALL]) {
    await server.handle(protocol, (channel) => void echo(channel).catch(() => {}))
  }
  return server
}

async function tried(channel: Channel): Promise<boolean> {
  const sent = pattern(2_500_000, 1)
  const back = readAll(channel)
  await channel.write(sent)
  await channel.end()
  return Buffer.compare(await back, sent) === 0
}

/** The first channel that is a lane; those before it are streams that it could have waited for. */
async function firstLane(open: () => Promise<Channel>): Promise<Channel> {
  let lane: Channel | undefined
  await eventually(async () => {
    const channel = await open()
    if (channel instanceof LaneChannel) lane = channel
    else channel.abort(new Error('a stream'))
    return lane !== undefined
  })
  return lane!
}

test('R003-110 a lane ends when a newer connection replaces the one by which it came', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  const [address] = server.addresses()
  const first = await client.connect(address!)
  const lane = await firstLane(() => client.open(server.peerId, BULK))
  const second = await client.connect(address!)
  t.false(lane.signal.aborted)
  second.closeOthers()
  t.true(lane.signal.aborted, 'whether or not its other end is heard of')
  await t.throwsAsync(first.open(SMALL), { code: 'unreachable' })
  t.true(await tried(await firstLane(() => client.open(server.peerId, BULK))))
})

test('R003-121 bulk goes by streams until there is a lane, then by lanes, the rest by streams', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  const small = await client.dial(server.addresses()[0]!, SMALL)
  t.true(small instanceof Libp2pChannel)
  const first = await client.open(server.peerId, BULK)
  t.true(first instanceof Libp2pChannel)
  const bulk = await firstLane(() => client.open(server.peerId, BULK))
  t.true((await client.open(server.peerId, SMALL)) instanceof Libp2pChannel)
  for (const channel of [first, bulk, small]) t.true(await tried(channel))
})

test('R003-121 with notice, the first transfer has a lane', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  const small = await client.dial(server.addresses()[0]!, SMALL)
  t.false(client.canReuse(small), 'no lane was tried yet')
  client.prepare(server.peerId)
  t.true(client.canReuse(small), 'one is on its way')
  await eventually(() => !client.canReuse(small))
  const lane = await client.open(server.peerId, BULK)
  t.true(lane instanceof LaneChannel)
  t.true(await tried(lane))
})

test('R003-113 if the other side has no lanes, streams are used, and that is logged once', async (t) => {
  const server = await serving('/dstore/none/1')
  const told: string[] = []
  const client = await node([], BULK, told)
  await client.dial(server.addresses()[0]!, SMALL)
  for (let i = 0; i < 3; i++) {
    const bulk = await client.open(server.peerId, BULK)
    t.true(bulk instanceof Libp2pChannel)
    t.true(await tried(bulk))
    await eventually(() => told.length > 0)
  }
  t.deepEqual(told, ['no lane: transfers go over the stream'])
})

test('R003-121 what is dialed for bulk is a stream, then a lane', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  const dial = (): Promise<Channel> => client.dial(server.addresses()[0]!, BULK)
  t.true((await dial()) instanceof Libp2pChannel)
  t.true(await tried(await firstLane(dial)))
  const without = await serving('/dstore/none/1')
  const stream = await client.dial(without.addresses()[0]!, BULK)
  t.true(stream instanceof Libp2pChannel)
  t.true(await tried(stream))
  await t.throwsAsync(
    client.dial(server.addresses()[0]!, BULK, { signal: AbortSignal.abort(new Error('enough')) }),
  )
})

test('the side that was dialed may open a lane to one that listens', async (t) => {
  const server = await serving(BULK)
  const client = await node([LOOPBACK], BULK)
  await client.handle(BULK, (channel) => void echo(channel).catch(() => {}))
  await client.dial(server.addresses()[0]!, SMALL)
  t.true(await tried(await firstLane(() => server.open(client.peerId, BULK))))
})

test('R003-121 lanes that were opened ahead are few, and end with the connection', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  await client.dial(server.addresses()[0]!, SMALL)
  const lanes = await Promise.all(
    [1, 2, 3].map(() => firstLane(() => client.open(server.peerId, BULK))),
  )
  const stream = await client.dial(server.addresses()[0]!, SMALL)
  await eventually(() => !client.canReuse(stream))
  client.disconnect(server.peerId)
  await eventually(() => lanes.every((lane) => lane.signal.aborted))
  await eventually(() => client.canReuse(stream))
  await t.throwsAsync(client.open(server.peerId, BULK), { code: 'unreachable' } as never)
})

const ipv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

test('R003-137 a peer has a lane by whichever address of the node it came', async (t) => {
  const hosts = ['ip4/127.0.0.1', 'ip4/127.0.0.2', ...(ipv6 ? ['ip6/::1'] : [])]
  const server = await serving(
    BULK,
    hosts.map((host) => `/${host}/tcp/0`),
  )
  t.log(hosts.join(' '))
  for (const host of hosts) {
    const address = server.addresses().find((one) => one.startsWith(`/${host}/`))
    const client = await node([], BULK)
    t.true(await tried(await firstLane(() => client.dial(address!, BULK))), host)
  }
})

test('R003-121 where the port of lanes is silent no transfer waits, for three minutes', async (t) => {
  // As a firewall makes it look that lets the handshake of TCP through, and nothing else.
  const held: net.Socket[] = []
  let tries = 0
  const silent = net.createServer((socket) => {
    tries++
    held.push(socket.on('error', () => {}))
  })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  closing.push(async () => void silent.close())
  const server = await serving('/dstore/none/1')
  await server.handle(LANE_PROTOCOL, (channel) => {
    const { port } = silent.address() as net.AddressInfo
    const offer = encodeOffer({ port, key: { id: random(16), secret: random(32) } })
    void new FrameWriter(channel).send(offer)
  })
  let passedMs = 0
  const told: string[] = []
  const client = await node([], BULK, told, () => now() + passedMs)
  await client.dial(server.addresses()[0]!, SMALL)
  const waits: number[] = []
  // Every 3 seconds a transfer, for as long as one retry and part of the wait for the second.
  for (let i = 0; i <= 60; i++, passedMs += 3000) {
    const began = performance.now()
    const channel = await client.open(server.peerId, BULK)
    waits.push(performance.now() - began)
    t.true(channel instanceof Libp2pChannel)
    channel.abort(new Error('enough'))
    const due = passedMs >= LANE_RETRY_MS + 3000 ? 2 : 1
    await eventually(() => tries === due)
    // In place of the time-out of the handshake.
    for (const socket of held.splice(0)) socket.destroy()
    await eventually(() => told.length === due)
  }
  t.is(tries, 2)
  t.true(Math.max(...waits) < LANE_HANDSHAKE_MS - 1000, `${Math.max(...waits)} ms`)
})

test('a call that gave up opens nothing', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  await client.dial(server.addresses()[0]!, SMALL)
  const signal = AbortSignal.abort(new Error('enough'))
  await t.throwsAsync(client.open(server.peerId, BULK, { signal }))
})
