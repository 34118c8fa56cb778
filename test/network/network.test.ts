import net from 'node:net'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/errors.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { newIdentity, peerIdOf } from '../../src/network/identity.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Libp2pNetwork, NetworkLimits } from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { eventually } from '../eventually.ts'
import { aborted, pattern, readAll, same } from '../wire/conformance.ts'

const PROTOCOL = '/dstore/test/1'
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

const open: { close(): unknown }[] = []

test.after.always(async () => {
  await Promise.all(open.map((one) => one.close()))
})

async function network(
  listen: string[] = [],
  limits: Partial<NetworkLimits> = {},
  identity?: Awaited<ReturnType<typeof newIdentity>>,
): Promise<Libp2pNetwork> {
  const made = await createNetwork({ identity: identity ?? (await newIdentity()), listen, limits })
  open.push(made)
  return made
}

/** A TCP server that is no libp2p peer: its port, and how to stop it. */
async function stranger(
  talk: (socket: net.Socket) => void,
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  open.push({ close })
  return { port, close }
}

async function refused(
  t: ExecutionContext,
  what: Promise<unknown>,
  code: ErrorCode,
): Promise<DstoreError> {
  const error = (await t.throwsAsync(what)) as DstoreError
  t.log(`${error.code}: ${error.message}`)
  t.is(error.code, code)
  t.false(error.message.includes('\n'))
  return error
}

test('a node that is not told to listen does not, and can dial', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  t.deepEqual(client.addresses(), [])
  t.is(server.addresses().length, 1)
  t.true(server.addresses()[0]!.endsWith(`/p2p/${server.peerId}`))
  const peers: string[] = []
  await server.handle(PROTOCOL, (channel) => {
    peers.push(channel.peer)
    void echo(channel)
  })
  for (const channel of [
    await client.dial(server.addresses()[0]!, PROTOCOL),
    await client.open(server.peerId, PROTOCOL),
  ]) {
    t.is(channel.peer, server.peerId)
    await channel.write(pattern(100_000, 1))
    await channel.end()
    same(t, await readAll(channel), pattern(100_000, 1))
  }
  t.deepEqual(peers, [client.peerId, client.peerId])
  t.is(client.connections().length, 1)
  t.is(client.connections()[0]!.direction, 'outbound')
})

test('bytes and an end that come together with the answer to the negotiation are not lost', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  await server.handle(PROTOCOL, (channel) => {
    void channel.write(pattern(51, 1)).then(() => channel.end())
  })
  for (let i = 0; i < 20; i++) {
    const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
    same(t, await readAll(channel), pattern(51, 1))
    await channel.end()
  }
})

test('an address that cannot be used is refused with the reason', async (t) => {
  const client = await network()
  const peer = peerIdOf(await newIdentity())
  for (const address of [
    'nonsense',
    '',
    '/ip4/127.0.0.1/tcp/1',
    `/ip4/127.0.0.1/udp/1/p2p/${peer}`,
    `/ip4/300.0.0.1/tcp/1/p2p/${peer}`,
    '/ip4/127.0.0.1/tcp/1/p2p/nobody',
    `/ip4/127.0.0.1/tcp/1/p2p/${peer}/p2p-circuit/p2p/${peer}`,
    `/ip4/127.0.0.1/tcp/1/${'x'.repeat(10_000)}`,
  ]) {
    const error = await refused(t, client.dial(address, PROTOCOL), 'malformed-address')
    t.true(error.message.length < 400)
  }
})

test('an address where nothing listens is unreachable', async (t) => {
  const client = await network()
  const peer = peerIdOf(await newIdentity())
  const { port, close } = await stranger(() => {})
  close()
  await refused(t, client.dial(`/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`, PROTOCOL), 'unreachable')
})

test('another peer at the address is not taken for the one that was asked for', async (t) => {
  const server = await network([LOOPBACK])
  await server.handle(PROTOCOL, () => t.fail('a channel was opened'))
  const client = await network()
  const wrong = server.addresses()[0]!.replace(server.peerId, peerIdOf(await newIdentity()))
  const error = await refused(t, client.dial(wrong, PROTOCOL), 'impostor')
  t.regex(error.message, /another peer/)
  t.is(client.connections().length, 0)
})

test('R004-71 R004-76: each connection is a new one, to the address that is dialled, and the older ones can be closed', async (t) => {
  const server = await network([LOOPBACK, LOOPBACK])
  await server.handle(PROTOCOL, (channel) => void channel.write(Uint8Array.of(1, 2, 3)))
  const client = await network([LOOPBACK])
  await server.connect(client.addresses()[0]!)
  const [a, b] = server.addresses() as [string, string]
  // libp2p itself would give the second dial the connection of the first.
  const [first, second] = await Promise.all([client.connect(a), client.connect(b)])
  const third = await client.connect(a)
  t.is(client.connections().length, 4)
  const channels = await Promise.all([first, second, third].map((one) => one.open(PROTOCOL)))
  third.closeOthers()
  t.true(await eventually(async () => client.connections().length === 2))
  t.deepEqual(
    new Set(client.connections().map(({ direction }) => direction)),
    new Set(['inbound', 'outbound']),
  )
  t.true(channels[0]!.signal.aborted && channels[1]!.signal.aborted)
  t.deepEqual([...(await channels[2]!.read())!], [1, 2, 3])
  third.close(new DstoreError('cancelled', 'enough'))
  t.true(await eventually(async () => server.connections().length === 1))
})

