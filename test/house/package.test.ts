import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { test } from '../serial.ts'
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
let unpackedBytes: number

/** The files that npm would publish now. npm gets a temporary cache. */
test.before(async () => {
  const cache = await mkdtemp(join(tmpdir(), 'dstore-pack-'))
  const options = ['--dry-run', '--json', '--ignore-scripts', '--offline', '--cache', cache]
  try {
    const { stdout } = await promisify(execFile)('npm', ['pack', ...options], { cwd: ROOT })
    const [report] = JSON.parse(stdout) as [{ files: { path: string }[]; unpackedSize: number }]
    paths = report.files.map(({ path }) => path)
    unpackedBytes = report.unpackedSize
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
})

test('the package holds the command line, the library with its types and the specs, and nothing else', (t) => {
  for (const path of [...Object.values(manifest.bin), 'LICENSE', 'CHANGELOG.md', 'package.json']) {
    t.true(paths.includes(path), `${path} is missing`)
  }
  for (const path of paths) {
    t.regex(
      path,
      /^(dist\/(((dstore|library)\.js|dstore\.cjs)|chunks\/([^/]+\.c?js|(LICENSES|overview)\.txt)|types\/.+\.d\.ts|ui\/.+\.(html|css|js|svg|png|txt)|man\/dstore[\w-]*\.[17])|specs\/([^/]+\.md|vectors\/.+)|[A-Z]+(\.md)?|package\.json)$/,
    )
  }
})

test('the built command is executable, so that links to it survive a build', (t) => {
  for (const path of Object.values(manifest.bin)) {
    t.is(statSync(join(ROOT, path)).mode & 0o111, 0o111, path)
  }
})

test('everything that the package exports is in it', (t) => {
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  t.true(targets.length > 0)
  for (const target of targets) t.true(paths.includes(target.slice(2)), `${target} is missing`)
})

/** How a file of the bundle refers to another: as a module, or by its URL. */
const NAMED = /(?:\bfrom ?|\bimport ?\(?|new URL\(|\brequire\()["'](\.[^"']+\.c?js)["']/g

test('every file that the bundle loads is in the package', (t) => {
  let count = 0
  for (const path of paths.filter((name) =>
    /^dist\/(dstore|library|chunks\/.+)\.c?js$/.test(name),
  )) {
    for (const [, target] of read(path).matchAll(NAMED)) {
      count++
      const address = posix.join(posix.dirname(path), target!)
      t.true(paths.includes(address), `${path} loads ${address}: see rolldown.config.js`)
    }
  }
  t.true(count > 20)
})

test("the version that a node tells is the package's", (t) => {
  t.is(VERSION, manifest.version)
})

test('the package states its oldest Node, and CI tests that one and newer ones', (t) => {
  t.is(manifest.engines.node, '>=20.19.0')
  t.regex(read('.github/workflows/ci.yml'), /node: \[20, 22, 24\]/)
})

/** The chunks that are loaded with this file, and the modules of others that they import. */
function loadedWith(entry: string): {
  readonly loaded: Set<string>
  readonly foreign: Set<string>
} {
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
  load(entry)
  return { loaded, foreign }
}

test('every start loads little: no package, and few modules of Node', (t) => {
  const { loaded, foreign } = loadedWith('dist/dstore.js')
  t.true(loaded.size <= 3, [...loaded].join(' '))
  // Each of these costs milliseconds, and so does every package.
  const slow =
    /^(?!node:)|^node:(http|fs\/promises|crypto|child_process|worker_threads|zlib|readline|v8)/
  t.deepEqual(
    [...foreign].filter((target) => slow.test(target)),
    [],
  )
})

test('R007-168: the library loads no part of a node, and nothing of the command line', (t) => {
  const { loaded, foreign } = loadedWith('dist/library.js')
  t.deepEqual(
    [...foreign].filter((target) => !target.startsWith('node:')),
    [],
  )
  const modules = [...loaded].flatMap((path) =>
    [...read(path).matchAll(/^\/\/ ((?:src|cli|node_modules)\/.+\.[jt]s)$/gm)].map(
      ([, name]) => name!,
    ),
  )
  t.true(modules.includes('src/library/connect.ts'))
  // A program computes keys by itself (`keyOf`), also where WebAssembly is missing.
  const known = /^src\/|^node_modules\/(multiformats|@noble\/hashes)\//
  const node =
    /^src\/(network|index\/(global|local|codec)|transfer|store\/disk\/(?!faults)|node\/(open|global|local|swarm|cache))\b/
  t.deepEqual(
    modules.filter((name) => !known.test(name) || node.test(name)),
    [],
  )
})

test('R007-108: only what loads a binary needs the place of its file', (t) => {
  // Where a bundler makes CommonJS of the bundle, `import.meta.url` is undefined.
  const needing = paths.filter(
    (path) => path.endsWith('.js') && /createRequire\(import/.test(read(path)),
  )
  const names = needing.map((path) => posix.basename(path).replace(/-[\w-]{8}\.js$/, ''))
  t.deepEqual(names.toSorted(), ['disk', 'native-package'])
})

// A fifth of it are specs and their vectors, which are to be read without the repository. Of the
// code, types and vectors, 0.5 MB are for directories, 42 KB of that from packages (cborg), and
// 0.35 MB for tags, rules, lists and tokens, 0.3 MB for doors and 0.1 MB for sets, none of it from
// packages. The page has 0.35 MB, 50 KB of it from a package (uplot).
test('R007-165: the package is small', (t) => {
  t.true(unpackedBytes < 5_700_000, String(unpackedBytes))
})
