/**
 * dstore beside Helia 7: a value from one process's memory to another's, by lane and over Noise,
 * and as blocks of 1 MiB by bitswap, 32 wanted at once. Contestants take turns, with a new value
 * each round, because Helia does not resend a block for a while.
 *
 *     node dist/bench/helia.js
 *
 * Needs Node 22 or newer; reads `MIB`, `ROUNDS` and `HELIA_DIR` from the environment. Helia is not
 * a dependency: the benchmark installs it into a temporary folder, or finds it in `HELIA_DIR`.
 */
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from './ratio.ts'
import { LARGE_BYTES, MIB, ROUNDS, row, say, withPeers } from './transfer/peers.ts'

const PACKAGES = [
  'helia@7',
  '@helia/bitswap@latest',
  '@helia/libp2p@latest',
  '@libp2p/tcp@latest',
  '@libp2p/noise@latest',
  '@libp2p/yamux@latest',
  '@libp2p/identify@latest',
  '@multiformats/multiaddr@latest',
  'blockstore-core@latest',
  'multiformats@latest',
]

/** The program of a Helia process, which takes orders over IPC like ours. */
const PROCESS = `
import { randomBytes, createHash } from 'node:crypto'
import { createHeliaLight } from 'helia'
import { withBitswap } from '@helia/bitswap'
import { withLibp2pLight } from '@helia/libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'

const blockstore = new MemoryBlockstore()
const node = withBitswap(withLibp2pLight(createHeliaLight({ blockstore }), {
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() },
}))
await node.start()

async function blocksOf(cid) {
  const parts = []
  for await (const part of node.blockstore.get(cid)) parts.push(part)
  return parts
}

const orders = {
  address: () => node.libp2p.getMultiaddrs()[0].toString(),
  dial: async (address) => void (await node.libp2p.dial(multiaddr(address))),
  put: async (count) => {
    const cids = []
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(randomBytes(1 << 20))
      const cid = CID.createV1(raw.code, await sha256.digest(bytes))
      await node.blockstore.put(cid, bytes)
      cids.push(cid.toString())
    }
    return cids
  },
  get: async (names) => {
    const cpu = process.cpuUsage()
    const begin = performance.now()
    const left = names[Symbol.iterator]()
    let bytes = 0
    const worker = async () => {
      for (const name of left) {
        const cid = CID.parse(name)
        for (const part of await blocksOf(cid)) bytes += part.byteLength
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker))
    const ms = performance.now() - begin
    const { user, system } = process.cpuUsage(cpu)
    return { ms, bytes, cpu: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 }
  },
  forget: async (names) => {
    for (const name of names) await blockstore.delete(CID.parse(name))
  },
}
process.on('disconnect', () => process.exit())
process.on('message', async ({ what, value }) => {
  try {
    process.send({ answer: await orders[what](value) })
  } catch (error) {
    process.send({ error: String(error.stack) })
  }
})
process.send({ answer: 'ready' })
`

class Helia {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(program: string): Promise<Helia> {
    const child = fork(program)
    await once(child, 'message')
    return new Helia(child)
  }

  async do<T>(what: string, value?: unknown): Promise<T> {
    const answered = once(this.#child, 'message')
    this.#child.send({ what, value })
    const [{ answer, error }] = (await answered) as [{ answer: T; error?: string }]
    if (error !== undefined) throw new Error(error)
    return answer
  }

  close(): void {
    this.#child.disconnect()
  }
}

interface Got {
  readonly ms: number
  readonly bytes: number
  readonly cpu: number
  readonly peakBytes: number
}

const directory = process.env.HELIA_DIR ?? mkdtempSync(join(tmpdir(), 'dstore-helia-'))
try {
  if (process.env.HELIA_DIR === undefined) {
    const npm = ['install', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund']
    execFileSync('npm', [...npm, ...PACKAGES], { stdio: 'ignore' })
  }
  const program = join(directory, 'process.mjs')
  writeFileSync(program, PROCESS)
  const [giver, taker] = [await Helia.start(program), await Helia.start(program)]
  try {
    await compare(giver, taker)
  } finally {
    giver.close()
    taker.close()
  }
} finally {
  if (process.env.HELIA_DIR === undefined) rmSync(directory, { recursive: true, force: true })
}

async function compare(giver: Helia, taker: Helia): Promise<void> {
  await taker.do('dial', await giver.do('address'))
  await withPeers(3, async ([global, local, noise]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join })
    await noise!.do({ do: 'open', role: 'local', join, lanes: false })
    const results = new Map<string, Got[]>([
      ['Helia', []],
      ['dstore, Noise', []],
      ['dstore, lane', []],
    ])
    for (let round = 0; round <= ROUNDS; round++) {
      const { text: key } = await global!.do({ do: 'put', bytes: LARGE_BYTES, seed: 99 + round })
      const names = await giver.do<string[]>('put', LARGE_BYTES / MIB)
      const runs: readonly [string, Got][] = [
        ['Helia', await taker.do<Got>('get', names)],
        ['dstore, Noise', await noise!.do({ do: 'get', key })],
        ['dstore, lane', await local!.do({ do: 'get', key })],
      ]
      for (const [name, run] of runs) {
        if (run.bytes < LARGE_BYTES) throw new Error(`${name}: ${run.bytes} bytes came`)
        if (round > 0) results.get(name)!.push(run)
      }
      for (const one of [giver, taker]) await one.do('forget', names)
      for (const one of [local!, noise!]) await one.do({ do: 'evict', keys: [key] })
      await global!.do({ do: 'remove', key })
    }
    const load = loadavg()[0]!.toFixed(1)
    say(`Node ${process.version}, ${LARGE_BYTES / MIB} MiB, median of ${ROUNDS}, load ${load}`)
    row(['', 'MiB/s', 'to Helia', 'CPU s/GiB', 'RSS MiB'])
    const base = results.get('Helia')!
    for (const [name, all] of results) {
      const rate = median(all.map(({ ms }) => LARGE_BYTES / MIB / (ms / 1000)))
      const ratio = median(all.map(({ ms }, i) => base[i]!.ms / ms))
      const cpu = median(all.map(({ cpu }) => (cpu * 1024 * MIB) / LARGE_BYTES))
      const peak = Math.max(...all.map(({ peakBytes }) => peakBytes)) / MIB
      row([name, rate.toFixed(0), ratio.toFixed(2), cpu.toFixed(2), peak.toFixed(0)])
    }
  })
}
