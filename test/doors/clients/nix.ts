/** Nix with a binary cache over HTTP. */
import { deepEqual, ok, throws } from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './report.ts'
import { requestsTo, since } from './requests.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const DERIVATIONS = 3

interface Built {
  readonly built: number
  readonly copied: number
  readonly outputs: readonly Buffer[]
  readonly paths: readonly string[]
}

/** Tests Nix. */
export async function testNix(report: Report): Promise<void> {
  if (!has('nix-build')) return report.skipped('Nix', 'apt-get install nix-bin')
  await withSite('cache', async (site) => {
    let cold: Built | undefined

    await report.test('Nix: what one machine built and copied, the other substitutes', async () => {
      cold = build(site, DERIVATIONS, site.a, site.a.writer)
      deepEqual([cold.built, cold.copied], [DERIVATIONS, 0])
      copyTo(site, site.a, cold)
      ok((await requestsTo(site.a, '/cache')).get('PUT 201')! > 2 * DERIVATIONS)
      const warm = build(site, DERIVATIONS, site.b, site.b.writer)
      deepEqual([warm.built, warm.copied], [0, DERIVATIONS])
      deepEqual(warm.outputs, cold.outputs)
    })

    await report.test('Nix: a reader has hits and writes nothing', async () => {
      const before = await requestsTo(site.b, '/cache')
      const built = build(site, DERIVATIONS + 1, site.b, site.b.reader)
      deepEqual([built.built, built.copied], [1, DERIVATIONS])
      throws(() => copyTo(site, site.b, built), /403/)
      const requests = since(before, await requestsTo(site.b, '/cache'))
      ok(!('PUT 201' in requests || 'PUT 204' in requests))
    })

    await report.test('Nix: with Global away, what is held hits and the rest misses', () => {
      site.stopGlobal()
      const built = build(site, DERIVATIONS + 2, site.b, site.b.writer)
      deepEqual([built.built, built.copied], [2, DERIVATIONS])
      deepEqual(built.outputs.slice(0, DERIVATIONS), cold?.outputs)
      throws(() => copyTo(site, site.b, built), /503/)
      site.startGlobal()
      return Promise.resolve()
    })
  })
}

/**
 * Builds with an empty store. Its folder is the same for all machines: the paths in it are part of
 * what Nix hashes.
 */
function build(site: Site, derivations: number, machine: Machine, token: string): Built {
  const folder = join(site.folder, 'nix')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'conf'), { recursive: true })
  const host = new URL(machine.url).hostname
  writeFileSync(join(folder, 'netrc'), `machine ${host} login ci password ${token}\n`)
  const settings = [
    `substituters = ${machine.url}/cache/nix`,
    `netrc-file = ${join(folder, 'netrc')}`,
    'require-sigs = false',
    'sandbox = false',
    'build-users-group =',
    'experimental-features = nix-command',
  ]
  writeFileSync(join(folder, 'conf/nix.conf'), `${settings.join('\n')}\n`)
  // The last output is so large that its upload waits for `100 Continue`.
  const expression = `map (n: derivation { name = "out-\${toString n}";
    system = builtins.currentSystem; builder = "/bin/sh";
    args = [ "-c" "/usr/bin/seq \${toString (n * 300000)} > $out" ]; })
    (builtins.genList (n: n) ${derivations})`
  const said = nix(site, 'nix-build', '--no-out-link', '-E', expression)
  const count = (what: RegExp): number => said.split('\n').filter((line) => what.test(line)).length
  const paths = said.split('\n').filter((line) => line.startsWith(join(folder, 'store')))
  return {
    built: count(/^building '/),
    copied: count(/^copying path '/),
    outputs: paths.map((path) => readFileSync(path)),
    paths,
  }
}

function copyTo(site: Site, { url }: Machine, { paths }: Built): void {
  nix(site, 'nix', 'copy', '--to', `${url}/cache/nix?compression=none`, ...paths)
}

/** Runs Nix; all that it printed. */
function nix(site: Site, ...words: readonly string[]): string {
  const folder = join(site.folder, 'nix')
  const env = {
    NIX_STORE_DIR: join(folder, 'store'),
    NIX_STATE_DIR: join(folder, 'state'),
    NIX_LOG_DIR: join(folder, 'log'),
    NIX_CONF_DIR: join(folder, 'conf'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    HOME: folder,
  }
  return run('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...words], { env })
}
