/** The package as npm installs it, and a clone as `npm ci` leaves it. Asks the registry. */
import { execFile } from 'node:child_process'
import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import { ROOT, read } from './tree.ts'

interface Run {
  readonly stdout: string
  readonly stderr: string
}

/** npm as somebody has it who has set nothing, but without questions that depend on the day. */
const ENV = { ...process.env, npm_config_update_notifier: 'false', NO_COLOR: '1' }

const run = async (cwd: string, command: string, ...rest: string[]): Promise<Run> =>
  promisify(execFile)(command, rest, { cwd, env: ENV })

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-install-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Packs what is built, in a folder, and returns the path of the tarball. */
async function pack(folder: string): Promise<string> {
  await run(ROOT, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder)
  const [tarball] = await readdir(folder)
  return join(folder, tarball!)
}

/** Every file in a folder. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

async function bytesIn(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Names of the packages that are installed below a folder. */
const packagesOf = (files: readonly string[]): string[] =>
  files
    .map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .toSorted()

test('R007-165: npm installs the packed package without a warning, in few packages', async (t) => {
  const folder = await temporaryFolder(t)
  const tarball = await pack(folder)
  const prefix = join(folder, 'prefix')
  await mkdir(prefix)
  const { stdout, stderr } = await run(folder, 'npm', 'install', '-g', '--prefix', prefix, tarball)
  t.is(stderr, '')
  t.true(stdout.trim().split('\n').length <= 3, stdout)
  const files = await filesBelow(prefix)
  t.deepEqual(packagesOf(files), [
    `@dstore/dstore`,
    `@lmdb/lmdb-${process.platform}-${process.arch}`,
    'bare-addon-resolve',
    'bare-module-resolve',
    'bare-semver',
    'fs-native-extensions',
    'require-addon',
    'which-runtime',
  ])
  const bytes = await bytesIn(files)
  t.log(`${files.length} files, ${bytes} bytes`)
  t.true(bytes < 24_000_000, String(bytes))

  const dstore = join(prefix, 'bin/dstore')
  const dir = ['--dir', join(folder, 'state')]
  const { stdout: version } = await run(folder, dstore, '--version')
  t.regex(version, /^dstore \d/)
  const { stdout: key } = await run(folder, dstore, 'put', ...dir, tarball)
  try {
    await run(folder, dstore, 'get', ...dir, key.trim(), '-o', join(folder, 'copy'))
    await run(folder, 'cmp', tarball, join(folder, 'copy'))
  } finally {
    await run(folder, dstore, 'stop', ...dir)
  }

  const removed = await run(folder, 'npm', 'uninstall', '-g', '--prefix', prefix, '@dstore/dstore')
  t.is(removed.stderr, '')
  t.deepEqual(await filesBelow(prefix), [])
})

const PROGRAM = `
import { DstoreError, Key, connect, createNode, type Dstore, type Source } from '@dstore/dstore'
export const keep = async (dstore: Dstore, source: Source): Promise<Response> => {
  const { key } = await dstore.put(source, { onProgress: ({ doneBytes }) => void doneBytes })
  return new Response((await dstore.get(key, { range: { last: 10 } })).stream())
}
for (const options of [{}, { dir: 'state' }]) {
  const dstore = await createNode(options)
  const answer = await keep(dstore, new Blob(['hello, world']))
  if ((await answer.text()) !== 'llo, world') throw new Error('it is something else')
  // Large enough for several threads, which are files of their own.
  const { size } = await dstore.put({ path: 'large' })
  if (size !== 20_000_000) throw new Error('it has another size')
  await dstore[Symbol.asyncDispose]()
}
await connect({ dir: '/does/not/exist' }).catch((error: unknown) => {
  if (!(error instanceof DstoreError) || error.code !== 'unreachable') throw error
})
console.log(new Key(new Uint8Array(32)).toString(), new DstoreError('busy', 'x').kind.exit)
`

const OPTIONS =
  '--target es2023 --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false'

test('R007-167: a program compiles and runs with the packed package and nothing else', async (t) => {
  const folder = await temporaryFolder(t)
  const tarball = await pack(folder)
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  const { stderr } = await run(folder, 'npm', 'install', '--no-fund', '--no-audit', tarball)
  t.is(stderr, '')
  await writeFile(join(folder, 'program.ts'), PROGRAM)
  await writeFile(join(folder, 'large'), Buffer.alloc(20_000_000, 7))
  await symlink(join(ROOT, 'node_modules/typescript'), join(folder, 'node_modules/typescript'))
  const compile = async (...options: string[]): Promise<Run> =>
    run(folder, 'node', 'node_modules/typescript/bin/tsc', ...OPTIONS.split(' '), ...options)
  for (const module of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    await t.notThrowsAsync(compile(...module, '--types', '', '--noEmit', 'program.ts'))
  }
  await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  await symlink(join(ROOT, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'))
  for (const module of ['nodenext', 'node18']) {
    await t.notThrowsAsync(compile('--module', module, '--types', 'node', 'program.ts'))
  }

  const { stdout } = await run(folder, 'node', 'program.js')
  t.regex(stdout, /^bafkr4i[a-z2-7]+ 7\n$/)
  const names = `console.log(Object.keys(require('@dstore/dstore')).sort().join(' '))`
  const required = await run(folder, 'node', '--input-type=commonjs', '--eval', names)
  t.is(
    required.stdout,
    'DstoreError ERRORS Key connect createNode isErrorCode parseKey\n',
    required.stderr,
  )
})

/** Folders of a working copy that a clone does not have. */
const NOT_CLONED = new Set(['node_modules', 'dist', '.git'])

test('npm ci in a clone prints a few lines, and builds; a fault in the code is shown', async (t) => {
  const folder = join(await temporaryFolder(t), 'clone')
  await cp(ROOT, folder, {
    recursive: true,
    filter: (path) => !NOT_CLONED.has(relative(ROOT, path)),
  })
  const { stdout, stderr } = await run(folder, 'npm', 'ci')
  t.is(stderr, '')
  t.true(stdout.trim().split('\n').length <= 5, stdout)
  const { stdout: version } = await run(folder, join(folder, 'dist/dstore.js'), '--version')
  t.is(
    version.trim(),
    `dstore ${(JSON.parse(read('package.json')) as { version: string }).version}`,
  )

  await appendFile(join(folder, 'src/dstore.ts'), `export const fault: number = 'text'\n`)
  const failed = await t.throwsAsync<Error & Run>(run(folder, 'npm', 'ci', '--prefer-offline'))
  t.regex(failed.stderr, /src\/dstore\.ts\(\d+,14\): error TS2322/)
})
