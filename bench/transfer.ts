/**
 * What it costs to move values between nodes: whole processes on loopback, contestants interleaved, medians of rounds,
 * ratios within one run. `node dist/bench/transfer.js [PART...]`, parts: `large` `fan-out` `small` `memory`; all without.
 */
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median } from './ratio.ts'
import type { Measured, Order } from './transfer-peer.ts'

const MIB = 1 << 20
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const LARGE_BYTES = Number(process.env.MIB ?? 256) * MIB
const parts = process.argv.slice(2)
const chosen = (part: string): boolean => parts.length === 0 || parts.includes(part)

/** A child process, and what it measured. */
class Peer {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('transfer-peer.js', import.meta.url)))

  async do(order: Order): Promise<Measured> {
    const answered = once(this.#child, 'message')
    this.#child.send(order)
    const [answer] = (await answered) as [Measured | { readonly error: string }]
    if ('error' in answer) throw new Error(`${order.do}: ${answer.error}`)
    return answer
  }

  close(): void {
    this.#child.disconnect()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function withPeers<T>(
  count: number,
  work: (peers: readonly Peer[]) => Promise<T>,
): Promise<T> {
  const peers = Array.from({ length: count }, () => new Peer())
  try {
    return await work(peers)
  } finally {
    for (const peer of peers) peer.close()
  }
}

const rate = ({ ms }: Measured): number => LARGE_BYTES / MIB / (ms / 1000)
const perGib = ({ cpu }: Measured): number => (cpu * 1024 * MIB) / LARGE_BYTES

/** One large value, cold: into a Local's cache; and beside it what carries the same bytes with less. */
async function large(): Promise<void> {
  await withPeers(4, async ([global, local, giver, taker]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join })
    const { text: key } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 7 })
    const { text: from } = await giver!.do({ do: 'give', bytes: LARGE_BYTES })
    const { digest } = JSON.parse(from) as { digest: string }
    const value = { digest, size: LARGE_BYTES }
    const contestants: Record<string, () => Promise<Measured>> = {
      'get into a Local, cold': () => local!.do({ do: 'get', key }),
      'slice, verified': () => taker!.do({ do: 'take', how: 'proved', from, value }),
      'slice, unverified': () => taker!.do({ do: 'take', how: 'raw', from, value }),
      'bare stream, Noise': () => taker!.do({ do: 'take', how: 'bare', from, value }),
      'raw TCP': () => taker!.do({ do: 'take', how: 'tcp', from, value }),
    }
    const results = new Map<string, Measured[]>()
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, run] of Object.entries(contestants)) {
        const result = await run()
        if (result.bytes < LARGE_BYTES) throw new Error(`${name}: ${result.bytes} bytes came`)
        if (round > 0) results.set(name, [...(results.get(name) ?? []), result])
      }
      await local!.do({ do: 'evict', keys: [key] })
    }
    const bare = results.get('bare stream, Noise')!
    say(
      `${LARGE_BYTES / MIB} MiB, median of ${ROUNDS}: MiB/s, ratio to the bare stream round by round, CPU s/GiB of the receiver, loop held at most`,
    )
    for (const [name, all] of results) {
      const ratio = median(all.map((one, i) => bare[i]!.ms / one.ms))
      const held = Math.max(...all.map(({ blockedMs }) => blockedMs))
      const cells = [
        median(all.map(rate)).toFixed(0),
        ratio.toFixed(2),
        median(all.map(perGib)).toFixed(2),
        `${held.toFixed(0)} ms`,
      ]
      say(`  ${name.padEnd(24)}${cells.map((cell) => cell.padStart(9)).join('')}`)
    }
    const again = await local!.do({ do: 'get', key })
    const hit = await local!.do({ do: 'get', key })
    say(
      `  resident at most: Local ${(again.peakBytes / MIB).toFixed(0)} MiB; a hit reads ${rate(hit).toFixed(0)} MiB/s`,
    )
  })
}

/** Several Locals fetch one value at the same moment. */
async function fanOut(): Promise<void> {
  const count = Number(process.env.LOCALS ?? 8)
  for (const listen of [true, false]) {
    await withPeers(count + 1, async ([global, ...locals]) => {
      const { text: join } = await global!.do({ do: 'open', role: 'global' })
      await Promise.all(
        locals.map((local) => local.do({ do: 'open', role: 'local', join, listen })),
      )
      const { text: warm } = await global!.do({ do: 'put', bytes: MIB, seed: 1 })
      await Promise.all(locals.map((local) => local.do({ do: 'get', key: warm })))
      const { text: alone } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 3 })
      const one = await locals[0]!.do({ do: 'get', key: alone })
      const { text: key } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 5 })
      const before = await global!.do({ do: 'sent' })
      const all = await Promise.all(locals.map((local) => local.do({ do: 'get', key })))
      const { bytes } = await global!.do({ do: 'sent' })
      const last = Math.max(...all.map(({ ms }) => ms))
      const sent = ((bytes - before.bytes) / LARGE_BYTES).toFixed(2)
      const how = listen ? 'feeding each other' : 'from Global alone'
      say(
        `${count} Locals at once, ${LARGE_BYTES / MIB} MiB, ${how}: Global sent ${sent} times the value, the last took ${(last / one.ms).toFixed(2)} times as long as one alone`,
      )
    })
  }
}

