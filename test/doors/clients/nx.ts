/** Nx with dstore as its self-hosted remote cache. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOW, npmPackage, npmProgram, QUIET } from './npm-packages.ts'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { withSite, type Machine, type Site } from './site.ts'

const PROJECTS = ['one', 'two']

/** Builds something else each time, so that equal outputs come from a cache. */
const BUILD = `node -e "require('fs').mkdirSync('dist',{recursive:true});require('fs').writeFileSync('dist/out',String(Math.random()).repeat(10000))"`

/** A checkout of a workspace. `salt` makes it another. */
function checkout(site: Site, name: string, salt: string): string {
  const folder = site.newFolder(name)
  const files: Record<string, object> = {
    'package.json': { name: 'workspace', private: true, workspaces: ['packages/*'] },
    'package-lock.json': { name: 'workspace', lockfileVersion: 3, requires: true, packages: {} },
    'nx.json': { targetDefaults: { build: { cache: true, outputs: ['{projectRoot}/dist'] } } },
  }
  for (const one of PROJECTS) {
    files[`packages/${one}/package.json`] = {
      name: one,
      version: '1.0.0',
      description: salt,
      scripts: { build: BUILD },
    }
  }
  for (const [file, document] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), JSON.stringify(document, undefined, 2))
  }
  // Nx runs the version that the workspace has.
  symlinkSync(join(npmPackage('nx'), '..'), join(folder, 'node_modules'))
  return folder
}

interface Built {
  readonly text: string
  readonly outputs: readonly string[]
}

/** Runs Nx with an empty cache of its own. Throws if it fails. */
function build(site: Site, folder: string, { url }: Machine, token: string): Built {
  const state = site.newFolder(`state-${Math.random()}`)
  const { status, stdout, stderr } = spawnSync(
    npmProgram('nx')!,
    ['run-many', '-t', 'build', '--outputStyle=static'],
    {
      cwd: folder,
      env: {
        ...process.env,
        ...QUIET,
        NX_SELF_HOSTED_REMOTE_CACHE_SERVER: `${url}/nx`,
        NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: token,
        NX_WORKSPACE_DATA_DIRECTORY: join(state, 'data'),
        NX_CACHE_DIRECTORY: join(state, 'cache'),
      },
      encoding: 'utf8',
    },
  )
  const text = stdout + stderr
  if (status !== 0) throw new Error(`nx: ${status}\n${text}`)
  const outputs = PROJECTS.map((one) =>
    readFileSync(join(folder, 'packages', one, 'dist/out'), 'utf8'),
  )
  return { text, outputs }
}

/** Tests Nx. */
export async function testNx(report: Report): Promise<void> {
  if (npmProgram('nx') === undefined) return report.skipped('nx', HOW)
  const all = PROJECTS.length
  await withSite('cache', async (site) => {
    const { a, b, global } = site
    let cold: Built
    await report.test('nx: the second machine has hits only, and the same outputs', async () => {
      const before = [await requestsTo(a, '/nx'), await requestsTo(b, '/nx')] as const
      cold = build(site, checkout(site, 'cold', '1'), a, a.writer)
      deepEqual(since(before[0], await requestsTo(a, '/nx')), { 'GET 404': all, 'PUT 200': all })
      const warm = build(site, checkout(site, 'warm', '1'), b, b.writer)
      deepEqual(since(before[1], await requestsTo(b, '/nx')), { 'GET 200': all })
      match(warm.text, /remote cache/)
      deepEqual(warm.outputs, cold.outputs)
    })

    await report.test('nx: a reader has hits, writes nothing, and builds', async () => {
      const warm = build(site, checkout(site, 'reader', '1'), b, b.reader)
      deepEqual(warm.outputs, cold.outputs)
      const names = site.dstore(global, 'ls', 'cache/')
      build(site, checkout(site, 'reader-cold', '2'), b, b.reader)
      equal(site.dstore(global, 'ls', 'cache/'), names)
    })

    await report.test(
      'nx: with Global away, what is held is a hit, and the rest is built',
      async () => {
        site.stopGlobal()
        try {
          const before = await requestsTo(b, '/nx')
          const held = build(site, checkout(site, 'held', '1'), b, b.writer)
          deepEqual(held.outputs, cold.outputs)
          deepEqual(since(before, await requestsTo(b, '/nx')), { 'GET 200': all })
          build(site, checkout(site, 'away', '3'), b, b.writer)
        } finally {
          site.startGlobal()
        }
      },
    )
  })
}
