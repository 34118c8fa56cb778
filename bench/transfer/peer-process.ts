/**
 * One process of the transfer benchmark: a node in a role, or an end of a bare connection. It
 * executes its parent's orders over IPC, one after the other, and answers with measurements.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { hash, type Hashed } from '../../src/hash/hasher.ts'
import { type Key, parseKey } from '../../src/hash/key.ts'
import { setUpHeap } from '../../src/daemon/process/heap.ts'
import { STREAMS_PER_PROTOCOL } from '../../src/limits.ts'
import { SharedBudget } from '../../src/transfer/shared-budget.ts'
import { fetchPieces } from '../../src/transfer/fetch.ts'
import { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { serveTransfer } from '../../src/transfer/serve.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import { SILENT } from '../../src/log.ts'
import { LaneNetwork } from '../../src/network/lane/lane-network.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import type { Node, ReadableValue } from '../../src/node/node.ts'
import { openNode } from '../../src/node/open.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { openLane } from './open-lane.ts'
import type { Measured, Order } from './order.ts'
import { givePlainly, takePlainly } from './plain-libp2p.ts'

const MIB = 1 << 20
/** Bare bytes, and the transfer protocol, over streams and over lanes. */
const BARE = '/dstore/bench-bare/1'
const PROTOCOLS = { noise: '/dstore/bench-noise/1', lane: '/dstore/bench-lane/1' } as const
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

const loop = monitorEventLoopDelay({ resolution: 5 })
loop.enable()
const dir = mkdtempSync(join(tmpdir(), 'dstore-bench-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
process.on('disconnect', () => process.exit())

let node: Node | undefined
/** Opened once. With it, or a node, the process gets the heap of a daemon; bare libp2p does not. */
let network: LaneNetwork | undefined

async function measured(
  work: () => Promise<{ bytes?: number; text?: string; latencies?: number[] } | void>,
): Promise<Measured> {
  loop.reset()
  const cpu = process.cpuUsage()
  const begin = performance.now()
  const { bytes = 0, text = '', latencies = [] } = (await work()) ?? {}
  const ms = performance.now() - begin
  const { user, system } = process.cpuUsage(cpu)
  return {
    ms,
    cpu: (user + system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    blockedMs: loop.max / 1e6,
    bytes,
    text,
    latencies,
  }
}

/** Incompressible bytes, the same for each seed. */
function filled(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  let state = seed
  for (let i = 0; i < words.length; i++)
    words[i] = state = (Math.imul(state, 1664525) + 1013904223) | 0
  return new Uint8Array(words.buffer, 0, bytes)
}

async function* stream(bytes: number, seed: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += MIB) yield filled(Math.min(MIB, bytes - at), seed + at)
}

async function drain(value: ReadableValue, rate = Infinity, most = Infinity): Promise<number> {
  const begin = performance.now()
  let bytes = 0
  for await (const part of value.bytes) {
    bytes += part.byteLength
    const wait = (bytes / rate) * 1000 - (performance.now() - begin)
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    if (bytes >= most) break
  }
  return bytes
}

async function openNetwork(listen: readonly string[]): Promise<LaneNetwork> {
  setUpHeap()
  const parts = { listen, bulk: PROTOCOLS.lane, log: SILENT }
  const own = await createNetwork({ identity: await newIdentity(), listen: [...listen] })
  const now = (): number => performance.now()
  return new LaneNetwork({ ...parts, network: own, now, random: (count) => randomBytes(count) })
}

/** Where a value is served: over dstore's network, and over raw TCP. */
interface Given {
  readonly address: string
  readonly port: number
  readonly digest: string
}

async function give(bytes: number): Promise<string> {
  const value = filled(bytes, 1)
  const hashed: Hashed = hash(value)
  network = await openNetwork([LOOPBACK])
  await network.handle(BARE, (channel) => void giveBare(channel, value))
  const allowance = new SharedBudget(64 * MIB, 8 * MIB)
  const serve = (channel: Channel): void => {
    const host = {
      allowance,
      patienceMs: 60_000,
      traffic: { sent: () => undefined, received: () => undefined },
      open: async () => ({
        size: bytes,
        signal: new AbortController().signal,
        covers: () => true,
        held: () => [{ start: 0, end: bytes }],
        release: () => undefined,
        outboard: async ({ start, end }: { start: number; end: number }) =>
          hashed.outboard.subarray(start, end),
        async *read({ start, end }: { start: number; end: number }) {
          yield value.subarray(start, end)
        },
      }),
    }
    serveTransfer(new TransferChannel(channel), host).catch(() => undefined)
  }
  for (const protocol of Object.values(PROTOCOLS)) await network.handle(protocol, serve)
  const tcp = net.createServer((socket) => {
    socket.on('error', () => undefined)
    void (async () => {
      for (let at = 0; at < bytes; at += MIB) {
        if (!socket.write(value.subarray(at, at + MIB))) await once(socket, 'drain')
      }
      socket.end()
    })()
  })
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as net.AddressInfo
  const digest = Buffer.from(hashed.digest).toString('hex')
  const given: Given = { address: network.addresses()[0]!, port, digest }
  return JSON.stringify(given)
}

async function giveBare(channel: Channel, value: Uint8Array): Promise<void> {
  for (let at = 0; at < value.byteLength; at += MIB)
    await channel.write(value.subarray(at, at + MIB))
  await channel.end()
}

async function take({ how, over = 'noise', from, value }: Order & { do: 'take' }): Promise<number> {
  if (how === 'plain') return takePlainly(from)
  const { address, port } = JSON.parse(from) as Given
  const { size } = value
  const digest = new Uint8Array(Buffer.from(value.digest, 'hex'))
  let bytes = 0
  if (how === 'tcp') {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('data', (chunk) => (bytes += chunk.byteLength))
    await once(socket, 'end')
    return bytes
  }
  if (network === undefined) {
    network = await openNetwork([])
    const first = await network.dial(address, PROTOCOLS.noise)
    first.abort(new Error('it was for the connection'))
  }
  const peer = address.slice(address.lastIndexOf('/') + 1)
  const lane = over === 'lane' && (await openLane(network, peer, PROTOCOLS.lane))
  const channel = lane || (await network.open(peer, how === 'bare' ? BARE : PROTOCOLS.noise))
  channel.ask?.(2 * size)
  const transfer = new TransferChannel(channel)
  const ranges = [{ start: 0, end: size }]
  if (how === 'bare') {
    for (let next = await channel.read(); next !== undefined; next = await channel.read()) {
      bytes += next.byteLength
    }
    await channel.end()
  } else if (how === 'verified') {
    for await (const run of fetchPieces(transfer, { digest, size, ranges })) {
      bytes += run.bytes.byteLength
    }
  } else {
    await transfer.send({ type: 'fetch', digest, ranges })
    await transfer.expect('found')
    while (bytes < size) {
      const piece = await transfer.expect('piece')
      for await (const part of transfer.raw(piece)) bytes += part.byteLength
    }
  }
  channel.abort(new Error('done'))
  return bytes
}

async function timed<T>(
  items: Iterable<T>,
  depth: number,
  work: (item: T) => Promise<unknown>,
): Promise<number[]> {
  const latencies: number[] = []
  const left = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      const begin = performance.now()
      await work(next.value)
      latencies.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: depth }, worker))
  return latencies
}