/** Small values, cold: how many a second, and how long each takes; beside Redis, where it is installed. */
async function small(): Promise<void> {
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join })
    const { text } = await global!.do({ do: 'put-small', bytes: 1024, count: 8000, seed: 11 })
    const keys = text.split(' ')
    for (const depth of [1, 16, 256]) {
      const some = keys.slice(0, depth === 1 ? 2000 : keys.length)
      const runs: Measured[] = []
      for (let round = 0; round <= ROUNDS; round++) {
        await local!.do({ do: 'evict', keys: some })
        const run = await local!.do({ do: 'get-small', keys: some, depth })
        if (round > 0) runs.push(run)
      }
      const speed = median(runs.map(({ ms }) => (some.length * 1000) / ms))
      const sorted = runs.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b)
      const at = (share: number): string =>
        sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2)
      const cpu = median(runs.map((run) => (run.cpu * 1e6) / some.length))
      const hits = await local!.do({ do: 'get-small', keys: some, depth })
      const hit = (some.length * 1000) / hits.ms
      say(
        `get of 1 KiB, ${depth} at once: ${speed.toFixed(0)}/s cold, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${cpu.toFixed(0)} us CPU of the Local each; held: ${hit.toFixed(0)}/s`,
      )
    }
  })
  await redis()
}

async function redis(): Promise<void> {
  const port = '16379'
  const server = spawn('redis-server', ['--port', port, '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
  })
  const failed = once(server, 'error').then(() => true)
  if (
    await Promise.race([failed, new Promise((resolve) => setTimeout(() => resolve(false), 500))])
  ) {
    say('Redis is not installed')
    return
  }
  try {
    for (const depth of ['1', '16', '256']) {
      const options = ['-p', port, '-t', 'set,get', '-d', '1024', '-c', '1', '-P', depth]
      const count = depth === '1' ? '20000' : '200000'
      const out = execFileSync('redis-benchmark', [...options, '-n', count, '-q'], {
        encoding: 'utf8',
      })
      say(`Redis GET of 1 KiB, pipelines of ${depth}: ${/GET: ([\d.]+)/.exec(out)?.[1] ?? '?'}/s`)
    }
  } finally {
    server.kill()
  }
}

/** What a Local holds in memory while much more than its cache passes, and for a reader that is slow. */
async function memory(): Promise<void> {
  const cacheBytes = 64 * MIB
  const total = Number(process.env.PASS_MIB ?? 2048) * MIB
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join, cacheBytes })
    let seed = 1
    let peakBytes = 0
    let blockedMs = 0
    // Values that fit into the cache, in turn, and one that does not; each is gone from Global's memory afterwards.
    for (let passed = 0; passed < total;) {
      const bytes = seed % 8 === 0 ? 256 * MIB : 32 * MIB
      const { text: key } = await global!.do({ do: 'put', bytes, seed: seed++ })
      const run = await local!.do({ do: 'get', key })
      peakBytes = run.peakBytes
      blockedMs = Math.max(blockedMs, run.blockedMs)
      passed += run.bytes
      await global!.do({ do: 'remove', key })
    }
    say(
      `${total / MIB} MiB through a cache of ${cacheBytes / MIB} MiB: at most ${((peakBytes - cacheBytes) / MIB).toFixed(0)} MiB resident beside it; the event loop was held for ${blockedMs.toFixed(0)} ms at most`,
    )
  })
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join, cacheBytes })
    const { text: key } = await global!.do({ do: 'put', bytes: 512 * MIB, seed: 9 })
    const before = await global!.do({ do: 'sent' })
    const run = await local!.do({ do: 'get', key, bytesPerSecond: MIB, mostBytes: 10 * MIB })
    const { bytes } = await global!.do({ do: 'sent' })
    say(
      `a caller that reads 1 MiB/s of 512 MiB: after ${run.bytes / MIB} MiB Global had sent ${((bytes - before.bytes) / MIB).toFixed(0)} MiB; at most ${(run.peakBytes / MIB).toFixed(0)} MiB resident in the Local`,
    )
  })
}

say(`Node ${process.version}`)
if (chosen('large')) await large()
if (chosen('fan-out')) await fanOut()
if (chosen('small')) await small()
if (chosen('memory')) await memory()
