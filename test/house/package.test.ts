import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { VERSION } from '../../src/node/version.ts'
import { ROOT, read } from './tree.ts'

interface Manifest {
  readonly version: string
  readonly bin: Record<string, string>
  readonly exports: Record<string, string | Record<string, string>>
  readonly engines: { readonly node: string }
}

const manifest = JSON.parse(read('package.json')) as Manifest

let paths: string[]

/** What npm would publish of what is built now; npm gets a cache of its own, so that nothing is left behind. */
test.before(async () => {
  const cache = await mkdtemp(join(tmpdir(), 'dstore-pack-'))
  const options = ['--dry-run', '--json', '--ignore-scripts', '--offline', '--cache', cache]
  try {
    const { stdout } = await promisify(execFile)('npm', ['pack', ...options], { cwd: ROOT })
    const [report] = JSON.parse(stdout) as [{ files: { path: string }[] }]
    paths = report.files.map(({ path }) => path)
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
})

test('the package holds the command line, the library with its types, the specs, and nothing else', (t) => {
  for (const path of [...Object.values(manifest.bin), 'LICENSE', 'CHANGELOG.md', 'package.json']) {
    t.true(paths.includes(path), `${path} is missing`)
  }
  for (const path of paths) {
    t.regex(
      path,
      /^(dist\/(dstore\.js|chunks\/(.+\.js|LICENSES\.txt)|src\/.+\.(js|d\.ts))|specs\/(.+\.md|vectors\/.+)|[A-Z]+(\.md)?|package\.json)$/,
    )
  }
})

test('the command can be run as it is built: links to it outlive a build', (t) => {
  for (const path of Object.values(manifest.bin)) {
    t.is(statSync(join(ROOT, path)).mode & 0o111, 0o111, path)
  }
})

test('whatever the package exports is in it', (t) => {
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  t.true(targets.length > 0)
  for (const target of targets) t.true(paths.includes(target.slice(2)), `${target} is missing`)
})

/** How a file of the bundle names another: as a module, or by its address. */
const NAMED = /(?:\bfrom ?|\bimport ?\(?|new URL\()["'](\.[^"']+\.js)["']/g

test('what the bundle loads is in the package', (t) => {
  let count = 0
  for (const path of paths.filter((name) => /^dist\/(dstore|chunks\/.+)\.js$/.test(name))) {
    for (const [, target] of read(path).matchAll(NAMED)) {
      count++
      const address = posix.join(posix.dirname(path), target!)
      t.true(paths.includes(address), `${path} loads ${address}: see rolldown.config.js`)
    }
  }
  t.true(count > 20)
})

test('the licences of the libraries in the bundle are beside it', (t) => {
  const licenses = read('dist/chunks/LICENSES.txt')
  for (const name of ['libp2p', '@chainsafe/libp2p-noise', '@noble/hashes', 'multiformats']) {
    t.regex(licenses, new RegExp(`^${name} \\d+\\.\\S+ \\(.*(MIT|Apache).*\\)$`, 'm'))
  }
})

test("the version that a node tells is the package's", (t) => {
  t.is(VERSION, manifest.version)
})

test('the package says on which Node it runs, and CI tries the oldest and those after it', (t) => {
  t.is(manifest.engines.node, '>=20.19.0')
  t.regex(read('.github/workflows/ci.yml'), /node: \[20, 22, 24\]/)
})

test('every start loads little: no package, and of Node only what it must', (t) => {
  const loaded = new Set<string>()
  const foreign = new Set<string>()
  const load = (path: string): void => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const [, target] of read(path).matchAll(/^import (?:.* from )?"([^"]+)";$/gm)) {
      if (target!.startsWith('.')) load(posix.join(posix.dirname(path), target!))
      else foreign.add(target!)
    }
  }
  load('dist/dstore.js')
  t.true(loaded.size <= 3, [...loaded].join(' '))
  // Each of these costs milliseconds, and so does every package.
  const slow = /^(?!node:)|^node:(crypto|child_process|worker_threads|zlib|readline|v8)/
  t.deepEqual(
    [...foreign].filter((target) => slow.test(target)),
    [],
  )
})