/** Like many libp2p clients: a stream for each request, as many at once as a peer may open. */
async function takeSmall({ from, count, depth }: Order & { do: 'take-small' }): Promise<number[]> {
  const { address } = JSON.parse(from) as Given
  network ??= await openNetwork([])
  const own = network
  return timed(Array.from({ length: count }), Math.min(depth, STREAMS_PER_PROTOCOL), async () => {
    const channel = await own.dial(address, BARE)
    while ((await channel.read()) !== undefined);
    await channel.end()
  })
}

async function carryOut(
  order: Order,
): Promise<{ bytes?: number; text?: string; latencies?: number[] } | void> {
  switch (order.do) {
    case 'open': {
      setUpHeap()
      const { role, join, listen = role === 'global', lanes = true, store = 'memory' } = order
      const { cacheBytes = 2048 * MIB } = order
      const { through, lanePort } = order
      const ticket = join === undefined ? undefined : parseTicket(join)
      const where = {
        ...(ticket && { ticket: { ...ticket, ...(through && { addresses: [through] }) } }),
        ...(listen && { listen: [LOOPBACK] }),
        ...(lanePort !== undefined && { lanePort }),
      }
      node = await openNode({ dir, role, store, cacheBytes, lanes, log: SILENT, ...where })
      if (role !== 'global') return { text: '' }
      return { text: (await node.members.invite({ role: 'admin', uses: 1000 })).ticket }
    }
    case 'put': {
      const { key } = await node!.put({ bytes: stream(order.bytes, order.seed), size: order.bytes })
      return { text: key.toString() }
    }
    case 'put-small': {
      const keys: string[] = []
      const values = Array.from({ length: order.count }, (_, i) =>
        filled(order.bytes, order.seed + i),
      )
      const latencies = await timed(values, order.depth, async (value) => {
        const { key } = await node!.put({ bytes: single(value), size: value.byteLength })
        keys.push(key.toString())
      })
      return { text: keys.join(' '), latencies }
    }
    case 'get':
      return {
        bytes: await drain(
          await node!.get(parseKey(order.key)),
          order.bytesPerSecond,
          order.mostBytes,
        ),
      }
    case 'ask-small': {
      const keys = order.keys.map((key) => parseKey(key))
      const ask = {
        get: async (key: Key) => drain(await node!.get(key)),
        has: async (key: Key) => node!.index.stat(key),
      }
      return { latencies: await timed(keys, order.depth, ask[order.call]) }
    }
    case 'take-small':
      return { latencies: await takeSmall(order) }
    case 'evict':
      for (const key of order.keys) await node!.evict(parseKey(key))
      return
    case 'remove':
      await node!.index.remove(parseKey(order.key))
      return
    case 'address':
      return { text: (await node!.status()).listen[0]!.split('/')[4]! }
    case 'usage': {
      const traffic = (await node?.status())?.traffic ?? []
      const { user, system } = process.cpuUsage()
      const bytes = traffic.reduce((sum, { valueBytesOut }) => sum + valueBytesOut, 0)
      return { bytes, text: String((user + system) / 1e6) }
    }
    case 'give':
      if (order.plainly === true) return { text: await givePlainly(filled(order.bytes, 1)) }
      return { text: await give(order.bytes) }
    case 'take':
      return { bytes: await take(order) }
  }
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

let last: Promise<unknown> = Promise.resolve()
process.on('message', (order: Order) => {
  last = last
    .then(() => measured(() => carryOut(order)))
    .catch((error: unknown) => ({ error: String(error) }))
    .then((result) => process.send!(result))
})
