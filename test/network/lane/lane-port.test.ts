import { once } from 'node:events'
import net from 'node:net'
import { eventually } from '../../eventually.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { test } from '../../serial.ts'
import { newIdentity } from '../../../src/network/identity.ts'
import { LaneNetwork } from '../../../src/network/lane/lane-network.ts'
import type { LanePortOptions } from '../../../src/network/lane/lane-network.ts'
import { LaneListener } from '../../../src/network/lane/lane-listener.ts'
import { defaultLanePort, laneHosts } from '../../../src/network/lane/lane-port.ts'
import { createNetwork } from '../../../src/network/libp2p-network.ts'
import { HOST, closeAll, closing } from './lane-site.ts'
import { now, random } from './lanes.ts'

test.afterEach.always(closeAll)

const BULK = '/dstore/bulk/1'

test('R003-122 R007-122 the default is the port above, which nothing else uses', (t) => {
  const on = (...ports: number[]): string[] => ports.map((port) => `/ip4/127.0.0.1/tcp/${port}`)
  t.is(defaultLanePort(on(4480)), 4481)
  t.is(defaultLanePort(on(4480, 4481, 4483)), 4482)
  t.is(defaultLanePort(on(4480), [4481]), 4482)
  t.is(defaultLanePort(on(4480, 4482), [4481]), 4483)
  t.is(defaultLanePort(['/ip6/::/tcp/1', '/ip4/0.0.0.0/tcp/9']), 2)
  t.is(defaultLanePort(on(0)), 0)
  t.is(defaultLanePort(on(0, 4480)), 0)
  t.is(defaultLanePort([]), 0)
  t.is(defaultLanePort(on(65_535)), 0)
  t.is(defaultLanePort(on(65_534), [65_535]), 0)
})

test('R003-137 lanes listen on each host once, and on none that another stands for', (t) => {
  const hosts = (...listen: string[]): readonly string[] =>
    laneHosts(listen.map((host, i) => `/${host}/tcp/${4480 + i}`))
  t.deepEqual(hosts('ip4/127.0.0.1', 'ip4/127.0.0.2', 'ip4/127.0.0.1'), ['127.0.0.1', '127.0.0.2'])
  t.deepEqual(hosts('ip4/10.0.0.1', 'ip6/::1', 'ip4/0.0.0.0'), ['::1', '0.0.0.0'])
  t.deepEqual(hosts('ip6/0:0:0:0:0:0:0:0', 'ip6/::1', 'ip4/10.0.0.1'), ['::', '10.0.0.1'])
  t.deepEqual(hosts('ip6/::1', 'ip6/0:0::1', 'ip6/FE80::A'), ['::1', 'fe80::a'])
  t.deepEqual(hosts(), [])
})

test('R003-137 a free port is free on every host, and one that was asked for must be', async (t) => {
  const port = await freePair()
  await occupied(port, '127.0.0.2')
  const listen = ['127.0.0.1', '127.0.0.2'].map((host) => `/ip4/${host}/tcp/0`)
  const error = await t.throwsAsync(accepting(listen, { lanePort: port }))
  t.like(error, { code: 'address-in-use' })
  t.regex(error.message, new RegExp(`lanes cannot listen on 127.0.0.2 port ${port}`))
  // What the failed start had is free again.
  await occupied(port, '127.0.0.1')
  const made = await accepting(listen, {})
  for (const host of ['127.0.0.1', '127.0.0.2']) {
    await t.throwsAsync(occupied(made.lanePort, host), { code: 'EADDRINUSE' } as never)
  }
})

test('R003-137 a host that this machine lacks is left out, unless there is no other', async (t) => {
  const network = await createNetwork({ identity: await newIdentity(), isHeld: true })
  closing.push(() => network.close())
  const open = (hosts: string[]): Promise<LaneListener> =>
    LaneListener.open({ network, hosts, take: () => {}, now, random })
  const listener = await open(['192.0.2.1', HOST])
  closing.push(() => listener.close())
  await t.throwsAsync(occupied(listener.port), { code: 'EADDRINUSE' } as never)
  const error = (await t.throwsAsync(open(['192.0.2.1']))) as DstoreError
  t.is(error.code, 'malformed-address')
  t.is(error.message, '192.0.2.1 is not an address of this machine')
  t.regex(error.hint!, /\/ip4\/0\.0\.0\.0\/tcp\/PORT listens at all of them$/)
})

test('R003-137 R003-109 connections from one port to two hosts are two', async (t) => {
  const network = await createNetwork({ identity: await newIdentity(), isHeld: true })
  const hosts = ['127.0.0.1', '127.0.0.2']
  const listener = await LaneListener.open({ network, hosts, take: () => {}, now, random })
  closing.push(
    () => network.close(),
    () => listener.close(),
  )
  const { port } = listener
  const localPort = await freePair()
  for (const host of hosts) {
    const socket = net.connect({ host, port, localAddress: '127.0.0.3', localPort })
    closing.push(() => socket.destroy())
    await once(socket, 'connect')
  }
  await eventually(() => listener.counts.pending === 2)
  t.is(listener.counts.pending, 2)
})

/** A server on this port, or any free one. */
async function occupied(port = 0, host = HOST): Promise<number> {
  const server = net.createServer((socket) => socket.destroy())
  server.listen(port, host)
  await once(server, 'listening')
  closing.push(() => server.close())
  return (server.address() as net.AddressInfo).port
}

/** Two ports in a row that are free, at least now. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, HOST, () => {
        const { port } = server.address() as net.AddressInfo
        server.close(() => resolve(port))
      })
    })
    const isFree = await new Promise<boolean>((resolve) => {
      const server = net.createServer().once('error', () => resolve(false))
      server.listen(port + 1, HOST, () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

async function accepting(
  at: number | readonly string[],
  options: LanePortOptions,
  warnings: unknown[] = [],
): Promise<LaneNetwork> {
  const listen = typeof at === 'number' ? [`/ip4/${HOST}/tcp/${at}`] : [...at]
  const ignore = (): void => {}
  const warn = (_: string, facts?: object): void => void warnings.push(facts)
  const log = { debug: ignore, info: ignore, warn, error: ignore }
  const network = await createNetwork({ identity: await newIdentity(), listen, isHeld: true })
  const made = new LaneNetwork({ network, listen, bulk: BULK, log, now, random, ...options })
  closing.push(() => made.close())
  await made.handle(BULK, () => {})
  return made
}

test('R007-122 lanes are accepted on the port above, or on the one that was asked for', async (t) => {
  // Another process may take a port that was free.
  await eventually(async () => {
    const port = await freePair()
    return (await accepting(port, {})).lanePort === port + 1
  })
  await eventually(async () => {
    const port = await freePair()
    const made = await accepting(0, { lanePort: port }).catch(() => undefined)
    return made?.lanePort === port
  })
  t.true((await accepting(await freePair(), { lanePort: 0 })).lanePort! > 0)
  t.true((await accepting(0, {})).lanePort! > 0)
})

test('R007-122 a default that is taken gives way, and that is logged; a port that was asked for does not', async (t) => {
  const port = await freePair()
  await occupied(port + 1)
  const warnings: unknown[] = []
  const { lanePort } = await accepting(port, {}, warnings)
  t.true(lanePort! > 0 && lanePort !== port + 1)
  t.deepEqual(warnings, [{ taken: port + 1, lanePort }])
  const error = await t.throwsAsync(accepting(port, { lanePort: port + 1 }))
  t.like(error, { code: 'address-in-use' })
  t.regex(error.message, new RegExp(`lanes cannot listen on ${HOST} port ${port + 1}`))
})
