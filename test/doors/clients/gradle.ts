/** Gradle with its HTTP build cache. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const TASKS = 3

interface Built {
  readonly hits: number
  readonly outputs: readonly string[]
}

/** Tests Gradle. */
export async function testGradle(report: Report): Promise<void> {
  if (!has('gradle')) return report.skipped('Gradle', 'apt-get install gradle')
  await withSite('cache', async (site) => {
    let cold: Built | undefined

    await report.test('Gradle: what one machine built, the other has from dstore', async () => {
      cold = build(site, 'cold', TASKS, { machine: site.a, token: site.a.writer })
      equal(cold.hits, 0)
      equal((await requestsTo(site.a, '/cache')).get('PUT 201'), TASKS)
      const before = await requestsTo(site.b, '/cache')
      const warm = build(site, 'warm', TASKS, { machine: site.b, token: site.b.writer })
      deepEqual(warm, { hits: TASKS, outputs: cold.outputs })
      deepEqual(since(before, await requestsTo(site.b, '/cache')), { 'GET 200': TASKS })
    })

    await report.test('Gradle: a reader has hits and writes nothing', async () => {
      const reader = { machine: site.b, token: site.b.reader }
      for (const push of [false, true]) {
        const before = await requestsTo(site.b, '/cache')
        const name = push ? 'pushing' : 'reading'
        const built = build(site, name, TASKS + 1, { ...reader, push })
        deepEqual([built.hits, built.outputs.length], [TASKS, TASKS + 1])
        const refused = push ? { 'PUT 403': 1 } : {}
        const requests = since(before, await requestsTo(site.b, '/cache'))
        deepEqual(requests, { 'GET 200': TASKS, 'GET 404': 1, ...refused })
      }
    })

    await report.test('Gradle: with Global away, what is held hits, the rest misses', async () => {
      site.stopGlobal()
      const before = await requestsTo(site.b, '/cache')
      const built = build(site, 'alone', TASKS + 2, { machine: site.b, token: site.b.writer })
      equal(built.hits, TASKS)
      deepEqual(built.outputs.slice(0, TASKS), cold?.outputs)
      const requests = since(before, await requestsTo(site.b, '/cache'))
      ok(requests['PUT 503']! > 0)
      site.startGlobal()
    })
  })
}

/** How Gradle reaches a machine. */
interface Access {
  readonly machine: Machine
  readonly token: string
  readonly push?: boolean
}

/**
 * Builds a project of this number of tasks, with an empty home. Its folder is the same for all
 * machines: Gradle names the class of a script after its path, and hashes that.
 */
function build(site: Site, name: string, tasks: number, access: Access): Built {
  const { machine, token, push = true } = access
  const project = site.newFolder('project')
  for (const made of ['.gradle', 'out'])
    rmSync(join(project, made), { recursive: true, force: true })
  const files = {
    'input.txt': 'input\n',
    'settings.gradle': `buildCache {
      local { enabled = false }
      remote(HttpBuildCache) {
        url = '${machine.url}/cache/gradle/'
        push = ${push}
        credentials { username = 'ci'; password = System.getenv('DSTORE_TOKEN') }
      }
    }`,
    'build.gradle': `(0..<Integer.parseInt(count)).each { n ->
      def made = file("out/\${n}.txt")
      task("make\${n}") {
        inputs.file 'input.txt'
        inputs.property 'n', n
        outputs.file made
        outputs.cacheIf { true }
        doLast { made.text = "\${n} " + file('input.txt').text }
      }

    }
    defaultTasks = (0..<Integer.parseInt(count)).collect { "make\${it}".toString() }`,
  }
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text)
  const said = run(
    'gradle',
    ['--build-cache', '--no-daemon', '--console=plain', '--max-workers=1', `-Pcount=${tasks}`],
    {
      cwd: project,
      env: { GRADLE_USER_HOME: site.newFolder(`home-${name}`), DSTORE_TOKEN: token },
    },
  )
  const outputs = Array.from({ length: tasks }, (_, n) =>
    readFileSync(join(project, `out/${n}.txt`), 'utf8'),
  )
  return { hits: said.split('\n').filter((line) => line.endsWith(' FROM-CACHE')).length, outputs }
}
