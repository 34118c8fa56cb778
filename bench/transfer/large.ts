/** One large value, cold, into a Local's cache, beside simpler ways to move the same bytes. */
import { median } from '../ratio.ts'
import type { Measured } from './order.ts'
import { LARGE_BYTES, MIB, ROUNDS, STORE, type Peer, row, say, withPeers } from './peers.ts'

interface Result extends Measured {
  /** Processor time of the sender, in seconds. */
  readonly giverCpu: number
}

type Peers = [Peer, Peer, Peer, Peer, Peer, Peer, Peer]

type Contestant = readonly [giver: Peer, run: () => Promise<Measured>]

/** A stream of libp2p's unchanged packages, and one of a dstore node, whose Noise is faster. */
const PLAIN = 'bare stream'
const BARE = 'bare stream, own Noise'

const mibPerSecond = (ms: number): number => LARGE_BYTES / MIB / (ms / 1000)

const perGib = (cpu: number): number => (cpu * 1024 * MIB) / LARGE_BYTES

export async function large(): Promise<void> {
  await withPeers(7, async (peers) => {
    const [global, local, noiseLocal, giver, taker, plainGiver, plainTaker] = peers as Peers
    const { text: join } = await global.do({ do: 'open', role: 'global', store: STORE })
    await local.do({ do: 'open', role: 'local', join })
    await noiseLocal.do({ do: 'open', role: 'local', join, lanes: false })
    const { text: key } = await global.do({ do: 'put', bytes: LARGE_BYTES, seed: 7 })
    const { text: from } = await giver.do({ do: 'give', bytes: LARGE_BYTES })
    const { digest } = JSON.parse(from) as { digest: string }
    const value = { digest, size: LARGE_BYTES }
    const take = { do: 'take', from, value } as const
    const { text: plain } = await plainGiver.do({ do: 'give', bytes: LARGE_BYTES, plainly: true })
    const contestants: Record<string, Contestant> = {
      // Contestants that are compared run next to each other, because the machine's speed drifts.
      'get, cold, by lane': [global, () => local.do({ do: 'get', key })],
      [PLAIN]: [plainGiver, () => plainTaker.do({ ...take, from: plain, how: 'plain' })],
      'get, cold, over Noise': [global, () => noiseLocal.do({ do: 'get', key })],
      [BARE]: [giver, () => taker.do({ ...take, how: 'bare' })],
      'slice, lane, verified': [giver, () => taker.do({ ...take, how: 'verified', over: 'lane' })],
      'slice, lane, unverified': [
        giver,
        () => taker.do({ ...take, how: 'unverified', over: 'lane' }),
      ],
      'slice, Noise, verified': [giver, () => taker.do({ ...take, how: 'verified' })],
      'slice, Noise, unverified': [giver, () => taker.do({ ...take, how: 'unverified' })],
      'raw TCP': [giver, () => taker.do({ ...take, how: 'tcp' })],
    }
    const results = new Map<string, Result[]>()
    const evict = async (): Promise<void> => {
      for (const one of [local, noiseLocal]) await one.do({ do: 'evict', keys: [key] })
    }
    // Two processes carry most bytes of a round. The others need the same warm-up.
    const single = Object.entries(contestants).filter(([, [from]]) => from !== giver)
    const others = Object.keys(contestants).length - single.length
    const firsts: string[] = []
    for (let turn = 0; turn < others; turn++) {
      for (const [name, [, run]] of single) {
        const { ms } = await run()
        if (turn === 0) firsts.push(`${name}: ${mibPerSecond(ms).toFixed(0)} MiB/s`)
      }
      await evict()
    }
    // The first round is a warm-up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, [from, run]] of Object.entries(contestants)) {
        const before = await from.usage()
        const result = await run()
        const giverCpu = (await from.usage()).cpu - before.cpu
        if (result.bytes < LARGE_BYTES) throw new Error(`${name}: ${result.bytes} bytes came`)
        if (round > 0 || ROUNDS === 0) {
          results.set(name, [...(results.get(name) ?? []), { ...result, giverCpu }])
        }
      }
      await evict()
    }
    print(results)
    say(`  the first of a process: ${firsts.join(', ')}`)
    await local.do({ do: 'get', key })
    const hit = await local.do({ do: 'get', key })
    say(`  a hit reads ${mibPerSecond(hit.ms).toFixed(0)} MiB/s`)
  })
}

function print(results: ReadonlyMap<string, readonly Result[]>): void {
  const plain = results.get(PLAIN)!
  const bare = results.get(BARE)!
  say(`${LARGE_BYTES / MIB} MiB from ${STORE}, median of ${ROUNDS} interleaved rounds`)
  row(['', 'MiB/s', 'to bare', 'to own', 'CPU s/GiB:', 'giver', 'taker', 'RSS MiB', 'held ms'])
  for (const [name, all] of results) {
    row([
      name,
      median(all.map(({ ms }) => mibPerSecond(ms))).toFixed(0),
      median(all.map((one, i) => plain[i]!.ms / one.ms)).toFixed(2),
      median(all.map((one, i) => bare[i]!.ms / one.ms)).toFixed(2),
      '',
      median(all.map(({ giverCpu }) => perGib(giverCpu))).toFixed(2),
      median(all.map(({ cpu }) => perGib(cpu))).toFixed(2),
      (Math.max(...all.map(({ peakBytes }) => peakBytes)) / MIB).toFixed(0),
      Math.max(...all.map(({ blockedMs }) => blockedMs)).toFixed(0),
    ])
  }
}
