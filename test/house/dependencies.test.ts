import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { ROOT, filesIn, read } from './tree.ts'

interface Manifest {
  readonly allowScripts: Record<string, boolean>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
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
      readonly optionalDependencies?: Record<string, string>
    }
  >
}

const manifest = JSON.parse(read('package.json')) as Manifest
const lock = JSON.parse(read('package-lock.json')) as Lock
const guide = read('CONTRIBUTING.md')

/** Packages in the lock, without this one. */
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')

/** Names that the guide explains in one of its lists: "- `name`: why". */
function explained(heading: string): string[] {
  const start = guide.indexOf(`### ${heading}\n`)
  const section = guide.slice(start, guide.indexOf('\n### ', start + 1))
  return [...section.matchAll(/^- `([^`]+)`:/gm)].map(([, name]) => name!).toSorted()
}

test('every dependency is explained in CONTRIBUTING.md, and nothing else is', (t) => {
  t.deepEqual(explained('At run time'), Object.keys(manifest.dependencies).toSorted())
  t.deepEqual(explained('For development'), Object.keys(manifest.devDependencies).toSorted())
})

test('every install script in the tree is denied, and explained in CONTRIBUTING.md', (t) => {
  const scripted = locked.filter(([, entry]) => entry.hasInstallScript === true)
  const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13))
  t.deepEqual(names.toSorted(), explained('Install scripts'))
  t.deepEqual(manifest.allowScripts, Object.fromEntries(names.map((name) => [name, false])))
})

/** Scripts that npm runs at installation. A binding.gyp without a script means the compiler. */
const INSTALLING = ['preinstall', 'install', 'postinstall']

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
})

test('every script that a page names exists', (t) => {
  const pages = filesIn('.').filter((path) => path.endsWith('.md'))
  for (const page of [...pages, '.ci/run', '.github/workflows/ci.yml']) {
    for (const [, script] of read(page).matchAll(/npm run ([\w:-]+)/g)) {
      t.true(Object.hasOwn(manifest.scripts, script!), `${page} names npm run ${script}`)
    }
  }
})
