/** Small values: batches, many files, and requests one at a time or many at once. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '../../../src/daemon/client/client.ts'
import { BATCH_ITEMS, KIB } from '../../../src/limits.ts'
import type { Bench, Daemon, Pair } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { end, serve, shell } from '../processes.ts'
import { nginx } from './nginx.ts'
import { batch } from './batch.ts'

/** Puts random values of 1 KiB, and returns their keys. */
export async function putSmall(daemon: Daemon, count: number): Promise<string[]> {
  const client = (await Client.connect(daemon.socket))!
  const keys: string[] = []
  for (let left = count; left > 0; left -= BATCH_ITEMS) {
    const values = Array.from({ length: Math.min(left, BATCH_ITEMS) }, () => randomBytes(KIB))
    for (const { key } of await client.putMany(values)) keys.push(key)
  }
  client.close()
  return keys
}

/** Requests to a socket, one after the other, over one connection. */
function connection(socket: string): (path: string) => Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return (path) =>
    new Promise((resolve, reject) => {
      get({ socketPath: socket, path, agent }, (response) => {
        let bytes = 0
        response.on('data', (piece: Buffer) => (bytes += piece.length))
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(bytes)
            : reject(new Error(`${path}: ${response.statusCode}`)),
        )
      }).on('error', reject)
    })
}

const byName: Row = {
  id: 'get-name',
  title: '`get NAME` held at a Local, one HTTP connection',
  measure: 'seconds',
  bar: { limit: 1.2 },
  open: async (bench) => {
    const { global, local } = await bench.pair()
    const path = bench.path('named')
    writeFileSync(path, randomBytes(KIB))
    const key = (await bench.run(global, 'put --quiet --name bench/value', [path])).trim()
    const request = connection(local.socket)
    const of = (name: string, part: 'dstore' | 'floor', id: string): Contestant => ({
      name,
      part,
      run: async () => {
        for (let i = 0; i < 500; i++) await request(`/v1/values/${encodeURIComponent(id)}`)
      },
      daemons: () => [local.pid, global.pid],
    })
    await request(`/v1/values/${key}`)
    return [
      of('by name, 500 times', 'dstore', 'bench/value'),
      of('by key, 500 times', 'floor', key),
    ]
  },
}

const coldOneByOne: Row = {
  id: 'get-cold-small',
  title: 'cold `get` of 1 KiB over HTTP, one at a time',
  measure: 'rate',
  bar: { limit: 1.2 },
  open: async (bench) => {
    const count = 600
    const of = async (
      name: string,
      part: 'dstore' | 'floor',
      { global, local }: Pair,
    ): Promise<Contestant> => {
      const request = connection(local.socket)
      let keys: readonly string[] = []
      // Other rows may have used one of the daemons before: both shall have compiled their code.
      for (const key of await putSmall(global, 2000)) await request(`/v1/values/${key}`)
      return {
        name,
        part,
        before: async () => (keys = await putSmall(global, count)),
        run: async () => {
          for (const key of keys) await request(`/v1/values/${key}`)
          return { work: count }
        },
        daemons: () => [local.pid, global.pid],
      }
    }
    const old = await bench.oldPair()
    return [
      await of('dstore', 'dstore', await bench.pair()),
      ...(old === undefined ? [] : [await of('the old tree', 'floor', old)]),
    ]
  },
}

