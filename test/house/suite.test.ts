/** `npm test` runs every test file once, in a process of its own or with others of its folder. */
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from '../serial.ts'
import { ROOT, filesIn, read } from './tree.ts'

interface Suite {
  readonly SHARED: readonly string[]
  readonly LONG: readonly string[]
  readonly processes: (suffix: string) => ReadonlyMap<string, readonly string[]>
  readonly default: () => { readonly files: readonly string[] }
}

const suite = (): Promise<Suite> =>
  import(pathToFileURL(join(ROOT, 'ava.config.js')).href) as Promise<Suite>

/** The parts of `.ci/run`, each with what it runs. */
const PARTS: Readonly<Record<string, string>> = {
  install: 'npm ci',
  test: 'npm test',
  extended: 'DSTORE_TEST_EXTENDED=1 npx ava',
  native: 'node dist/tools/test-native.js',
  python: 'node dist/test/python/main.js',
  stranger: 'node dist/test/stranger/main.js',
  consumers: 'node dist/test/consumers/main.js',
  doors: 'node dist/test/doors/clients/main.js',
  engines: 'node dist/test/engines/main.js',
  sets: 'node dist/test/engines/set/main.js',
  browser: 'node dist/test/browser/main.js',
}

/** The compiled test files that a process loads, by what its entry says. */
function loadedBy(entry: string): string[] {
  if (!entry.endsWith('/all.js')) return [entry]
  const names = readFileSync(join(ROOT, entry), 'utf8').matchAll(/^import '(\.\/.+)'$/gm)
  return [...names].map(([, name]) => posix.join(posix.dirname(entry), name!))
}

test('each test file is run, and once', async (t) => {
  const { default: config } = await suite()
  const sources = filesIn('test').filter((path) => path.endsWith('.test.ts'))
  t.true(sources.length > 0)
  t.deepEqual(
    config().files.flatMap(loadedBy).toSorted(),
    sources.map((path) => `dist/${path.replace(/\.ts$/, '.js')}`).toSorted(),
  )
})

test('each extended test file is run, and once', async (t) => {
  const { processes } = await suite()
  const sources = filesIn('test').filter((path) => path.endsWith('.extended.ts'))
  t.true(sources.length > 0)
  t.deepEqual(
    [...processes('extended').values()].flat().toSorted(),
    sources.map((path) => `dist/${path.replace(/\.ts$/, '.js')}`).toSorted(),
  )
  t.true(read('.ci/run').includes(' && part extended env DSTORE_TEST_EXTENDED=1 npx ava && '))
})

test('a run of CI starts each part, and the parts run what their names say', (t) => {
  const run = read('.ci/run')
  for (const [part, runs] of Object.entries(PARTS)) {
    t.regex(run, new RegExp(`(&& |^ *)part ${part} `, 'm'), part)
    t.true(run.includes(runs), part)
  }
  const parts = [...run.matchAll(/\bpart (\w+) /g)].map(([, name]) => name!)
  t.deepEqual(parts.toSorted(), Object.keys(PARTS).toSorted())
})

test('each slow test file is run, and once', async (t) => {
  const { processes } = await suite()
  const sources = filesIn('test').filter((path) => path.endsWith('.slow.ts'))
  t.true(sources.length > 0)
  t.deepEqual(
    [...processes('slow').keys()].toSorted(),
    sources.map((path) => `dist/${path.replace(/\.ts$/, '.js')}`).toSorted(),
  )
})

test('each test of the addon is run', (t) => {
  const sources = filesIn('test').filter((path) => path.endsWith('.native.ts'))
  t.true(sources.length > 0)
  for (const path of sources) t.is(posix.dirname(path), 'test/native')
  t.true(read('tools/test-native.ts').includes("'dist/test/native/*.native.js'"))
  t.true(read('.ci/run').includes('part native node dist/tools/test-native.js && '))
})

test('every file and folder that ava.config.js names exists', async (t) => {
  const { LONG, SHARED } = await suite()
  for (const path of LONG) t.true(existsSync(join(ROOT, `test/${path}.ts`)), path)
  for (const path of SHARED) t.true(existsSync(join(ROOT, `test/${path}`)), path)
})

test('a file that measures its process has one to itself', async (t) => {
  const { processes } = await suite()
  const plan = processes('test')
  for (const path of ['hash/hostile', 'house/package', 'transfer/upload', 'wire/frames']) {
    const file = `dist/test/${path}.test.js`
    t.deepEqual(plan.get(file), [file])
  }
  t.true([...plan.values()].some((paths) => paths.length > 5))
})

test('tests of one process run one after another', (t) => {
  for (const path of filesIn('test').filter((name) => name.endsWith('.ts'))) {
    if (path === 'test/serial.ts') continue
    t.notRegex(read(path), /^import (?!type).* from 'ava'$/m, `${path}: import test/serial.ts`)
  }
})

/** Milliseconds without a result after which a run ends what hangs, as `ava.config.js` says. */
const HANGS_MS = 10 * 60_000

test('no test keeps a run from ending what hangs: ava waits as long as any of them may take', (t) => {
  let found = 0
  for (const path of filesIn('test').filter((name) => /(?<!\.slow)\.ts$/.test(name))) {
    const text = read(path)
    for (const [call, factors] of text.matchAll(/\bt\.timeout\(([^)]+)\)/g)) {
      found += 1
      const product = factors!.split(' * ').reduce((ms, factor) => {
        const name = /^[A-Z]+$/.test(factor) ? factor : undefined
        const number = name === undefined ? factor : defaultOf(text, name)
        return ms * (number === 'kills' ? MOST_KILLS : Number(number.replaceAll('_', '')))
      }, 1)
      t.true(product > 0 && product <= HANGS_MS, `${path}: ${call} is ${product} ms`)
    }
  }
  t.true(found > 20)
  t.true(read('ava.config.js').includes("timeout: suffix === 'slow' ? '30m' : '10m',"))
})

/** Of `test/faults/trees/kills.ts`, where it is no slow test. */
const MOST_KILLS = 5

const defaultOf = (text: string, name: string): string =>
  new RegExp(`^const ${name} = .* \\?\\? (\\d+)\\)$`, 'm').exec(text)?.[1] ?? 'unknown'
