/** ccache with `remote_storage=http://`. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addSource, copyOf, newProject, setHeader } from './c-project.ts'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const FILES = 5

/** What ccache counted in one build, and the objects. */
interface Built {
  readonly stats: Readonly<Record<string, number>>
  readonly objects: readonly Buffer[]
}

/** Tests ccache. */
export async function testCcache(report: Report): Promise<void> {
  if (!has('ccache') || !has('cc')) {
    return report.skipped('ccache', 'apt-get install ccache gcc')
  }
  await withSite('cache', async (site) => {
    const project = newProject(site, FILES)
    const all = Array.from({ length: FILES }, (_, i) => i)
    let cold: Built | undefined

    await report.test('ccache: what one machine compiled, the other has from dstore', async () => {
      cold = build(site, 'cold', project, all, remote(site.a, site.a.writer))
      equal(cold.stats['cache_miss'], FILES)
      equal(cold.stats['remote_storage_error'], 0)
      const before = await requestsTo(site.b, '/cache')
      const warm = build(site, 'warm', project, all, remote(site.b, site.b.writer))
      deepEqual([warm.stats['direct_cache_hit'], warm.stats['cache_miss']], [FILES, 0])
      deepEqual(warm.objects, cold.objects)
      // A manifest and a result for each.
      deepEqual(since(before, await requestsTo(site.b, '/cache')), { 'GET 200': 2 * FILES })
    })

    await report.test(
      'ccache: a manifest is replaced, and both versions hit directly',
      async () => {
        const changed = copyOf(site, project, 'changed')
        setHeader(changed, '2')
        const before = await requestsTo(site.a, '/cache')
        const second = build(site, 'second', changed, all, remote(site.a, site.a.writer))
        equal(second.stats['cache_miss'], FILES)
        const requests = since(before, await requestsTo(site.a, '/cache'))
        deepEqual([requests['PUT 201'], requests['PUT 204']], [FILES, FILES])
        const warm = build(site, 'changed-warm', changed, all, remote(site.b, site.b.writer))
        equal(warm.stats['direct_cache_hit'], FILES)
        deepEqual(warm.objects, second.objects)
        const older = build(site, 'older-warm', project, all, remote(site.b, site.b.writer))
        equal(older.stats['direct_cache_hit'], FILES)
        deepEqual(older.objects, cold?.objects)
      },
    )

    await report.test('ccache: a reader has hits and writes nothing', async () => {
      const mine = copyOf(site, project, 'reader')
      addSource(mine, FILES)
      const before = await requestsTo(site.b, '/cache')
      const built = build(site, 'reading', mine, [...all, FILES], remote(site.b, site.b.reader))
      deepEqual([built.stats['direct_cache_hit'], built.stats['cache_miss']], [FILES, 1])
      const requests = since(before, await requestsTo(site.b, '/cache'))
      ok(requests['PUT 403']! > 0)
      ok(!('PUT 201' in requests || 'PUT 204' in requests))
      const again = build(site, 'again', mine, [...all, FILES], remote(site.a, site.a.writer))
      equal(again.stats['cache_miss'], 1)
    })

    await report.test('ccache: the layouts flat and bazel', () => {
      for (const layout of ['flat', 'bazel']) {
        const at = (machine: Machine): string =>
          `${remote(machine, machine.writer, layout)}|layout=${layout}`
        equal(build(site, `${layout}-cold`, project, all, at(site.a)).stats['cache_miss'], FILES)
        const warm = build(site, `${layout}-warm`, project, all, at(site.b))
        equal(warm.stats['direct_cache_hit'], FILES)
      }
      return Promise.resolve()
    })

    await report.test(
      'ccache: with Global away, what is held hits and the rest misses',
      async () => {
        const mine = copyOf(site, project, 'away')
        addSource(mine, FILES + 1)
        site.stopGlobal()
        const before = await requestsTo(site.b, '/cache')
        const sources = [...all, FILES + 1]
        const built = build(site, 'alone', mine, sources, remote(site.b, site.b.writer))
        deepEqual([built.stats['direct_cache_hit'], built.stats['cache_miss']], [FILES, 1])
        deepEqual(built.objects.slice(0, FILES), cold?.objects)
        const requests = since(before, await requestsTo(site.b, '/cache'))
        ok(requests['GET 404']! > 0 && requests['PUT 503']! > 0)
        deepEqual(Object.keys(requests).toSorted(), ['GET 200', 'GET 404', 'PUT 503'])
        site.startGlobal()
      },
    )
  })
}

const remote = (machine: Machine, token: string, space = 'ccache'): string =>
  `${machine.url}/cache/${space}|bearer-token=${token}`

/** Compiles with an empty local cache. */
function build(
  site: Site,
  name: string,
  project: string,
  sources: readonly number[],
  remoteStorage: string,
): Built {
  const env = { CCACHE_DIR: site.newFolder(`ccache-${name}`), CCACHE_REMOTE_STORAGE: remoteStorage }
  const objects = sources.map((i) => {
    run('ccache', ['cc', '-c', `f${i}.c`, '-o', `f${i}.o`], { cwd: project, env })
    return readFileSync(join(project, `f${i}.o`))
  })
  const stats = run('ccache', ['--print-stats'], { env })
  const counts = stats.split('\n').map((line) => line.split('\t'))
  return {
    stats: Object.fromEntries(counts.map(([id = '', n]): [string, number] => [id, Number(n)])),
    objects,
  }
}
