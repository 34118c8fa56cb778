/** Values that a Local holds in memory, through a door and by the API. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { MIB } from '../../../../src/limits.ts'
import type { Bench } from '../../bench.ts'
import type { Contestant, Row } from '../../model.ts'
import { cpuSeconds, shell } from '../../processes.ts'
import { nginx } from '../nginx.ts'
import { doorPair, type DoorPair } from './door-pair.ts'

const REQUESTS = 10_000
const CONNECTIONS = 16
const ENTRY_BYTES = 10_000

interface Sent {
  readonly method?: string
  readonly body?: Buffer
}

/** Sends requests over kept-alive connections; throws for a status from 300 on. */
function client({ token }: DoorPair, agent: Agent): (url: string, sent?: Sent) => Promise<void> {
  const headers = { Authorization: `Bearer ${token}` }
  return (url, { method = 'GET', body } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(url, { agent, method, headers }, (response) => {
        const { statusCode = 0 } = response
        response.resume().on('end', () => {
          if (statusCode < 300) resolve()
          else reject(new Error(`${method} ${url}: ${statusCode}`))
        })
      })
      sent.on('error', reject).end(body)
    })
}

const entry: Row = {
  id: 'door-held',
  title: `${REQUESTS} GETs of an entry of 10 kB held, ${CONNECTIONS} connections: CPU seconds of the Local`,
  measure: 'cpu',
  bar: { limit: 2 },
  open: async (bench) => {
    const pair = await doorPair(bench)
    const { url, local } = pair
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    bench.onClose(() => agent.destroy())
    const send = client(pair, agent)
    const bytes = randomBytes(ENTRY_BYTES)
    const path = bench.path('entry')
    writeFileSync(path, bytes)
    await send(`${url}/cache/bench/held`, { method: 'PUT', body: bytes })
    const key = (await bench.run(local, 'cid', [path])).trim().split(/\s/)[0]!
    const of = (name: string, part: Contestant['part'], at: string): Contestant => ({
      name,
      part,
      run: async () => {
        const before = cpuSeconds([local.pid]) - cpuSeconds([])
        let left = REQUESTS
        const one = async (): Promise<void> => {
          while (left-- > 0) await send(url + at)
        }
        await Promise.all(Array.from({ length: CONNECTIONS }, one))
        return { cpu: cpuSeconds([local.pid]) - cpuSeconds([]) - before }
      },
    })
    return [
      of('`/cache/SPACE/PATH`', 'dstore', '/cache/bench/held'),
      of('`/v1/values/KEY`', 'floor', `/v1/values/${key}`),
      of('`/v1/values/NAME`', 'peer', `/v1/values/${encodeURIComponent('cache/bench/held')}`),
    ]
  },
}

const RAW_BYTES = 64 * MIB
const RAW_TIMES = 5

async function held(bench: Bench, { global, local }: DoorPair, file: string): Promise<string> {
  const key = (await bench.run(global, 'put --quiet', [file])).trim()
  await bench.run(local, 'prefetch --quiet', [key])
  return key
}

const raw: Row = {
  id: 'ipfs-raw',
  title: `a held value of 64 MiB as a raw block of IPFS, ${RAW_TIMES} times by \`curl\``,
  measure: 'seconds',
  bar: { limit: 1.1 },
  open: async (bench) => {
    if (!bench.has('curl', 'all of it')) return []
    const pair = await doorPair(bench)
    const file = await bench.file(RAW_BYTES)
    const key = await held(bench, pair, file)
    const get =
      'for i in $(seq "$1"); do curl -sSf -o /dev/null -H "Authorization: Bearer $2" "$3"; done'
    const of = (name: string, part: Contestant['part'], at: string, pid: number): Contestant => ({
      name,
      part,
      run: async () => void (await shell(get, [`${RAW_TIMES}`, pair.token, at])),
      daemons: () => [pid],
    })
    const peers: Contestant[] = []
    if (bench.has('nginx', 'nginx')) {
      const { root, url, pid } = await nginx(bench)
      await shell('cp "$1" "$2"', [file, `${root}/raw`])
      peers.push(of('nginx, a static file', 'peer', `${url}/raw`, pid))
    }
    const { url, local } = pair
    return [
      of('`/ipfs/CID?format=raw`', 'dstore', `${url}/ipfs/${key}?format=raw`, local.pid),
      of('`/v1/values/KEY`', 'floor', `${url}/v1/values/${key}`, local.pid),
      ...peers,
    ]
  },
}

export const HELD_ROWS: readonly Row[] = [entry, raw]
