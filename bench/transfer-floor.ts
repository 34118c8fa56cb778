/**
 * The floor for transfers: the same bytes over a libp2p stream, a lane and raw TCP, unverified, in
 * writes of 1 MiB, between two processes on loopback in turns. Ratios are to the stream.
 *
 *     npm run build && node dist/bench/transfer-floor.js [MIB=256] [ROUNDS=5]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { randomBytes } from 'node:crypto'
import { LaneNetwork } from '../src/network/lane/lane-network.ts'
import { newIdentity } from '../src/network/identity.ts'
import { SILENT } from '../src/log.ts'
import { createNetwork } from '../src/network/libp2p-network.ts'
import type { Channel } from '../src/wire/channel.ts'
import { median } from './ratio.ts'
import { openLane } from './transfer/open-lane.ts'

const MIB = 1 << 20
const KINDS = ['stream', 'lane', 'tcp'] as const
type Kind = (typeof KINDS)[number]

/** Both carry the same bytes: only `lane` may use a lane. */
const PROTOCOLS = { stream: '/dstore/floor/1', lane: '/dstore/floor-bulk/1' } as const

interface Result {
  readonly kind: Kind
  readonly mibPerSecond: number
  /** Seconds of CPU per GiB. */
  readonly sender: number
  readonly receiver: number
}

const [role, ...numbers] =
  process.argv[2] === 'receive' ? process.argv.slice(2) : ['', ...process.argv.slice(2)]
const megabytes = Number(numbers[0] ?? 256)
const rounds = Number(numbers[1] ?? 5)

async function bulkNetwork(listen: string[]): Promise<LaneNetwork> {
  const network = await createNetwork({ identity: await newIdentity(), listen })
  const now = (): number => performance.now()
  return new LaneNetwork({
    network,
    listen,
    bulk: PROTOCOLS.lane,
    log: SILENT,
    now,
    random: (bytes) => randomBytes(bytes),
  })
}

/** Reads to the end, then answers with the processor time that it took. */
async function drain(channel: Channel): Promise<void> {
  const cpu = process.cpuUsage()
  channel.ask?.(megabytes * MIB)
  while ((await channel.read()) !== undefined);
  const { user, system } = process.cpuUsage(cpu)
  await channel.write(new Uint8Array(new Float64Array([(user + system) / 1e6]).buffer))
  await channel.end()
}

async function receive(): Promise<void> {
  const network = await bulkNetwork(['/ip4/127.0.0.1/tcp/0'])
  for (const protocol of Object.values(PROTOCOLS)) {
    await network.handle(protocol, (channel) => void drain(channel))
  }
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const cpu = process.cpuUsage()
    socket.resume()
    socket.on('end', () => {
      const { user, system } = process.cpuUsage(cpu)
      socket.end(new Uint8Array(new Float64Array([(user + system) / 1e6]).buffer))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  process.send!({ address: network.addresses()[0], port })
}

async function overChannel(channel: Channel, piece: Uint8Array): Promise<Uint8Array> {
  for (let i = 0; i < megabytes; i++) await channel.write(piece)
  await channel.end()
  const answer = new Uint8Array((await channel.read())!)
  await channel.read()
  return answer
}

async function overTcp(port: number, piece: Uint8Array): Promise<Uint8Array> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const answer = once(socket, 'data')
  for (let i = 0; i < megabytes; i++) {
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  socket.end()
  return ((await answer) as [Uint8Array])[0]
}

async function send(address: string, port: number): Promise<Result[]> {
  const network = await bulkNetwork([])
  const peer = address.slice(address.lastIndexOf('/') + 1)
  await (await network.dial(address, PROTOCOLS.stream)).end()
  const piece = new Uint8Array(randomBytes(MIB))
  const results: Result[] = []
  // The first round is a warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const kind of KINDS) {
      const cpu = process.cpuUsage()
      const open = {
        tcp: () => undefined,
        stream: () => network.open(peer, PROTOCOLS.stream),
        lane: () => openLane(network, peer, PROTOCOLS.lane),
      }
      const channel = await open[kind]()
      const began = performance.now()
      const answer =
        channel === undefined ? await overTcp(port, piece) : await overChannel(channel, piece)
      const seconds = (performance.now() - began) / 1000
      const { user, system } = process.cpuUsage(cpu)
      const gib = megabytes / 1024
      const receiver = new DataView(answer.buffer, answer.byteOffset).getFloat64(0, true) / gib
      const result = { kind, mibPerSecond: megabytes / seconds, receiver }
      if (round > 0) results.push({ ...result, sender: (user + system) / 1e6 / gib })
    }
  }
  await network.close()
  return results
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const receiver = fork(process.argv[1]!, ['receive', String(megabytes), String(rounds)])
  const [{ address, port }] = (await once(receiver, 'message')) as [
    { address: string; port: number },
  ]
  const results = await send(address, port)
  receiver.kill()
  const base = median(results.filter(({ kind }) => kind === 'stream').map((r) => r.mibPerSecond))
  print(`${process.version}, ${megabytes} MiB, median of ${rounds}, unverified, loopback`)
  print('kind    MiB/s   ratio   CPU s/GiB: sender  receiver')
  for (const kind of KINDS) {
    const own = results.filter((result) => result.kind === kind)
    const speed = median(own.map((result) => result.mibPerSecond))
    const row = [
      kind.padEnd(6),
      speed.toFixed(0).padStart(6),
      (speed / base).toFixed(2).padStart(7),
      median(own.map((result) => result.sender))
        .toFixed(2)
        .padStart(18),
      median(own.map((result) => result.receiver))
        .toFixed(2)
        .padStart(9),
    ]
    print(row.join(' '))
  }
}

if (role === 'receive') await receive()
else await main()
