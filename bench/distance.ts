/**
 * A value from Global, cold, by lane and over Noise, beside plain TCP, all over the same link of a
 * given length; whole processes in turns. Connections are warm, as a Local's are.
 *
 *     npm run build && node dist/bench/distance.js [ROUND_TRIP_MS]...
 *
 * Reads `MIB`, `ROUNDS` and `MBIT` (a second, by default 500) from the environment.
 */
import { once } from 'node:events'
import net from 'node:net'
import { median } from './ratio.ts'
import { Link, delayRelay } from './transfer/delay-relay.ts'
import type { Measured } from './transfer/order.ts'
import { LARGE_BYTES, MIB, ROUNDS, row, say, withPeers, type Peer } from './transfer/peers.ts'

/** Its lanes lead to the relay, too: a lane leads to the host of the connection. */
const RELAY_HOST = '127.0.0.2'

const MBIT = Number(process.env.MBIT ?? 500)

const given = process.argv.slice(2).map(Number)
const roundTrips = given.length > 0 ? given : [1, 20, 80, 200]

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, RELAY_HOST)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function at(roundTripMs: number): Promise<void> {
  await withPeers(5, async (peers) => {
    const [global, byLane, overNoise, giver, taker] = peers as [Peer, Peer, Peer, Peer, Peer]
    const lanePort = await freePort()
    const { text: join } = await global.do({ do: 'open', role: 'global', lanePort })
    const { text: key } = await global.do({ do: 'put', bytes: LARGE_BYTES, seed: 7 })
    const { text: from } = await giver.do({ do: 'give', bytes: LARGE_BYTES })
    const { text: address } = await global.do({ do: 'address' })
    const { port: tcpPort, digest, ...rest } = JSON.parse(from) as { port: number; digest: string }
    const link = new Link(roundTripMs, (MBIT * 1e6) / 8)
    const relays = await Promise.all([
      delayRelay({ link, host: RELAY_HOST, port: 0, target: Number(address) }),
      delayRelay({ link, host: RELAY_HOST, port: lanePort, target: lanePort }),
      delayRelay({ link, host: '127.0.0.1', port: 0, target: tcpPort }),
    ])
    const through = `/ip4/${RELAY_HOST}/tcp/${relays[0].port}`
    await byLane.do({ do: 'open', role: 'local', join, through })
    await overNoise.do({ do: 'open', role: 'local', join, through, lanes: false })
    const tcp = JSON.stringify({ ...rest, digest, port: relays[2].port })
    const value = { digest, size: LARGE_BYTES }
    const contestants: Record<string, () => Promise<Measured>> = {
      'plain TCP': () => taker.do({ do: 'take', how: 'tcp', from: tcp, value }),
      'by lane': () => byLane.do({ do: 'get', key }),
      'over Noise': () => overNoise.do({ do: 'get', key }),
    }
    const times = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]))
    // The first round is a warm-up: it is shown, and does not count.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, run] of Object.entries(contestants)) {
        const { ms, bytes } = await run()
        if (bytes < LARGE_BYTES) throw new Error(`${name}: ${bytes} bytes came`)
        times.get(name)!.push(ms)
      }
      for (const local of [byLane, overNoise]) await local.do({ do: 'evict', keys: [key] })
    }
    for (const relay of relays) relay.close()
    const speed = (ms: number): number => LARGE_BYTES / MIB / (ms / 1000)
    const counted = (name: string): number[] => times.get(name)!.slice(1)
    const ratio = (name: string, to: string): string =>
      median(counted(name).map((ms, i) => counted(to)[i]! / ms)).toFixed(2)
    for (const name of times.keys()) {
      row([
        `${roundTripMs} ms, ${name}`,
        median(counted(name).map(speed)).toFixed(1),
        ratio(name, 'plain TCP'),
        ratio(name, 'by lane'),
        speed(times.get(name)![0]!).toFixed(1),
      ])
    }
  })
}

say(
  `Node ${process.version}, ${LARGE_BYTES / MIB} MiB at ${MBIT} Mbit/s, median of ${ROUNDS} interleaved rounds`,
)
row(['round trip', 'MiB/s', 'to TCP', 'to lane', 'first'])
for (const roundTripMs of roundTrips) await at(roundTripMs)
