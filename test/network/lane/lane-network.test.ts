import { test } from '../../serial.ts'
import { LaneNetwork } from '../../../src/network/lane/lane-network.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { Libp2pChannel } from '../../../src/network/libp2p-channel.ts'
import { LaneChannel } from '../../../src/network/lane/lane-channel.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { pattern, readAll } from '../../wire/conformance.ts'
import { now, random } from './lanes.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const BULK = '/dstore/bulk/1'
const SMALL = '/dstore/small/1'

const closing: (() => Promise<void>)[] = []

test.afterEach.always(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function node(listen: string[], bulk: string, told: string[] = []): Promise<LaneNetwork> {
  const network = await createNetwork({ identity: await newIdentity(), listen })
  const note = (message: string): void => void told.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const made = new LaneNetwork({ network, listen, bulk, log, now, random })
  closing.push(() => made.close())
  return made
}

async function echo(channel: Channel): Promise<void> {
  for (let bytes = await channel.read(); bytes !== undefined; bytes = await channel.read()) {
    await channel.write(new Uint8Array(bytes))
  }
  await channel.end()
}

async function serving(bulk: string): Promise<LaneNetwork> {
  const server = await node([LOOPBACK], bulk)
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

test('bulk goes by a lane, the rest by streams', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  const small = await client.dial(server.addresses()[0]!, SMALL)
  t.true(small instanceof Libp2pChannel)
  const bulk = await client.open(server.peerId, BULK)
  t.true(bulk instanceof LaneChannel)
  t.true((await client.open(server.peerId, SMALL)) instanceof Libp2pChannel)
  t.true(await tried(bulk))
  t.true(await tried(small))
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
  }
  t.deepEqual(told, ['no lane: transfers go over the stream'])
})

test('what is dialed for bulk is a lane from the first time on', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  for (let i = 0; i < 2; i++) {
    const bulk = await client.dial(server.addresses()[0]!, BULK)
    t.true(bulk instanceof LaneChannel)
    t.true(await tried(bulk))
  }
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
  const bulk = await server.open(client.peerId, BULK)
  t.true(bulk instanceof LaneChannel)
  t.true(await tried(bulk))
})

test('a call that gave up opens nothing', async (t) => {
  const server = await serving(BULK)
  const client = await node([], BULK)
  await client.dial(server.addresses()[0]!, SMALL)
  const signal = AbortSignal.abort(new Error('enough'))
  await t.throwsAsync(client.open(server.peerId, BULK, { signal }))
})
