/**
 * A held value of 1 KiB over HTTP, by key and by name, beside a bare `node:http` server that
 * answers every request with the same bytes. The servers take turns on core 1; `wrk` loads them
 * from core 0.
 *
 *     node dist/bench/door.js [ROUNDS] [SECONDS]
 *
 * Linux only, with two cores, `taskset` and `wrk`. Prints requests a second (median), processor
 * time of the server for each, and the ratio of the rate to the bare server's; then, over one
 * kept-alive connection, what a name costs beside a key at a Local.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from '../src/daemon/client/client.ts'
import { KIB } from '../src/limits.ts'
import { median } from './ratio.ts'

const BUNDLE = fileURLToPath(new URL('../dstore.js', import.meta.url))
const CONNECTIONS = 64
const [, , rounds = '5', seconds = '2'] = process.argv
const report = (line: string): void => void process.stdout.write(`${line}\n`)
const folder = await mkdtemp(join(tmpdir(), 'dstore-bench-'))
const children: ChildProcess[] = []

const BARE = `
const bytes = Buffer.alloc(${KIB}, 1)
const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': ${KIB} }
const server = require('node:http').createServer((_, response) => {
  response.writeHead(200, headers)
  response.end(bytes)
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

interface Contestant {
  readonly name: string
  readonly pid: number
  readonly url: string
  readonly token: string
}

/** Starts a process on core 1; its first line. */
async function start(...args: string[]): Promise<{ child: ChildProcess; line: string }> {
  const command = ['-c', '1', process.execPath, ...args]
  const child = spawn('taskset', command, { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) return { child, line }
  throw new Error(`it did not start: ${args.join(' ')}`)
}

async function daemon(
  name: string,
  ...flags: string[]
): Promise<{ contestant: (path: string, what: string) => Contestant; client: Client }> {
  const dir = join(folder, name)
  const http = ['--http', '127.0.0.1:0', '--dir', dir]
  const { child } = await start(BUNDLE, 'daemon', ...flags, ...http)
  const client = (await Client.connect(join(dir, 'dstore.sock')))!
  const status = await client.status()
  const token = (await readFile(join(dir, 'http-token'), 'utf8')).trim()
  const { url } = status.daemon.http!
  const contestant = (path: string, what: string): Contestant => ({
    name: `${name}, ${what}`,
    pid: child.pid!,
    url: new URL(`/v1/values/${path}`, url).href,
    token,
  })
  return { contestant, client }
}

/** Microseconds that all threads of a process have run. */
async function processorTime(pid: number): Promise<number> {
  let total = 0
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
    total += Number(text.split(' ')[0]) / 1000
  }
  return total
}

async function load(
  { pid, url, token }: Contestant,
  connections: number,
): Promise<[number, number]> {
  const before = await processorTime(pid)
  const flags = ['-t1', `-c${connections}`, `-d${seconds}`, '-H', `Authorization: Bearer ${token}`]
  const text = execFileSync('taskset', ['-c', '0', 'wrk', ...flags, url]).toString()
  const count = Number(/(\d+) requests in/.exec(text)?.[1])
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1])
  if (text.includes('Non-2xx')) throw new Error(text)
  return [rate, ((await processorTime(pid)) - before) / count]
}

/** In turns; the first round warms up. Ratios are to the first contestant. */
async function compare(contestants: readonly Contestant[], connections: number): Promise<void> {
  const rates = contestants.map((): number[] => [])
  const times = contestants.map((): number[] => [])
  for (let round = 0; round <= Number(rounds); round++) {
    for (const [i, contestant] of contestants.entries()) {
      const [rate, time] = await load(contestant, connections)
      if (round === 0) continue
      rates[i]!.push(rate)
      times[i]!.push(time)
    }
  }
  report(`${KIB} bytes, connections: ${connections}`)
  for (const [i, { name }] of contestants.entries()) {
    const ratio = median(rates[i]!) / median(rates[0]!)
    const time = `${median(times[i]!).toFixed(1)} us`
    report(`  ${name}: ${Math.round(median(rates[i]!))}/s, ${time}, ratio ${ratio.toFixed(2)}`)
  }
}

try {
  const bare = await start('-e', BARE)
  const first = { name: 'node:http', pid: bare.child.pid!, url: `http://127.0.0.1:${bare.line}/` }
  const value = Buffer.alloc(KIB, 1)
  const put = async (client: Client): Promise<string> =>
    (await client.putBytes([value] as never, KIB, { name: 'name' })).key
  const contestants: Contestant[] = [{ ...first, token: '' }]
  for (const store of ['memory', 'disk']) {
    const alone = await daemon(`standalone, ${store}`, '--standalone', '--store', store)
    contestants.push(alone.contestant(await put(alone.client), 'key'))
  }
  const global = await daemon('Global', '--global', '--store', 'memory')
  const key = await put(global.client)
  const { ticket } = await global.client.invite({})
  const local = await daemon('Local', '--join', ticket)
  await local.client.prefetch('name')
  const byKey = local.contestant(key, 'key')
  const byName = local.contestant('name', 'name')
  contestants.push(global.contestant(key, 'key'), byKey, byName)
  await compare(contestants, CONNECTIONS)
  await compare([byKey, byName], 1)
  for (const { client } of [global, local]) client.close()
} finally {
  for (const child of children) {
    if (child.exitCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'close')
  }
  await rm(folder, { recursive: true, force: true })
}
