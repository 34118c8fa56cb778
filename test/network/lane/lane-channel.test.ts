import { test } from '../../serial.ts'
import { concat, equal } from '../../../src/bytes.ts'
import { LANE_SLAB_BYTES } from '../../../src/network/lane/lane-receive.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneDialer } from '../../../src/network/lane/lane-dialer.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import type { Libp2pNetwork } from '../../../src/network/libp2p-network.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { channelSuite, pattern } from '../../wire/conformance.ts'
import type { ConnectedPair } from '../../wire/conformance.ts'
import { now, random } from './lanes.ts'

const MIB = 1 << 20
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

let server: Libp2pNetwork
let client: Libp2pNetwork
let listener: LaneListener
let dialer: LaneDialer
const waiting: ((channel: Channel) => void)[] = []

test.before(async () => {
  server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  client = await createNetwork({ identity: await newIdentity() })
  listener = await LaneListener.open({
    network: server,
    hosts: ['127.0.0.1'],
    take: (lane) => waiting.shift()!(lane),
    now,
    random,
  })
  dialer = new LaneDialer({ network: client, now })
  await server.handle('/dstore/test/1', () => {})
  await client.dial(server.addresses()[0]!, '/dstore/test/1')
})

test.after.always(async () => {
  dialer.close()
  await listener.close()
  await client.close()
  await server.close()
})

async function create(): Promise<ConnectedPair> {
  const accepted = new Promise<Channel>((resolve) => waiting.push(resolve))
  const a = await dialer.open(server.peerId)
  const b = await accepted
  const close = async (): Promise<void> => {
    a!.abort(new Error('done'))
    b.abort(new Error('done'))
  }
  return { a: a!, b, close }
}

const suite = { test: test, inFlightBytes: 16 << 20, runs: 20 }

channelSuite({ ...suite, name: 'lane', create })

channelSuite({
  ...suite,
  name: 'lane, from the side that accepted',
  create: async () => {
    const { a, b, close } = await create()
    return { a: b, b: a, close }
  },
})

for (const side of ['dialed', 'accepted'] as const) {
  test(`a lane that was ${side} sends and reads without end in the memory of a few slabs`, async (t) => {
    const { a, b, close } = await create()
    const [from, to] = side === 'dialed' ? [b, a] : [a, b]
    const sent = pattern(MIB, 3)
    const memories = new Set<ArrayBufferLike>()
    const sending = (async () => {
      for (let i = 0; i < 64; i++) await from.write([sent.subarray(0, 5), sent.subarray(5)])
      await from.end()
    })()
    let got = 0
    let wrong = 0
    for (let bytes = await to.read(); bytes !== undefined; bytes = await to.read()) {
      memories.add(bytes.buffer)
      for (let at = 0; at < bytes.byteLength; at += 4093) {
        if (bytes[at] !== sent[(got + at) % MIB]) wrong++
      }
      got += bytes.byteLength
    }
    await sending
    t.is(got, 64 * MIB)
    t.is(wrong, 0)
    // At the accepting side Node allocates an array for every TLS record.
    if (side === 'dialed') t.true(memories.size <= 8, `${memories.size} arrays`)
    await close()
  })
}

test('bytes that were read stay unchanged until the next read, whatever arrives meanwhile', async (t) => {
  const { a, b, close } = await create()
  const sent = Array.from({ length: 12 }, (_, i) => pattern(LANE_SLAB_BYTES, i))
  const sending = (async () => {
    for (const bytes of sent) await b.write(bytes)
    await b.end()
  })()
  const parts: Uint8Array[] = []
  for (let bytes = await a.read(); bytes !== undefined; bytes = await a.read()) {
    const copy = new Uint8Array(bytes)
    await new Promise((resolve) => setTimeout(resolve, 5))
    t.true(equal(bytes, copy))
    parts.push(copy)
  }
  await sending
  t.true(equal(concat(parts), concat(sent)))
  await close()
})