test('R004-71: two dials of one address do not share a connection', async (t) => {
  const { port } = await stranger(() => {})
  const client = await network()
  const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdOf(await newIdentity())}`
  const stop = new AbortController()
  const first = refused(t, client.connect(address, { signal: stop.signal }), 'cancelled')
  await refused(t, client.connect(address), 'busy')
  stop.abort()
  await first
})

test('R006-7: a connection to another peer is refused, and closed', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  const wrong = server.addresses()[0]!.replace(server.peerId, peerIdOf(await newIdentity()))
  await refused(t, client.connect(wrong), 'impostor')
  t.true(await eventually(async () => server.connections().length === 0))
  await refused(
    t,
    client.connect(`${LOOPBACK.replace(/0$/, '1')}/p2p/${client.peerId}`),
    'malformed-address',
  )
})

test('what is not a libp2p peer is incompatible', async (t) => {
  const client = await network()
  const peer = peerIdOf(await newIdentity())
  const { port: http } = await stranger((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
  })
  await refused(t, client.dial(`/ip4/127.0.0.1/tcp/${http}/p2p/${peer}`, PROTOCOL), 'incompatible')
  const { port: shy } = await stranger((socket) => socket.end())
  await refused(t, client.dial(`/ip4/127.0.0.1/tcp/${shy}/p2p/${peer}`, PROTOCOL), 'incompatible')
  const { port: random } = await stranger((socket) => socket.write(pattern(5000, 3)))
  await refused(
    t,
    client.dial(`/ip4/127.0.0.1/tcp/${random}/p2p/${peer}`, PROTOCOL),
    'incompatible',
  )
})

test('a peer that says nothing is given up in time, or when the caller does', async (t) => {
  const client = await network()
  const peer = peerIdOf(await newIdentity())
  const controller = new AbortController()
  let called = (): void => undefined
  const { port } = await stranger(() => called())
  const silent = `/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`
  const late = client.dial(silent, PROTOCOL, { signal: AbortSignal.timeout(200) })
  await refused(t, late, 'timeout')
  called = () => controller.abort()
  const left = client.dial(silent, PROTOCOL, { signal: controller.signal })
  await refused(t, left, 'cancelled')
  const reason = new DstoreError('not-permitted', 'revoked')
  const revoked = client.dial(silent, PROTOCOL, { signal: AbortSignal.abort(reason) })
  t.is(await refused(t, revoked, 'not-permitted'), reason)
})

test('a peer that does not speak the protocol is incompatible, and the connection lives on', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  await refused(t, client.dial(server.addresses()[0]!, '/dstore/other/1'), 'incompatible')
  t.is(client.connections().length, 1)
  await refused(t, client.open(server.peerId, '/dstore/other/1'), 'incompatible')
})

test('a peer without a connection cannot be opened a channel to', async (t) => {
  const client = await network()
  await refused(t, client.open(peerIdOf(await newIdentity()), PROTOCOL), 'unreachable')
})

test('a node does not dial itself', async (t) => {
  const server = await network([LOOPBACK])
  await refused(t, server.dial(server.addresses()[0]!, PROTOCOL), 'malformed-address')
})

test('an address that is taken or not of this machine cannot be listened on', async (t) => {
  const server = await network([LOOPBACK])
  const taken = server.addresses()[0]!.replace(/\/p2p\/.*/, '')
  const error = await refused(t, network([taken]), 'address-in-use')
  t.true(error.message.includes(taken))
  for (const address of [
    '/ip4/192.0.2.1/tcp/0',
    '/ip4/127.0.0.1/udp/0',
    '/dns4/localhost/tcp/0',
    `${taken}/p2p/${server.peerId}`,
    'nonsense',
  ]) {
    await refused(t, network([address]), 'malformed-address')
  }
})

test('listeners are called as peers connect and disconnect', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  const seen: string[] = []
  const stop = server.onPeer({
    connected: (peer) => seen.push(`+${peer}`),
    disconnected: (peer) => seen.push(`-${peer}`),
  })
  await server.handle(PROTOCOL, () => {})
  const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
  await eventually(() => seen.length === 1)
  server.disconnect(client.peerId)
  await aborted(channel)
  t.is((channel.signal.reason as DstoreError).code, 'unreachable')
  await eventually(() => seen.length === 2)
  t.deepEqual(seen, [`+${client.peerId}`, `-${client.peerId}`])
  stop()
  await client.dial(server.addresses()[0]!, PROTOCOL)
  t.is(seen.length, 2)
})

test('R006-30: connections that are cut after a moment are those that were open before it', async (t) => {
  const server = await network([LOOPBACK])
  const identity = await newIdentity()
  const [first, second] = [await network([], {}, identity), await network([], {}, identity)]
  await server.handle(PROTOCOL, () => {})
  const early = await first.dial(server.addresses()[0]!, PROTOCOL)
  let isMember = true
  server.disconnect(first.peerId, { afterMs: 1, unless: () => isMember })
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.false(early.signal.aborted)
  isMember = false
  // Long enough for the second to be connected before.
  server.disconnect(first.peerId, { afterMs: 1000, unless: () => isMember })
  const late = await second.dial(server.addresses()[0]!, PROTOCOL)
  await aborted(early)
  t.false(late.signal.aborted)
})

test('a channel to a node that closes is aborted, with what was on its way', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network()
  const accepted = new Promise<Channel>((resolve) => void server.handle(PROTOCOL, resolve))
  const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
  const there = await accepted
  await there.write(pattern(1000, 1))
  same(t, (await channel.read())!, pattern(1000, 1))
  const reading = refused(t, channel.read(), 'unreachable')
  await server.close()
  await reading
  await Promise.all([aborted(channel), aborted(there)])
})

test('what a peer said to the end is read although it drops the channel right after', async (t) => {
  const server = await network(['/ip4/127.0.0.1/tcp/0'])
  await server.handle(PROTOCOL, (channel) => {
    void (async () => {
      await channel.read()
      await channel.write(Uint8Array.of(1, 2, 3))
      await channel.end()
      channel.abort(new Error('that was all'))
    })()
  })
  const client = await network()
  const channel = await client.dial(server.addresses()[0]!, PROTOCOL)
  await channel.write(Uint8Array.of(0))
  // A later answer on the same connection: all of the first has arrived before it.
  const other = await client.dial(server.addresses()[0]!, PROTOCOL)
  await other.write(Uint8Array.of(0))
  t.is((await other.read())?.byteLength, 3)
  t.is((await channel.read())?.byteLength, 3)
  t.is(await channel.read(), undefined)
  t.true(channel.signal.aborted)
})

test('streams beyond the limit are refused or dropped, those within it work', async (t) => {
  const server = await network([LOOPBACK], { streamsPerProtocol: 4 })
  const client = await network([], { streamsPerProtocol: 100 })
  await server.handle(
    PROTOCOL,
    (channel) =>
      void readAll(channel).then(
        () => channel.end(),
        () => {},
      ),
  )
  const opened: Channel[] = []
  let refusals = 0
  for (let i = 0; i < 12; i++) {
    try {
      opened.push(await client.dial(server.addresses()[0]!, PROTOCOL))
    } catch (error) {
      t.true(error instanceof DstoreError && error.code === 'busy', String(error))
      refusals++
    }
  }
  await eventually((saw) => saw(opened.filter(({ signal }) => !signal.aborted).length) <= 4)
  const alive = opened.filter(({ signal }) => !signal.aborted)
  t.log(`${refusals} refused, ${opened.length - alive.length} dropped, ${alive.length} open`)
  t.is(alive.length, 4)
  for (const channel of alive) {
    await channel.write(pattern(10, 1))
    await channel.end()
    t.is(await channel.read(), undefined)
  }
  await t.notThrowsAsync(client.dial(server.addresses()[0]!, PROTOCOL))
})

test('streams that this node opens are limited too', async (t) => {
  const server = await network([LOOPBACK])
  const client = await network([], { streamsPerProtocol: 3 })
  await server.handle(PROTOCOL, () => {})
  for (let i = 0; i < 3; i++) await client.dial(server.addresses()[0]!, PROTOCOL)
  await refused(t, client.dial(server.addresses()[0]!, PROTOCOL), 'busy')
})

test('connections beyond the limit are refused, the others stay', async (t) => {
  const server = await network([LOOPBACK], { connections: 3 })
  await server.handle(PROTOCOL, () => {})
  const clients = await Promise.all([network(), network(), network(), network(), network()])
  const channels: Channel[] = []
  for (const client of clients.slice(0, 3)) {
    channels.push(await client.dial(server.addresses()[0]!, PROTOCOL))
  }
  for (const client of clients.slice(3)) {
    const error = (await t.throwsAsync(
      client.dial(server.addresses()[0]!, PROTOCOL),
    )) as DstoreError
    t.log(error.message)
    t.true(['unreachable', 'incompatible'].includes(error.code), error.code)
  }
  t.true(channels.every(({ signal }) => !signal.aborted))
})

async function echo(channel: Channel): Promise<void> {
  await channel.write(await readAll(channel))
  await channel.end()
}
