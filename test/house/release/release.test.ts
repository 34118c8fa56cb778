/** What builds and checks a release, and the workflow that publishes it. */
import { test } from '../../serial.ts'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse } from 'yaml'
import { VERSION } from '../../../src/node/version.ts'
import { changesOf, tagProblems } from '../../../tools/release/checks.ts'
import { licensesOf } from '../../../tools/release/contents.ts'
import { isNeeded } from '../../../tools/release/npm.ts'
import { NODE, PLATFORMS } from '../../../tools/release/platforms.ts'
import { checkIntegrity, checksums, filesOf, tarball } from '../../../tools/release/tarball.ts'
import { ROOT, filesIn, read } from '../tree.ts'

const files = [
  { path: 'lib/b', bytes: Buffer.from('b') },
  { path: 'lib/a', bytes: Buffer.alloc(0), isExecutable: true },
  { path: `lib/${'deep/'.repeat(30)}c`, bytes: Buffer.from('c') },
  { path: 'README', bytes: Buffer.from('read me') },
]

test('R007-174 the bytes of a tarball depend on its files alone', async (t) => {
  const one = await tarball('top', files)
  const two = await tarball('top', files.toReversed())
  t.deepEqual(Buffer.from(one), Buffer.from(two))
  t.deepEqual([...one.subarray(4, 8)], [0, 0, 0, 0], 'gzip has no time')
  // Frozen: what is built from the same files tomorrow has the same bytes.
  const hash = createHash('sha256').update(gunzipSync(one)).digest('hex')
  t.is(hash, '810e3cc537034b07406e5f2fdf1da0b01778f100ba9d2f0058399bf7ade1f592')
  const found = await filesOf(one)
  t.deepEqual(found.map(({ path }) => path).toSorted(), files.map(({ path }) => path).toSorted())
  t.deepEqual(
    found.filter(({ isExecutable }) => isExecutable).map(({ path }) => path),
    ['lib/a'],
  )
  const [readme] = await filesOf(one, (path) => path === 'README')
  t.is(Buffer.from(readme!.bytes).toString(), 'read me')
})

test('R007-174 system tar unpacks it with the modes, and sha256sum accepts the list', async (t) => {
  const input = await tarball('top', files)
  const listed = spawnSync('tar', ['-tvz'], { input, encoding: 'utf8' })
  t.is(listed.stderr, '')
  t.regex(listed.stdout, /^drwxr-xr-x root\/root +0 1985-10-26 \S+ top\/$/m)
  t.regex(listed.stdout, /^-rwxr-xr-x root\/root +0 1985-10-26 \S+ top\/lib\/a$/m)
  t.regex(listed.stdout, /^-rw-r--r-- root\/root +1 1985-10-26 \S+ top\/lib\/(deep\/){30}c$/m)
  const sums = checksums([{ name: 'package.json', bytes: Buffer.from(read('package.json')) }])
  const checked = spawnSync('sha256sum', ['-c', '-'], { input: sums, cwd: ROOT, encoding: 'utf8' })
  t.is(checked.stdout, 'package.json: OK\n', checked.stderr)
})

test('a package of Node that is not the pinned one is refused', (t) => {
  const bytes = Buffer.from('abc')
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  t.notThrows(() => checkIntegrity(bytes, integrity, 'x'))
  t.throws(() => checkIntegrity(Buffer.from('abd'), integrity, 'x'), { message: /^x has the/ })
  t.regex(NODE.version, /^24\.\d+\.\d+$/)
  for (const platform of PLATFORMS) t.regex(NODE.integrity[platform], /^sha512-\S{86}==$/)
})

