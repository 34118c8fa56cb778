import test from 'ava'
import { newIdentity } from '../../src/node/identity.ts'
import { LaneDialler } from '../../src/node/lane-dialler.ts'
import { LaneListener } from '../../src/node/lane-listener.ts'
import { createNetwork } from '../../src/node/network.ts'
import type { Network } from '../../src/node/network.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { channelSuite } from '../wire/conformance.ts'
import type { ConnectedPair } from '../wire/conformance.ts'
import { now, random } from './lanes.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

let server: Network
let client: Network
let listener: LaneListener
let dialler: LaneDialler
const waiting: ((channel: Channel) => void)[] = []

test.before(async () => {
  server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  client = await createNetwork({ identity: await newIdentity() })
  listener = await LaneListener.open({
    network: server,
    host: '127.0.0.1',
    take: (lane) => waiting.shift()!(lane),
    now,
    random,
  })
  dialler = new LaneDialler({ network: client, now })
  await server.handle('/dstore/test/1', () => {})
  await client.dial(server.addresses()[0]!, '/dstore/test/1')
})

test.after.always(async () => {
  dialler.close()
  await listener.close()
  await client.close()
  await server.close()
})

async function create(): Promise<ConnectedPair> {
  const accepted = new Promise<Channel>((resolve) => waiting.push(resolve))
  const a = await dialler.open(server.peerId, new AbortController().signal)
  const b = await accepted
  const close = async (): Promise<void> => {
    a!.abort(new Error('done'))
    b.abort(new Error('done'))
  }
  return { a: a!, b, close }
}

const suite = { test: test.serial, inFlightBytes: 16 << 20, runs: 20 }

channelSuite({ ...suite, name: 'lane', create })

channelSuite({
  ...suite,
  name: 'lane, from the side that accepted',
  create: async () => {
    const { a, b, close } = await create()
    return { a: b, b: a, close }
  },
})
