/** A Local and the addresses of its Global, over real connections on loopback. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { readFile, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { parseTicket, type Ticket } from '../../src/membership/ticket.ts'
import type { GlobalStatus, Node } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { Relay } from '../e2e/relay.ts'
import { Nodes, once as bytesOf, read } from './nodes.ts'

const FIRST = '/ip4/127.0.0.1/tcp/0'
const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all!.some(({ address }) => address === '::1'),
)
/** Another address of this machine. */
const SECOND = hasIPv6 ? '/ip6/::1/tcp/0' : '/ip4/127.0.0.2/tcp/0'

const VALUE = new TextEncoder().encode('a value')

/** The address without the peer id. */
const place = (address: string): string => address.replace(/\/p2p\/.*$/, '')

const linkOf = async (local: Node): Promise<GlobalStatus> => (await local.status()).global!

const isConnected = async (local: Node): Promise<boolean> =>
  (await linkOf(local)).state === 'connected'

async function ticketOf(global: Node): Promise<Ticket> {
  return parseTicket((await global.members.invite({ role: 'admin' })).ticket)
}

/** A TCP listener that answers each connection so; its address with the peer id of `global`. */
async function listener(
  t: ExecutionContext,
  global: Node,
  answer: (socket: Socket) => void = () => undefined,
): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    answer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { peerId } = await global.status()
  return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}/p2p/${peerId}`
}

/** What a Local does that is to be a member of this Global, and knows these addresses. */
async function joinAt(nodes: Nodes, global: Node, addresses: readonly string[]): Promise<Node> {
  const ticket = await ticketOf(global)
  return nodes.open({ role: 'local', ticket: { ...ticket, addresses: addresses.map(place) } })
}

test('R004-70: where one address of Global goes and another comes, its Locals follow, also after a restart of theirs', async (t) => {
  const nodes = new Nodes(t)
  const stays = { dir: await nodes.folder(), store: 'disk' } as const
  const opened = await nodes.global({ ...stays, listen: [FIRST, SECOND] })
  const [a, b] = (await opened.status()).listen.map(place)
  const ticket = await ticketOf(opened)
  t.deepEqual(new Set(ticket.addresses), new Set([a!, b!]), 'a ticket names both')
  const dir = await nodes.folder()
  const given = ticket.addresses.map((one) => `${one}/p2p/${ticket.peer}`)
  let local = await nodes.open({ role: 'local', dir, ticket })
  const { key } = await local.put({ bytes: bytesOf(VALUE) })
  t.deepEqual((await linkOf(local)).address, given[0])

  // The address that is connected goes.
  const left = given[0] === `${a}/p2p/${ticket.peer}` ? b! : a!
  await opened.close()
  t.true(await eventually(async () => (await linkOf(local)).state === 'away'))
  t.is((await linkOf(local)).address, undefined, 'no dead address')
  const second = await nodes.global({ ...stays, listen: [left] })
  t.true(await eventually(() => isConnected(local)))
  t.is((await linkOf(local)).address, `${left}/p2p/${ticket.peer}`)
  await local.close()
  local = await nodes.open({ role: 'local', dir, join: given })
  t.true(await isConnected(local), 'at its first attempt')
  t.is((await linkOf(local)).address, `${left}/p2p/${ticket.peer}`, 'the one proved last is first')

  // A third comes, and then all others go.
  await second.close()
  const third = await nodes.global({ ...stays, listen: [left, FIRST] })
  const added = (await third.status()).listen.map(place).find((one) => one !== left)!
  t.true(await eventually(() => isConnected(local)))
  t.true((await linkOf(local)).addresses.includes(`${added}/p2p/${ticket.peer}`))
  await third.close()
  const last = await nodes.global({ ...stays, listen: [added] })
  t.true(await eventually(() => isConnected(local)))
  t.deepEqual(await read(local, key), VALUE)
  const { addresses } = await linkOf(local)
  t.true(
    given.every((one) => addresses.includes(one)),
    'what its user gave is never forgotten',
  )
  await local.close()
  local = await nodes.open({ role: 'local', dir, join: given })
  t.true(await isConnected(local), 'at its first attempt')
  t.is((await linkOf(local)).address, `${added}/p2p/${ticket.peer}`)
  t.deepEqual(await read(local, key), VALUE)
  await last.close()
})

test('R004-70: a damaged file of addresses costs only what it held', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const ticket = await ticketOf(global)
  const given = `${ticket.addresses[0]!}/p2p/${ticket.peer}`
  const dir = await nodes.folder()
  await (await nodes.open({ role: 'local', dir, ticket })).close()
  const file = join(dir, 'global.json')
  const saved = await readFile(file, 'utf8')
  t.deepEqual(JSON.parse(saved), {
    given: [given],
    last: ticket.addresses[0],
    named: ticket.addresses,
  })
  for (const text of [saved.slice(0, -9), '{}', 'x'.repeat(1 << 20), '{"given":[1],"named":[]}']) {
    await writeFile(file, text)
    const local = await nodes.open({ role: 'local', dir, join: [given] })
    t.true(await isConnected(local))
    await local.close()
    t.is(await readFile(file, 'utf8'), saved, 'and is whole again')
  }
})

test('R004-71: an address that accepts and never answers costs a moment, not the time of a dial', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [own] = (await global.status()).listen
  const holes = await Promise.all([1, 2, 3].map(() => listener(t, global)))
  const began = performance.now()
  const local = await joinAt(nodes, global, [...holes, own!])
  const tookMs = performance.now() - began
  t.true(tookMs >= 750, 'each address gets its turn')
  t.true(tookMs < 8000, `${tookMs} ms`)
  t.is((await linkOf(local)).address, own)
})

test('R006-7: an address where another peer answers, or a stranger talks, is passed over', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [own] = (await global.status()).listen
  const other = await nodes.global()
  const { peerId } = await global.status()
  const wrong = `${place((await other.status()).listen[0]!)}/p2p/${peerId}`
  const garbage = await listener(t, global, (socket) =>
    socket.write('HTTP/1.1 400\r\n\r\n'.repeat(99)),
  )
  const shut = await listener(t, global, (socket) => socket.destroy())
  const local = await joinAt(nodes, global, [wrong, garbage, shut, own!])
  t.is((await linkOf(local)).address, own)
  t.deepEqual((await other.status()).locals, [])
  await t.throwsAsync(joinAt(nodes, global, [wrong]), { code: 'impostor' })
})

test('R004-75 R004-76: while Global is silent on one connection, the Local moves to another address', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const [own] = (await global.status()).listen
  const relay = await Relay.before(t, own!)
  const local = await joinAt(nodes, global, [relay.address, own!])
  t.is((await linkOf(local)).address, relay.address)
  const { key } = await global.put({ bytes: bytesOf(VALUE) })
  relay.hold()
  const states = new Set<string>()
  const moved = async (): Promise<boolean> => {
    const { state, address } = await linkOf(local)
    states.add(state)
    return address === own
  }
  t.true(await eventually(moved))
  t.false(states.has('away'), 'it was never without a session')
  t.deepEqual(await read(local, key), VALUE)
  t.true(await eventually(async () => (await global.status()).locals.length === 1))
  // The old connection is closed: nothing that comes out of it later counts.
  relay.heal()
  t.deepEqual(await read(local, key), VALUE)
  t.is((await linkOf(local)).address, own)
})

test('R004-71: a host name stands for its addresses, and is shown as it was given', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const { listen, peerId } = await global.status()
  const port = /tcp\/(\d+)/.exec(listen[0]!)![1]
  const name = `/dns/localhost/tcp/${port}/p2p/${peerId}`
  const local = await joinAt(nodes, global, ['/dns4/nowhere.invalid/tcp/1', name])
  t.is((await linkOf(local)).address, name)
})
