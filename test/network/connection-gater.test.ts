import { connect } from 'node:net'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { Gate } from '../../src/membership/gate.ts'
import type { Refused } from '../../src/membership/refusal.ts'
import { newIdentity, peerIdOf, type Identity } from '../../src/network/identity.ts'
import {
  createNetwork,
  type Libp2pNetwork,
  type NetworkLimits,
} from '../../src/network/libp2p-network.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { eventually } from '../eventually.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const INDEX = '/test/index'
const BULK = '/test/bulk'

interface Gated {
  readonly address: string
  readonly server: Libp2pNetwork
  readonly gate: Gate
  readonly members: Set<string>
  readonly told: Refused[]
  readonly taken: Channel[]
}

async function gated(t: ExecutionContext, bounds: Partial<NetworkLimits> = {}): Promise<Gated> {
  const told: Refused[] = []
  const members = new Set<string>()
  const taken: Channel[] = []
  const now = (): number => performance.now()
  const gate = new Gate({ admission: INDEX, now, report: (one) => told.push(one) })
  gate.follow((peer) => members.has(peer))
  const identity = await newIdentity()
  const server = await createNetwork({ identity, listen: [LOOPBACK], gate, limits: bounds })
  t.teardown(() => server.close())
  for (const protocol of [INDEX, BULK]) await server.handle(protocol, (one) => taken.push(one))
  return { address: server.addresses()[0]!, server, gate, members, told, taken }
}

async function client(t: ExecutionContext, identity?: Identity): Promise<Libp2pNetwork> {
  const network = await createNetwork({ identity: identity ?? (await newIdentity()) })
  t.teardown(() => network.close())
  return network
}

/** A channel that does not come about, or is cut as soon as it does. */
async function refused(dialing: Promise<Channel>): Promise<void> {
  const channel = await dialing.catch(() => undefined)
  if (channel !== undefined) await eventually(() => channel.signal.aborted)
}

test('R006-30: a stranger gets one stream of the index protocol, and is cut for anything else', async (t) => {
  const { address, taken, gate, server, told } = await gated(t)
  const stranger = await client(t)
  await stranger.dial(address, INDEX)
  await eventually(() => taken.length === 1)
  await refused(stranger.dial(address, INDEX))
  t.is(taken.length, 1)
  await refused(stranger.dial(address, BULK))
  await eventually(() => server.connections().length === 0)
  t.is(taken.length, 1)
  t.like(gate.refused, { streams: 1, stranger: 1 })
  t.deepEqual(
    told.map(({ why, peer, host }) => [why, peer, host]),
    [
      ['streams', stranger.peerId, '127.0.0.1'],
      ['stranger', stranger.peerId, '127.0.0.1'],
    ],
  )
})

test('R006-30: a stranger that has not become a member in time is cut, a member is not', async (t) => {
  const { address, gate, members, server, taken } = await gated(t, { admissionMs: 1500 })
  const [idle, admitted] = [await client(t), await client(t)]
  const waiting = await idle.dial(address, INDEX)
  const stays = await admitted.dial(address, INDEX)
  await eventually(() => taken.length === 2)
  members.add(admitted.peerId)
  await eventually(() => waiting.signal.aborted)
  await new Promise((resolve) => setTimeout(resolve, 1600))
  t.false(stays.signal.aborted)
  t.deepEqual(
    server.connections().map(({ peer }) => peer),
    [admitted.peerId],
  )
  t.is(gate.refused.late, 1)
})

test('R006-34: strangers beyond their number are refused; a member beside them comes in', async (t) => {
  const { address, gate, members, taken } = await gated(t, { admissionMs: 600_000 })
  const flood = await Promise.all(Array.from({ length: 20 }, () => client(t)))
  const outcomes = await Promise.allSettled(flood.map((one) => one.dial(address, INDEX)))
  await eventually(() => gate.refused.connections >= 1)
  const open = outcomes.filter(({ status }) => status === 'fulfilled').length
  t.true(open <= 20 - gate.refused.connections, `${open}`)
  t.true(taken.length <= 16, `${taken.length}`)
  const identity = await newIdentity()
  members.add(peerIdOf(identity))
  const member = await client(t, identity)
  await member.dial(address, BULK)
  await eventually(() => taken.some(({ peer }) => peer === member.peerId))
  t.pass()
})