const heldManyAtOnce: Row = {
  id: 'http-held',
  title: '1 KiB held, HTTP, 64 connections, server on one core',
  measure: 'rate',
  bar: { limit: 0.5 },
  open: async (bench) => {
    if (!bench.has('wrk', 'all of it')) return []
    const { global, local } = await bench.pair()
    const [key] = await putSmall(global, 1)
    await bench.run(local, 'prefetch --quiet', [key!])
    const token = readFileSync(join(local.dir, 'http-token'), 'utf8').trim()
    const status = JSON.parse(await bench.run(local, 'status --json')) as {
      readonly daemon: { readonly http: { readonly url: string } }
    }
    const script = fileURLToPath(new URL('bare-server-process.js', import.meta.url))
    const { child, line } = await serve(process.execPath, [script])
    bench.onClose(() => end(child))
    const load = (
      name: string,
      part: Contestant['part'],
      pid: number,
      url: string,
    ): Contestant => ({
      name,
      part,
      before: () => shell(`taskset -acp 0 ${pid}`),
      run: async () => {
        const wrk = `taskset -c ${cpus().length - 1} wrk -t1 -c64 -d3s -H "Authorization: Bearer $2" "$1"`
        const report = await shell(wrk, [url, token])
        await shell(`taskset -acp 0-${cpus().length - 1} ${pid}`)
        if (/Non-2xx/.test(report)) throw new Error(`${name} refused requests: ${report}`)
        return { seconds: 1, work: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)![1]) }
      },
      daemons: () => [pid],
    })
    const peers: Contestant[] = []
    if (bench.has('nginx', 'nginx')) {
      const { root, url, pid } = await nginx(bench)
      writeFileSync(`${root}/small`, randomBytes(KIB))
      peers.push(load('nginx, a static file', 'peer', pid, `${url}/small`))
    }
    return [
      load('dstore', 'dstore', local.pid, `${status.daemon.http.url}/v1/values/${key}`),
      load('bare `node:http`', 'floor', child.pid!, `http://127.0.0.1:${line}/`),
      ...peers,
    ]
  },
}

const manyFiles: Row = {
  id: 'get-many',
  title: '3,000 values of 1 KiB by one `get --output-dir`, cold',
  measure: 'seconds',
  bar: { limit: 4 },
  open: async (bench) => {
    const count = 6000
    const { global, local } = await bench.pair()
    const keys = await putSmall(global, count)
    const out = bench.path('many')
    const clean = async (): Promise<void> =>
      void (await shell('rm -rf "$1"; mkdir "$1"; sync', [out]))
    const dstore: Contestant = {
      name: 'dstore',
      part: 'dstore',
      before: async () => {
        await clean()
        await bench.run(local, 'evict --quiet', keys)
      },
      run: async () => void (await bench.run(local, `get --quiet --output-dir ${out}`, keys)),
      daemons: () => [local.pid, global.pid],
    }
    if (!bench.has('nginx', 'the floor')) return [dstore]
    const { root, url, pid } = await nginx(bench)
    const list = keys.map((key) => `url = "${url}/${key}"\noutput = "${out}/${key}"\n`)
    for (const key of keys) writeFileSync(`${root}/${key}`, randomBytes(KIB))
    writeFileSync(bench.path('urls'), list.join(''))
    return [
      dstore,
      {
        name: 'one `curl` from nginx, then `sync -f`',
        part: 'floor',
        before: clean,
        run: async () =>
          void (await shell('curl -s -K "$1" && sync -f "$2"', [bench.path('urls'), out])),
        daemons: () => [pid],
      },
    ]
  },
}

const oneByCommand: Row = {
  id: 'get-command',
  title: '`get` of 1 KiB by the command, 10 times',
  measure: 'seconds',
  bar: { limit: 1.3 },
  open: async (bench: Bench) => {
    const daemon = await bench.standalone()
    const [key] = await putSmall(daemon, 1)
    const times = (command: string): string =>
      `for i in 1 2 3 4 5 6 7 8 9 10; do ${command} > /dev/null; done`
    return [
      {
        name: 'dstore',
        part: 'dstore',
        run: async () =>
          void (await shell(times(`${daemon.command} get "$1"`), [key!], daemon.env)),
        daemons: () => [daemon.pid],
      },
      {
        name: '`node -e 0`',
        part: 'floor',
        run: async () => void (await shell(times('"$1" -e 0'), [process.execPath])),
      },
    ]
  },
}

export const SMALL_ROWS: readonly Row[] = [
  batch,
  heldManyAtOnce,
  manyFiles,
  byName,
  coldOneByOne,
  oneByCommand,
]
