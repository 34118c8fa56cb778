/** Turborepo with dstore as its remote cache. */
import { deepEqual, doesNotMatch, equal, match, notDeepEqual } from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { HOW, npmProgram, QUIET } from './npm-packages.ts'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { withSite, type Machine, type Site } from './site.ts'

const PACKAGES = ['one', 'two', 'three']

/** Builds something else each time, so that equal outputs come from a cache. */
const BUILD = `node -e "require('fs').mkdirSync('dist',{recursive:true});require('fs').writeFileSync('dist/out',String(Math.random()).repeat(10000))"`

function write(folder: string, files: Readonly<Record<string, object>>): void {
  for (const [file, document] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), JSON.stringify(document, undefined, 2))
  }
}

/** A checkout of a repository of some packages. `salt` makes it another repository. */
function checkout(site: Site, name: string, salt: string, isSigned = false): string {
  const folder = site.newFolder(name)
  write(folder, {
    'package.json': {
      name: 'repository',
      private: true,
      packageManager: 'npm@10.8.2',
      workspaces: ['packages/*'],
    },
    'package-lock.json': { name: 'repository', lockfileVersion: 3, requires: true, packages: {} },
    'turbo.json': {
      tasks: { build: { outputs: ['dist/**'] } },
      ...(isSigned && { remoteCache: { signature: true } }),
    },
    ...Object.fromEntries(
      PACKAGES.map((one) => [
        `packages/${one}/package.json`,
        { name: one, version: '1.0.0', description: salt, scripts: { build: BUILD } },
      ]),
    ),
  })
  return folder
}

interface Built {
  readonly text: string
  readonly cached: number
  readonly outputs: readonly string[]
}

/** Runs turbo with no cache but that of the machine. Throws if it fails. */
function build(
  folder: string,
  { url }: Machine,
  token: string,
  env: Readonly<Record<string, string>> = {},
): Built {
  const { status, stdout, stderr } = spawnSync(
    npmProgram('turbo')!,
    ['run', 'build', '--cache=local:,remote:rw', '--no-daemon', '--output-logs=errors-only'],
    {
      cwd: folder,
      env: {
        ...process.env,
        ...QUIET,
        TURBO_API: `${url}/turbo`,
        TURBO_TOKEN: token,
        TURBO_TEAM: 'team',
        ...env,
      },
      encoding: 'utf8',
    },
  )
  const text = stdout + stderr
  if (status !== 0) throw new Error(`turbo: ${status}\n${text}`)
  const [, cached] = /Cached: +(\d+) cached/.exec(text) ?? []
  const outputs = PACKAGES.map((one) =>
    readFileSync(join(folder, 'packages', one, 'dist/out'), 'utf8'),
  )
  return { text, cached: Number(cached), outputs }
}

/** Tests Turborepo. */
export async function testTurbo(report: Report): Promise<void> {
  if (npmProgram('turbo') === undefined) return report.skipped('turbo', HOW)
  const all = PACKAGES.length
  await withSite('cache', async (site) => {
    const { a, b, global } = site
    let cold: Built
    await report.test('turbo: the second machine has hits only, and the same outputs', async () => {
      const before = [await requestsTo(a, '/turbo'), await requestsTo(b, '/turbo')] as const
      cold = build(checkout(site, 'cold', '1'), a, a.writer)
      equal(cold.cached, 0)
      equal(since(before[0], await requestsTo(a, '/turbo'))['PUT 202'], all)
      const warm = build(checkout(site, 'warm', '1'), b, b.writer)
      equal(warm.cached, all)
      match(warm.text, /FULL TURBO/)
      deepEqual(warm.outputs, cold.outputs)
      const requests = since(before[1], await requestsTo(b, '/turbo'))
      equal(requests['GET 404'], undefined)
      equal(requests['PUT 202'], undefined)
    })

    await report.test(
      'turbo: signed artifacts are verified, and another key refuses them',
      async () => {
        const key = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: 'a key of 32 bytes for the tests.' }
        const signed = build(checkout(site, 'signed', '2', true), a, a.writer, key)
        equal(signed.cached, 0)
        const warm = build(checkout(site, 'signed-warm', '2', true), b, b.writer, key)
        equal(warm.cached, all)
        deepEqual(warm.outputs, signed.outputs)
        const other = { TURBO_REMOTE_CACHE_SIGNATURE_KEY: 'another key of 32 bytes, as well.' }
        const refused = build(checkout(site, 'signed-other', '2', true), b, b.reader, other)
        equal(refused.cached, 0)
        // What was built with the other key has replaced nothing.
        const again = build(checkout(site, 'signed-again', '2', true), b, b.writer, key)
        equal(again.cached, all)
      },
    )

    await report.test('turbo: a reader has hits, and writes nothing', async () => {
      const warm = build(checkout(site, 'reader', '1'), b, b.reader)
      equal(warm.cached, all)
      const names = site.dstore(global, 'ls', 'cache/')
      const fresh = build(checkout(site, 'reader-cold', '3'), b, b.reader)
      equal(fresh.cached, 0)
      equal(site.dstore(global, 'ls', 'cache/'), names)
      doesNotMatch(fresh.text, /panicked/)
    })

    await report.test('turbo: teams do not see each other', async () => {
      const other = build(checkout(site, 'other', '1'), b, b.writer, { TURBO_TEAM: 'other' })
      equal(other.cached, 0)
      notDeepEqual(other.outputs, cold.outputs)
    })

    await report.test(
      'turbo: with Global away, what is held is a hit, the rest is built',
      async () => {
        site.stopGlobal()
        try {
          const held = build(checkout(site, 'held', '1'), b, b.writer)
          equal(held.cached, all)
          deepEqual(held.outputs, cold.outputs)
          const fresh = build(checkout(site, 'away', '4'), b, b.writer)
          equal(fresh.cached, 0)
        } finally {
          site.startGlobal()
        }
      },
    )
  })
}
