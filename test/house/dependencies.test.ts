import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { ENGINE_PACKAGES } from '../../src/journal/engine/packages.ts'
import { SDK_PACKAGE, SDK_VERSION } from '../../src/bucket/sdk.ts'
import { ROOT, filesIn, read } from './tree.ts'

interface Manifest {
  readonly allowScripts: Record<string, boolean>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly optionalDependencies: Record<string, string>
  readonly peerDependencies: Record<string, string>
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>
  readonly scripts: Record<string, string>
}

interface Lock {
  readonly packages: Record<
    string,
    {
      readonly version?: string
      readonly integrity?: string
      readonly resolved?: string
      readonly link?: boolean
      readonly hasInstallScript?: boolean
      readonly dependencies?: Record<string, string>
      readonly optionalDependencies?: Record<string, string>
      readonly engines?: { readonly node?: string }
    }
  >
}

const manifest = JSON.parse(read('package.json')) as Manifest
const lock = JSON.parse(read('package-lock.json')) as Lock
const guide = read('CONTRIBUTING.md')

/** Scripts that npm runs at installation. A binding.gyp without a script means the compiler. */
const INSTALLING = ['preinstall', 'install', 'postinstall']

/** Packages in the lock, without this one. */
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')

/** Names that the guide explains in one of its lists: "- `name`: why". */
function explained(heading: string): string[] {
  const start = guide.indexOf(`### ${heading}\n`)
  const section = guide.slice(start, guide.indexOf('\n### ', start + 1))
  return [...section.matchAll(/^- `([^`]+)`:/gm)].map(([, name]) => name!).toSorted()
}

/** Direct dependencies of which modules are in the bundle. */
function bundled(): string[] {
  const named = read('dist/chunks/LICENSES.txt').matchAll(/^(\S+) \d\S+ \(.+\)$/gm)
  const names = new Set([...named].map(([, name]) => name!))
  return Object.keys(manifest.devDependencies).filter((name) => names.has(name))
}

test('every dependency is explained in CONTRIBUTING.md, and nothing else is', (t) => {
  const { dependencies, optionalDependencies, devDependencies } = manifest
  const installed = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]
  t.deepEqual(explained('Installed'), installed.toSorted())
  t.deepEqual(explained('Bundled'), bundled().toSorted())
  const rest = Object.keys(devDependencies).filter((name) => !bundled().includes(name))
  t.deepEqual(explained('For development'), rest.toSorted())
  const ofTests = ['test/browser', 'test/consumers'].flatMap((folder) =>
    Object.keys((JSON.parse(read(`${folder}/package.json`)) as Manifest).dependencies),
  )
  t.deepEqual(explained('For tests with tools of their own'), ofTests.toSorted())
})

/** Names of what npm installs with the package on every system together. */
function installedNames(): string[] {
  const found = new Set<string>()
  const visit = (name: string): void => {
    if (found.has(name)) return
    found.add(name)
    const { dependencies = {}, optionalDependencies = {} } = lock.packages[`node_modules/${name}`]!
    for (const below of Object.keys({ ...dependencies, ...optionalDependencies })) visit(below)
  }
  const { dependencies, optionalDependencies } = manifest
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) visit(name)
  return [...found].toSorted()
}

test('R007-165: what is installed is binaries, and what loads them', (t) => {
  t.deepEqual(installedNames(), [
    '@lmdb/lmdb-darwin-arm64',
    '@lmdb/lmdb-darwin-x64',
    '@lmdb/lmdb-linux-arm64',
    '@lmdb/lmdb-linux-x64',
    'bare-addon-resolve',
    'bare-module-resolve',
    'bare-semver',
    'fs-native-extensions',
    'require-addon',
    'which-runtime',
  ])
  for (const name of installedNames()) {
    t.not(lock.packages[`node_modules/${name}`]!.hasInstallScript, true, name)
  }
})

test('R007-165: npm runs no script at the installation of the package', (t) => {
  // `prepare` is run, or warned of, for a package from a tarball, a folder or a repository.
  for (const name of [...INSTALLING, 'prepare', 'prepublish', 'preprepare', 'postprepare']) {
    t.false(Object.hasOwn(manifest.scripts, name), name)
  }
})

test('R007-166: the binaries of lmdb are those of the bundled lmdb', (t) => {
  const { version, optionalDependencies } = lock.packages['node_modules/lmdb']!
  t.is(manifest.devDependencies['lmdb'], version!)
  for (const [name, range] of Object.entries(manifest.optionalDependencies)) {
    t.is(range, version!, name)
    t.is(optionalDependencies![name]!, version!, name)
  }
})

test('R011-2, R009-96: clients that are hinted at are the tested ones; npm installs none', (t) => {
  const { devDependencies, peerDependencies, peerDependenciesMeta } = manifest
  const hinted = { [SDK_PACKAGE]: SDK_VERSION, ...ENGINE_PACKAGES }
  t.deepEqual(Object.keys(peerDependencies), Object.keys(hinted))
  t.deepEqual(Object.keys(peerDependenciesMeta), Object.keys(hinted))
  for (const [name, version] of Object.entries(hinted)) {
    t.is(devDependencies[name], version)
    t.is(peerDependencies[name], `^${version}`)
    t.deepEqual(peerDependenciesMeta[name], { optional: true })
    t.is(lock.packages[`node_modules/${name}`]!.version, version)
  }
})

/** Whether 20.19, the oldest Node that we support, is in a range such as `^20.9 || >=22`. */
const takesOldest = (range: string): boolean =>
  range.split('||').some((part) => {
    const [, operator, major, minor] = /^\s*(>=|\^)?\s*v?(\d+|\*)(?:\.(\d+))?/.exec(part) ?? []
    if (major === '*') return true
    if (Number(major) === 20) {
      return operator === undefined ? minor === undefined : Number(minor ?? 0) <= 19
    }
    return operator === '>=' && Number(major) < 20
  })

test('npm warns of no package that needs a newer Node', (t) => {
  t.deepEqual(
    ['>=18', '>= 20.19.0', '^18 || ^20.9.0', '*', '18 || 20 || >=22'].filter(
      (range) => !takesOldest(range),
    ),
    [],
  )
  t.deepEqual(['>=22', '^18', '20.5.0', '>=20.20', '^22 || >=24'].filter(takesOldest), [])
  for (const [path, { engines }] of locked) {
    if (engines?.node !== undefined) t.true(takesOldest(engines.node), `${path}: ${engines.node}`)
  }
})

test('every install script in the tree is denied, and explained in CONTRIBUTING.md', (t) => {
  const scripted = locked.filter(([, entry]) => entry.hasInstallScript === true)
  const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13))
  t.deepEqual(names.toSorted(), explained('Install scripts'))
  t.deepEqual(manifest.allowScripts, Object.fromEntries(names.map((name) => [name, false])))
})

test('installed packages have only the scripts that the lock lists, and none downloads', (t) => {
  const found: Record<string, string> = {}
  const installed = locked.filter(([path]) => existsSync(join(ROOT, path, 'package.json')))
  t.true(installed.length > 100)
  for (const [path, { hasInstallScript }] of installed) {
    const { scripts = {} } = JSON.parse(read(`${path}/package.json`)) as Partial<Manifest>
    const running = INSTALLING.flatMap((name) => scripts[name] ?? [])
    const compiles = existsSync(join(ROOT, path, 'binding.gyp'))
    t.is(running.length > 0 || compiles, hasInstallScript === true, path)
    if (running.length > 0) found[path] = running.join(' && ')
  }
  // It looks for the addon that the lock pins, and calls the compiler only without one.
  const looks = 'node-gyp-build-optional-packages'
  t.deepEqual(found, { 'node_modules/lmdb': looks, 'node_modules/msgpackr-extract': looks })
})

test('everything in the lock has a version and a checksum, and comes from one registry', (t) => {
  t.true(locked.length > 100)
  for (const [path, { version, integrity, link }] of locked) {
    t.truthy(version, `${path} has no version`)
    t.regex(integrity ?? '', /^sha512-/, `${path} has no checksum`)
    t.not(link, true, `${path} is a link`)
  }
  const places = new Set(
    locked.flatMap(([, { resolved }]) => (resolved === undefined ? [] : [new URL(resolved).host])),
  )
  t.true(places.size <= 1, `more than one place: ${[...places].join(', ')}`)
})

test('the lock is complete: it has the packages of every other system', (t) => {
  const names = new Set(locked.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  for (const [path, { optionalDependencies = {} }] of locked) {
    for (const name of Object.keys(optionalDependencies)) {
      t.true(names.has(name), `${path} may need ${name}, which npm ci would miss`)
    }
  }
})

test('the lock matches the manifest', (t) => {
  const root = lock.packages['']! as unknown as Manifest
  t.deepEqual(root.dependencies, manifest.dependencies)
  t.deepEqual(root.devDependencies, manifest.devDependencies)
  t.deepEqual(root.optionalDependencies, manifest.optionalDependencies)
  t.deepEqual(root.peerDependencies, manifest.peerDependencies)
})

test('every script that a page names exists', (t) => {
  const pages = filesIn('.').filter((path) => path.endsWith('.md'))
  for (const page of [...pages, '.ci/run', '.github/workflows/ci.yml']) {
    for (const [, script] of read(page).matchAll(/npm run ([\w:-]+)/g)) {
      t.true(Object.hasOwn(manifest.scripts, script!), `${page} names npm run ${script}`)
    }
  }
})