test('of installed packages, a release takes what runs on its platform, and licences', (t) => {
  const wanted = {
    'node_modules/a/index.js': true,
    'node_modules/@b/c/package.json': true,
    'node_modules/a/LICENSE.md': true,
    'node_modules/a/prebuilds/linux-arm64/a.node': true,
    'node_modules/a/prebuilds/linux-x64/a.node': false,
    'node_modules/a/node.napi.glibc.node': true,
    'node_modules/a/node.napi.musl.node': false,
    [`node_modules/a/node.abi${NODE.abi}.glibc.node`]: true,
    'node_modules/a/node.abi115.glibc.node': false,
    'node_modules/a/README.md': false,
    'node_modules/a/index.d.ts': false,
    'node_modules/a/src/a.c': false,
    'node_modules/.package-lock.json': false,
  }
  const found = Object.keys(wanted).map((path) => [path, isNeeded(path, 'linux-arm64')])
  t.deepEqual(Object.fromEntries(found), wanted)
})

test('the licences of packages are listed, and a package without one is refused', (t) => {
  const manifest = (text: object): Buffer => Buffer.from(JSON.stringify(text))
  const a = { name: '@b/a', version: '1.0.0', license: 'MIT' }
  const found = licensesOf([
    { path: 'node_modules/@b/a/package.json', bytes: manifest(a) },
    { path: 'node_modules/@b/a/LICENSE', bytes: Buffer.from('be kind\n') },
    { path: 'node_modules/@b/a/dist/package.json', bytes: manifest({ type: 'commonjs' }) },
  ])
  t.is(Buffer.from(found).toString(), '@b/a 1.0.0 (MIT)\n\nbe kind\n')
  const none = [{ path: 'node_modules/d/package.json', bytes: manifest({ name: 'd' }) }]
  t.throws(() => licensesOf(none), { message: 'd states no licence' })
})

const CHANGELOG = `# Changelog

## [Unreleased]

- Next.

## [1.2.3] - 2030-01-02

### Added

- This.

## [1.2.2] - 2030-01-01

## [1x2x3] - 2030-01-01

- Not this.

[1.2.3]: https://example.org
`

const versioned = (version: string): Parameters<typeof tagProblems>[1] => ({
  manifest: JSON.stringify({ version }),
  lock: JSON.stringify({ version, packages: { '': { version } } }),
  changelog: CHANGELOG,
  source: `export const VERSION = '${version}'`,
})

test('a tag is released only if every file has its version, and the changelog its changes', (t) => {
  t.deepEqual(tagProblems('v1.2.3', versioned('1.2.3')), [])
  t.is(changesOf('1.2.3', CHANGELOG), '### Added\n\n- This.')
  t.is(changesOf('1.2.2', CHANGELOG), undefined, 'a section without changes')
  const other = tagProblems('v1.2.3', versioned('1.2.4'))
  t.is(other.length, 4)
  for (const problem of other) t.regex(problem, /has the version 1\.2\.4, the tag 1\.2\.3$/)
  t.regex(tagProblems('v1.2.2', versioned('1.2.2')).join(), /^CHANGELOG\.md has no section/)
  t.regex(tagProblems('v2.0.0-rc.1', versioned('2.0.0-rc.1')).join(), /^CHANGELOG\.md has no/)
  for (const tag of ['1.2.3', 'v1.2', 'v1.2.3;x', 'vnext', 'v1.2.3 ']) {
    t.is(tagProblems(tag, versioned('1.2.3')).length, 1, tag)
  }
})

test('check-tag.js refuses a tag of another version', (t) => {
  const script = join(ROOT, 'dist/tools/release/check-tag.js')
  const { status, stderr } = spawnSync('node', [script, 'v999.0.0'], { encoding: 'utf8' })
  t.is(status, 1)
  t.true(stderr.includes(`package.json has the version ${VERSION}, the tag 999.0.0\n`))
})

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Record<string, string>
}

interface Job {
  readonly needs?: string
  readonly permissions?: Record<string, string>
  readonly steps: Step[]
}

interface Workflow {
  readonly on: { readonly push: object }
  readonly permissions: object
  readonly jobs: Record<string, Job>
}

const text = read('.github/workflows/release.yml')
const workflow = parse(text) as Workflow
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)
const scripts = steps.flatMap(({ run }) => run ?? [])

