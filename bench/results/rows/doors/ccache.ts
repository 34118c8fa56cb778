/** A C project with ccache: its remote storage at dstore, at a plain HTTP cache, at Redis. */
import { mkdirSync } from 'node:fs'
import type { Bench } from '../../bench.ts'
import type { Contestant, Row } from '../../model.ts'
import { end, serve, shell } from '../../processes.ts'
import { httpCache } from '../nginx.ts'
import { cProject, SOURCES, type Project } from './c-project.ts'
import { doorPair } from './door-pair.ts'

/** What ccache can keep its entries in, beside its own folder. */
interface Remote {
  readonly name: string
  readonly part: Contestant['part']
  /** Its address, with this space where it has spaces. */
  readonly url: (space: string) => string
  /** Forgets all entries. */
  readonly clear: () => unknown
  readonly pids: readonly number[]
  readonly requests: () => Promise<number>
}

async function dstore(bench: Bench): Promise<Remote> {
  const { url, token, global, local, requests } = await doorPair(bench)
  return {
    name: 'dstore',
    part: 'dstore',
    url: (space) => `${url}/cache/${space}|bearer-token=${token}`,
    clear: () => undefined,
    pids: [local.pid, global.pid],
    requests,
  }
}

async function plainHttp(bench: Bench): Promise<Remote> {
  const { root, url, pid, requests } = await httpCache(bench)
  return {
    name: 'nginx with WebDAV',
    part: 'floor',
    url: (space) => `${url}/${space}`,
    clear: () => shell('rm -rf "$1"/*', [root]),
    pids: [pid],
    requests,
  }
}

function redis(bench: Bench): Promise<Remote> {
  return bench.shared('Redis for ccache', async () => {
    const dir = bench.path('ccache-redis')
    mkdirSync(dir)
    const port = `${await bench.freePort()}`
    const flags = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '']
    const { child } = await serve('redis-server', flags)
    bench.onClose(() => end(child))
    const ask = (words: string): Promise<string> => shell(`redis-cli -p "$1" ${words}`, [port])
    await shell('until redis-cli -p "$1" ping | grep -q PONG; do sleep 0.1; done', [port])
    return {
      name: 'Redis, in memory only',
      part: 'peer',
      url: () => `redis://127.0.0.1:${port}`,
      clear: () => ask('flushall'),
      pids: [child.pid!],
      requests: async () => {
        const counts = (await ask('info commandstats')).matchAll(/cmdstat_[gs]et:calls=(\d+)/g)
        return [...counts].reduce((sum, [, calls]) => sum + Number(calls), 0)
      },
    }
  })
}

/** dstore first, then the floor. */
async function remotes(bench: Bench): Promise<Remote[]> {
  const all = [await dstore(bench)]
  if (bench.has('nginx', 'a plain HTTP cache')) all.push(await plainHttp(bench))
  if (bench.has('redis-server', 'Redis')) all.push(await redis(bench))
  return all
}

/** Builds with ccache, from a folder of its own, and with this storage. */
function compile(project: Project, folder: string, storage = ''): Promise<void> {
  return project.build({
    CCACHE: 'ccache',
    CCACHE_DIR: folder,
    CCACHE_CONFIGPATH: '/dev/null',
    CCACHE_REMOTE_STORAGE: storage,
  })
}

const isHere = (bench: Bench): boolean =>
  ['cc', 'ccache'].every((program) => bench.has(program, 'all of it'))

const emptied = (folder: string): Promise<string> => shell('rm -rf "$1"', [folder])

const cold: Row = {
  id: 'ccache-cold',
  title: `${SOURCES} C files compiled with ccache, which has none of them, and writes them all`,
  measure: 'seconds',
  bar: { limit: 1.1 },
  open: async (bench) => {
    if (!isHere(bench)) return []
    const project = await cProject(bench)
    const folder = bench.path('ccache-cold')
    let turn = 0
    const { name, part, url, pids, requests } = await dstore(bench)
    return [
      {
        name,
        part,
        before: () => emptied(folder),
        run: () => compile(project, folder, url(`cold-${++turn}`)),
        daemons: () => pids,
        requests,
      },
      {
        name: 'its own folder only',
        part: 'floor',
        before: () => emptied(folder),
        run: () => compile(project, folder),
      },
    ]
  },
}

/** Each is filled by one build. */
const second: Row = {
  id: 'ccache-second',
  title: `${SOURCES} C files compiled with ccache and an empty folder, as on a second machine`,
  measure: 'seconds',
  bar: { limit: 1.5 },
  open: async (bench) => {
    if (!isHere(bench)) return []
    const project = await cProject(bench)
    const folder = bench.path('ccache-second')
    const own = bench.path('ccache-own')
    await project.build({ CCACHE: '' })
    const objects = await project.digest()
    const filled: Remote[] = []
    for (const remote of await remotes(bench)) {
      await remote.clear()
      await emptied(folder)
      await compile(project, folder, remote.url('second'))
      filled.push(remote)
    }
    await compile(project, own)
    const from = ({ name, part, url, pids, requests }: Remote): Contestant => ({
      name,
      part,
      before: () => emptied(folder),
      run: () => compile(project, folder, url('second')),
      daemons: () => pids,
      requests,
    })
    for (const one of filled.map(from)) {
      await one.before!()
      await one.run()
      if ((await project.digest()) !== objects) throw new Error(`${one.name} gave other objects`)
    }
    return [
      ...filled.map(from),
      {
        name: "ccache's own folder, which has all",
        part: 'peer',
        run: () => compile(project, own),
      },
    ]
  },
}

export const CCACHE_ROWS: readonly Row[] = [cold, second]
