/**
 * Small values at a Local: rates and latencies of get, has and put, beside one stream per request
 * and, if it is installed, Redis.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { median } from '../ratio.ts'
import type { Measured } from './order.ts'
import { type Peer, ROUNDS, STORE, row, say, withPeers } from './peers.ts'

const DEPTHS = [1, 16, 256]
const COUNT = 8000

export async function small(): Promise<void> {
  say(`1 KiB, Global's store: ${STORE}, median of ${ROUNDS} rounds`)
  row(['', 'at once', 'a second', 'p50 ms', 'p99 ms', 'CPU us'])
  await withPeers(4, async (peers) => {
    const [global, local, giver, taker] = peers as [Peer, Peer, Peer, Peer]
    const { text: join } = await global.do({ do: 'open', role: 'global', store: STORE })
    await local.do({ do: 'open', role: 'local', join })
    const { text } = await global.do({
      do: 'put-small',
      bytes: 1024,
      count: COUNT,
      seed: 11,
      depth: 16,
    })
    const { text: from } = await giver.do({ do: 'give', bytes: 1024 })
    const keys = text.split(' ')
    for (const depth of DEPTHS) {
      const some = keys.slice(0, depth === 1 ? COUNT / 4 : COUNT)
      const cold: Measured[] = []
      const hits: Measured[] = []
      const has: Measured[] = []
      const puts: Measured[] = []
      const streams: Measured[] = []
      for (let round = 0; round <= ROUNDS; round++) {
        await local.do({ do: 'evict', keys: some })
        const seed = (round * DEPTHS.length + DEPTHS.indexOf(depth) + 1) * 1_000_003
        const count = some.length / 2
        const runs = [
          [cold, await local.do({ do: 'ask-small', call: 'get', keys: some, depth })],
          [hits, await local.do({ do: 'ask-small', call: 'get', keys: some, depth })],
          [has, await local.do({ do: 'ask-small', call: 'has', keys: some, depth })],
          [puts, await local.do({ do: 'put-small', bytes: 1024, count, seed, depth })],
          [streams, await taker.do({ do: 'take-small', from, count: 400, depth })],
        ] as const
        if (round > 0) for (const [list, run] of runs) list.push(run)
      }
      print('get, cold', depth, cold)
      print('get, held', depth, hits)
      print('has', depth, has)
      print('put', depth, puts)
      print('one stream for each', depth, streams)
    }
  })
  await redis()
}

function print(name: string, depth: number, runs: readonly Measured[]): void {
  const speed = median(runs.map(({ ms, latencies }) => (latencies.length * 1000) / ms))
  const sorted = runs.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b)
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2)
  const cpu = median(runs.map((run) => (run.cpu * 1e6) / run.latencies.length))
  row([name, String(depth), speed.toFixed(0), at(0.5), at(0.99), cpu.toFixed(0)])
}

async function redis(): Promise<void> {
  const port = String(await freePort())
  const server = spawn('redis-server', ['--port', port, '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  })
  const failed = once(server, 'error').then(() => true)
  const waited = new Promise((resolve) => setTimeout(() => resolve(false), 500))
  if ((await Promise.race([failed, waited])) === true) {
    say('  Redis is not installed')
    return
  }
  try {
    for (const depth of DEPTHS) {
      const options = ['-p', port, '-t', 'set,get', '-d', '1024', '-c', '1', '-P', String(depth)]
      const count = depth === 1 ? '20000' : '200000'
      const out = execFileSync('redis-benchmark', [...options, '-n', count, '--csv'], {
        encoding: 'utf8',
      })
      // "test","rps","avg","min","p50","p95","p99","max"
      const [, speed, , , p50, , p99] = /"GET".*/.exec(out)![0].replaceAll('"', '').split(',')
      row(['Redis, a pipeline', String(depth), Number(speed).toFixed(0), p50!, p99!, ''])
    }
  } finally {
    server.kill()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
