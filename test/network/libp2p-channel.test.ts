import { test } from '../serial.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Libp2pNetwork } from '../../src/network/libp2p-network.ts'
import { newIdentity } from '../../src/network/identity.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { channelSuite } from '../wire/conformance.ts'

const PROTOCOL = '/dstore/test/1'
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

let server: Libp2pNetwork
let client: Libp2pNetwork
const waiting: ((channel: Channel) => void)[] = []

test.before(async () => {
  server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK] })
  client = await createNetwork({ identity: await newIdentity() })
  await server.handle(PROTOCOL, (channel) => waiting.shift()!(channel))
})

test.after.always(async () => {
  await client.close()
  await server.close()
})

channelSuite({
  test: test,
  name: 'libp2p',
  // Two windows, what one write holds, and the buffers of Noise and TCP on both sides.
  inFlightBytes: 16 << 20,
  runs: 20,
  create: async () => {
    const accepted = new Promise<Channel>((resolve) => waiting.push(resolve))
    const a = await client.dial(server.addresses()[0]!, PROTOCOL)
    const b = await accepted
    return {
      a,
      b,
      close: async () => {
        a.abort(new Error('done'))
        b.abort(new Error('done'))
      },
    }
  },
})

channelSuite({
  test: test,
  name: 'libp2p, from the side that accepted',
  inFlightBytes: 16 << 20,
  runs: 20,
  create: async () => {
    const accepted = new Promise<Channel>((resolve) => waiting.push(resolve))
    const b = await client.dial(server.addresses()[0]!, PROTOCOL)
    const a = await accepted
    return {
      a,
      b,
      close: async () => {
        a.abort(new Error('done'))
        b.abort(new Error('done'))
      },
    }
  },
})