test('R006-34: a stranger that has disconnected counts no longer', async (t) => {
  const gate = new Gate({
    admission: INDEX,
    now: () => performance.now(),
    report: () => undefined,
    bounds: { strangersPerHost: 1 },
  })
  const server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK], gate })
  t.teardown(() => server.close())
  const taken: Channel[] = []
  await server.handle(INDEX, (one) => taken.push(one))
  const [first, second] = [await client(t), await client(t)]
  await first.dial(server.addresses()[0]!, INDEX)
  await eventually(() => taken.length === 1)
  await refused(second.dial(server.addresses()[0]!, INDEX))
  await first.close()
  await eventually(() => server.connections().length === 0)
  await second.dial(server.addresses()[0]!, INDEX)
  await eventually(() => taken.length === 2)
  t.is(gate.refused.connections, 1)
})

test('R006-35: of too many connections of one peer the oldest is cut', async (t) => {
  const { address, gate, members, server } = await gated(t, { connectionsPerPeer: 3 })
  const identity = await newIdentity()
  members.add(peerIdOf(identity))
  const lines: Channel[] = []
  for (let i = 0; i < 5; i++) lines.push(await (await client(t, identity)).dial(address, INDEX))
  await eventually(() => lines[0]!.signal.aborted && lines[1]!.signal.aborted)
  t.false(lines.slice(2).some(({ signal }) => signal.aborted))
  t.is(server.connections().length, 3)
  t.is(gate.refused.connections, 2)
})

test('R006-35: of too many streams the newest is refused, and counted', async (t) => {
  const { address, gate, members, taken } = await gated(t, { streamsPerProtocol: 3 })
  const identity = await newIdentity()
  members.add(peerIdOf(identity))
  const member = await client(t, identity)
  const opened = await Promise.all(Array.from({ length: 3 }, () => member.dial(address, BULK)))
  await eventually(() => taken.length === 3)
  await refused(member.dial(address, BULK))
  t.is(taken.length, 3)
  t.false(opened.some(({ signal }) => signal.aborted))
  t.is(gate.refused.streams, 1)
})

test('R006-31: a Local hangs up on a stranger before any stream', async (t) => {
  const gate = new Gate({ admission: undefined, now: () => 0, report: () => undefined })
  const server = await createNetwork({ identity: await newIdentity(), listen: [LOOPBACK], gate })
  t.teardown(() => server.close())
  const taken: Channel[] = []
  await server.handle(BULK, (one) => taken.push(one))
  const stranger = await client(t)
  await t.throwsAsync(stranger.dial(server.addresses()[0]!, BULK), { code: 'unreachable' })
  t.is(taken.length, 0)
  t.is(gate.refused.stranger, 1)
})

test('R006-36: half-open connections of one host are few, counted, and cut in the end', async (t) => {
  const { address, gate, members, taken } = await gated(t, { connectionsPendingPerHost: 4 })
  const identity = await newIdentity()
  members.add(peerIdOf(identity))
  const member = await client(t, identity)
  await member.dial(address, BULK)
  const [, host, port] = /ip4\/([^/]+)\/tcp\/(\d+)/.exec(address)!
  const sockets = Array.from({ length: 50 }, () => connect({ host: host!, port: Number(port) }))
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  let closed = 0
  for (const socket of sockets) {
    socket.on('error', () => undefined)
    socket.on('close', () => closed++)
    socket.resume()
  }
  await eventually(() => closed >= 46)
  t.is(gate.refused.connections, 46)
  await member.dial(address, BULK)
  await eventually(() => taken.length === 2)
  t.is(closed, 46)
  await eventually(() => closed === 50)
  await (await client(t, identity)).dial(address, BULK)
  await eventually(() => taken.length === 3)
})