test('the release workflow runs on tags alone, and each job has the permissions that it needs', (t) => {
  t.deepEqual(workflow.on, { push: { tags: ['v*'] } })
  t.deepEqual(workflow.permissions, { contents: 'read' })
  const writes = Object.entries(workflow.jobs).map(([name, { permissions = {} }]) => [
    name,
    Object.keys(permissions).filter((key) => permissions[key] === 'write'),
  ])
  t.deepEqual(Object.fromEntries(writes), {
    build: ['id-token', 'attestations'],
    try: [],
    image: ['packages', 'id-token', 'attestations'],
    npm: ['id-token'],
    github: ['contents'],
  })
})

test('nothing is published before the packages were built, tested and tried', (t) => {
  const before = (name: string): string[] => {
    const { needs } = workflow.jobs[name]!
    return needs === undefined ? [] : [needs, ...before(needs)]
  }
  for (const name of ['image', 'npm', 'github']) {
    t.deepEqual(before(name).slice(-2), ['try', 'build'], name)
  }
  const building = workflow.jobs['build']!.steps.map(({ run = '' }) => run)
  const place = (part: string): number => building.findIndex((run) => run.startsWith(part))
  t.true(place('node dist/tools/release/check-tag.js') > 0)
  t.true(place('.ci/run') > place('node dist/tools/release/check-tag.js'))
  t.true(place('npm run release:dry') > place('.ci/run'))
})

test('every step of the release workflow is a script that a shell can read, of files that exist', (t) => {
  t.true(scripts.length > 8)
  const { scripts: known } = JSON.parse(read('package.json')) as { scripts: object }
  for (const script of scripts) {
    t.notRegex(script, /\$\{\{/, 'values come as variables, which a shell does not run')
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' })
    t.is(status, 0, `${script}: ${stderr}`)
    for (const [, name] of script.matchAll(/npm run ([\w:-]+)/g)) {
      t.true(Object.hasOwn(known, name!), name)
    }
    for (const [, name] of script.matchAll(/node dist\/(\S+)\.js/g)) {
      t.true(existsSync(join(ROOT, `${name}.ts`)), name)
    }
  }
  for (const { with: given } of steps) {
    if (given?.['file'] !== undefined) t.true(existsSync(join(ROOT, given['file'])))
  }
  t.true(existsSync(join(ROOT, '.ci/run')))
})

test('the workflows use each action in one version', (t) => {
  const used = new Map<string, Set<string>>()
  for (const path of filesIn('.github/workflows')) {
    for (const [, action, version] of read(path).matchAll(/uses: (\S+)@(\S+)/g)) {
      t.regex(version!, /^v\d+$/, action)
      used.set(action!, (used.get(action!) ?? new Set()).add(version!))
    }
  }
  t.true(used.size >= 8)
  for (const [action, found] of used) t.is(found.size, 1, action)
})

test("the names of a release's image and its kind of version come from the tag", (t) => {
  const [naming] = scripts.filter((script) => script.includes('ghcr.io'))
  const folder = mkdtempSync(join(tmpdir(), 'dstore-workflow-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const tags = (tag: string): string => {
    const GITHUB_OUTPUT = join(folder, tag)
    const env = { ...process.env, GITHUB_REPOSITORY: 'Own/Er', GITHUB_REF_NAME: tag, GITHUB_OUTPUT }
    spawnSync('bash', ['-e'], { input: naming!, env })
    return readFileSync(GITHUB_OUTPUT, 'utf8')
  }
  t.is(
    tags('v1.2.3'),
    'image=ghcr.io/own/er\ntags<<END\nghcr.io/own/er:1.2.3\nghcr.io/own/er:latest\nEND\n',
  )
  t.is(tags('v1.2.3-rc.1'), 'image=ghcr.io/own/er\ntags<<END\nghcr.io/own/er:1.2.3-rc.1\nEND\n')
})
