/** Bazel with `--remote_cache=http://`. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const ACTIONS = 4

/** What one build did, and what it made. */
interface Built {
  readonly hits: number
  /** Actions that ran here. */
  readonly ran: number
  readonly outputs: readonly string[]
}

/** Tests Bazel. */
export async function testBazel(report: Report): Promise<void> {
  if (!has('bazel', '--version')) return report.skipped('Bazel', 'apt-get install bazel-bootstrap')
  await withSite('cache', async (site) => {
    let cold: Built | undefined

    await report.test('Bazel: what one machine built, the other has from dstore', async () => {
      cold = build(site, 'cold', ACTIONS, site.a, site.a.writer)
      deepEqual([cold.hits, cold.ran], [0, ACTIONS])
      ok((await requestsTo(site.a, '/cache')).get('PUT 201')! >= 2 * ACTIONS)
      const before = await requestsTo(site.b, '/cache')
      const warm = build(site, 'warm', ACTIONS, site.b, site.b.writer)
      deepEqual(warm, { hits: ACTIONS, ran: 0, outputs: cold.outputs })
      deepEqual(Object.keys(since(before, await requestsTo(site.b, '/cache'))), ['GET 200'])
    })

    await report.test('Bazel: a reader has hits and writes nothing', async () => {
      const before = await requestsTo(site.b, '/cache')
      const built = build(site, 'reading', ACTIONS + 1, site.b, site.b.reader)
      deepEqual([built.hits, built.ran], [ACTIONS, 1])
      const requests = since(before, await requestsTo(site.b, '/cache'))
      ok(requests['PUT 403']! > 0)
      ok(!('PUT 201' in requests || 'PUT 204' in requests))
      equal(build(site, 'again', ACTIONS + 1, site.a, site.a.writer).ran, 1)
    })

    await report.test(
      'Bazel: with Global away, what is held hits and the rest misses',
      async () => {
        site.stopGlobal()
        const before = await requestsTo(site.b, '/cache')
        const built = build(site, 'alone', ACTIONS + 2, site.b, site.b.writer)
        // The fifth was built by a machine that this one has heard nothing of.
        deepEqual([built.hits, built.ran], [ACTIONS, 2])
        deepEqual(built.outputs.slice(0, ACTIONS), cold?.outputs)
        const requests = since(before, await requestsTo(site.b, '/cache'))
        deepEqual(Object.keys(requests).toSorted(), ['GET 200', 'GET 404', 'PUT 503'])
        site.startGlobal()
      },
    )
  })
}

/** Builds a project of this number of actions, in a new folder and with an empty one of outputs. */
function build(site: Site, name: string, actions: number, machine: Machine, token: string): Built {
  const project = site.newFolder(`${name}/project`)
  const rule = `[genrule(name = "g%d" % i, srcs = ["input.txt"], outs = ["o%d.txt" % i],
    cmd = "(echo %d; cat $(SRCS)) > $@" % i) for i in range(${actions})]\n`
  const files = { WORKSPACE: '', 'input.txt': 'input\n', BUILD: rule }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
  const words = [
    ['bazel', `--output_user_root=${site.newFolder(`${name}/root`)}`, '--batch'],
    ['build', '//...', `--remote_cache=${machine.url}/cache/bazel`],
    [`--remote_header=Authorization=Bearer ${token}`],
  ].flat()
  // It reports on standard error.
  const said = run('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...words], { cwd: project })
  const count = (what: string): number =>
    Number(new RegExp(`processes:.*?(\\d+) ${what}`).exec(said)?.[1] ?? 0)
  const outputs = Array.from({ length: actions }, (_, i) =>
    readFileSync(join(project, 'bazel-bin', `o${i}.txt`), 'utf8'),
  )
  return {
    hits: count('remote cache hit'),
    ran: count('(?:linux-sandbox|processwrapper-sandbox|local)'),
    outputs,
  }
}
