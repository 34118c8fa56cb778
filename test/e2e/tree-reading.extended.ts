/** The commands that read directories and what is below them. */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { BUNDLE, outcome } from '../cli/command.ts'
import { test } from '../serial.ts'
import { fill, type Content } from '../tree/folder.ts'
import { contentsOf } from '../tree/on-disk.ts'
import { Daemon, shared } from './nodes.ts'
import { folder } from './tree-files.ts'

const TREE: Readonly<Record<string, Content>> = {
  'bin/run': { exec: '#!/bin/sh\n' },
  'bin/latest': { to: 'run' },
  a: 'text',
  'a b/c': 'spaces',
  'new\nline': 'n',
  '"quoted"': 'q',
  empty: null,
}

/** A daemon with the tree under a name. */
const scene = shared(async (owner) => {
  const daemon = await Daemon.start(owner, [])
  const path = daemon.place.file('tree')
  mkdirSync(path)
  fill(path, TREE)
  const put = await daemon.run(['put', path, '--name', 'models/v1', '--quiet'])
  if (put.exit !== 0) throw new Error(put.stderr)
  return { daemon, key: put.stdout.toString().trim() }
})

test('R007-258 R007-259 ls lists a directory, its sizes, and everything below it', async (t) => {
  const { daemon, key } = await scene()
  const list = async (...args: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await daemon.run(['ls', ...args])
    t.is(exit, 0, stderr)
    return stdout.toString()
  }
  const short = '"\\"quoted\\""\na\na b/\nbin/\nempty/\n"new\\u000aline"\n'.replace(
    '\\u000a',
    '\\n',
  )
  t.is(await list(key), short)
  t.is(await list('models/v1/'), short)
  t.is(await list(`${key}/bin`), 'latest\nrun\n')
  t.is(await list('models/v1/bin/'), 'latest\nrun\n')
  t.is(await list('models/v1/a'), 'a\n')
  // A prefix of names stays one.
  t.is(await list('models/v1'), 'models/v1\n')
  t.is(
    await list('-l', 'models/v1/'),
    [
      '-             1  "\\"quoted\\""',
      '-             4  a',
      'd             6  a b/ (1 file)',
      'd            10  bin/ (1 file)',
      'd             0  empty/ (0 files)',
      '-             1  "new\\nline"',
      '',
    ].join('\n'),
  )
  t.is(
    await list('--tree', '-l', `${key}/bin`),
    'l                latest -> run\nx            10  run\n',
  )
  t.is(
    await list('--tree', 'models/v1'),
    '"\\"quoted\\""\na\na b/\n  c\nbin/\n  latest\n  run\nempty/\n"new\\nline"\n',
  )
  const lines = (await list('--tree', '--json', key)).trim().split('\n')
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.deepEqual(
    entries.map(({ path, type }) => [path, type]),
    [
      ['"quoted"', 'file'],
      ['a', 'file'],
      ['a b', 'directory'],
      ['a b/c', 'file'],
      ['bin', 'directory'],
      ['bin/latest', 'link'],
      ['bin/run', 'file'],
      ['empty', 'directory'],
      ['new\nline', 'file'],
    ],
  )
  t.like(entries[5], { target: 'run' })
  t.like(entries[6], { size: 10, executable: true })
  t.like(entries[2], { size: 6, files: 1 })
  t.regex(String(entries[2]!['key']), /^bafyr4i/)
})

test('R007-258 ls of what is no directory is refused', async (t) => {
  const { daemon } = await scene()
  writeFileSync(daemon.place.file('plain'), 'plain')
  const put = await daemon.run(['put', 'plain'])
  const plain = put.stdout.toString().trim()
  t.like(await daemon.run(['ls', plain]), {
    exit: 2,
    stderr: `dstore: ${plain} is a plain value, and no directory\n`,
  })
  t.is((await daemon.run(['ls', '--tree'])).exit, 2)
  t.like(await daemon.run(['ls', '--tree', 'models/v2']), { exit: 3 })
  t.like(await daemon.run(['ls', 'models/v1/none']), {
    exit: 3,
    stderr: 'dstore: no such path: models/v1/none\n',
  })
})

test('R007-255 R007-256 get and ranges of a file below a directory', async (t) => {
  const { daemon, key } = await scene()
  const out = folder(t)
  for (const word of [`${key}/a b/c`, 'models/v1/a b/c']) {
    const got = await daemon.run(['get', word, '--range', '2-4'])
    t.deepEqual([got.exit, got.stdout.toString(), got.stderr], [0, 'ace', ''])
  }
  t.is((await daemon.run(['get', 'models/v1/bin/run', '-o', `${out}/run`])).exit, 0)
  t.is((await daemon.run(['get', `${key}/a`, '-o', `${out}/a`])).exit, 0)
  t.deepEqual(contentsOf(out), { run: { exec: '#!/bin/sh\n' }, a: 'text' })
  const link = await daemon.run(['get', 'models/v1/bin/latest'])
  t.is(link.exit, 2)
  t.regex(link.stderr, /models\/v1\/bin\/latest is a symbolic link to run/)
  t.like(await daemon.run(['get', key, '--range', '0-1']), { exit: 2 })
  t.like(await daemon.run(['get', `${key}/a/b`]), { exit: 3 })
  t.like(await daemon.run(['get', `${key}/../a`]), { exit: 2 })
})

test('R007-256 R007-257 get writes a directory to a folder, and updates one', async (t) => {
  const { daemon, key } = await scene()
  const out = folder(t)
  const get = (...args: string[]): ReturnType<typeof daemon.run> => daemon.run(['get', ...args])
  t.is((await get('models/v1', '-o', `${out}/tree`)).exit, 0)
  t.deepEqual(contentsOf(`${out}/tree`), TREE)
  mkdirSync(`${out}/empty`)
  t.is((await get(`${key}/bin`, '-o', `${out}/empty/`)).exit, 0)
  t.deepEqual(Object.keys(contentsOf(`${out}/empty`)), ['latest', 'run'])
  writeFileSync(`${out}/tree/a`, 'changed')
  writeFileSync(`${out}/tree/more`, '')
  symlinkSync('/', `${out}/tree/root`)
  t.like(await get('models/v1', '--update', `${out}/tree`), {
    exit: 0,
    stderr: `${out}/tree: 1 file written\n`,
  })
  t.like(await get(key, '--update', `${out}/tree`, '--delete'), {
    exit: 0,
    stderr: `${out}/tree: 0 files written, 2 entries removed\n`,
  })
  t.deepEqual(contentsOf(`${out}/tree`), TREE)
  t.like(await get('models/v1/a', '--update', `${out}/tree`), { exit: 2 })
  t.like(await get(key, '--update', out, '-o', out), { exit: 2 })
  t.like(await get(key, '-o', `${out}/x`, '--delete'), { exit: 2 })
})

test('R007-262 get --output-dir writes a directory to a folder of its name or key', async (t) => {
  const { daemon, key } = await scene()
  const out = folder(t)
  const first = await daemon.run(['get', 'models/v1', `${key}/a`, '--output-dir', out])
  t.is(first.exit, 0, first.stderr)
  t.deepEqual(contentsOf(`${out}/models/v1`), TREE)
  writeFileSync(`${out}/models/v1/a`, 'changed')
  const again = await daemon.run(['get', key, 'models/v1', '--output-dir', out])
  t.is(again.exit, 0, again.stderr)
  t.is(readFileSync(`${out}/models/v1/a`, 'utf8'), 'text')
  t.deepEqual(contentsOf(`${out}/${key}`), TREE)
  t.is(Object.keys(contentsOf(out)).filter((path) => path.startsWith('bafkr4i')).length, 1)
})

test('R007-255 R007-260 R007-261 has, stat, prefetch, evict and name take paths', async (t) => {
  const { daemon, key } = await scene()
  t.is((await daemon.run(['has', `${key}/a`, 'models/v1/bin', 'models/v1'])).exit, 0)
  t.is((await daemon.run(['has', 'models/v1/none'])).exit, 1)
  t.is((await daemon.run(['has', `${key}/none`, 'models/v1/a'])).exit, 8)
  const stat = await daemon.run(['stat', 'models/v1', 'models/v1/bin'])
  t.is(stat.exit, 0, stat.stderr)
  const lines = stat.stdout.toString().split('\n')
  t.deepEqual(
    lines.filter((line) => /^(directory|held by)/.test(line)),
    ['directory    5 files, 22 bytes', 'directory    1 file, 10 bytes', 'held by      1 directory'],
  )
  const words = [key, 'models/v1', 'models/v1/bin', `${key}/a`]
  t.like(await daemon.run(['prefetch', ...words]), { exit: 0, stderr: '' })
  t.like(await daemon.run(['evict', ...words]), { exit: 0, stderr: '' })
  t.is((await daemon.run(['name', 'run', 'models/v1/bin/run'])).exit, 0)
  t.is((await daemon.run(['get', 'run'])).stdout.toString(), '#!/bin/sh\n')
})

test('R007-258 on a terminal ls of a name tells how its directory is listed', async (t) => {
  const { daemon } = await scene()
  const { place } = daemon
  const inTerminal = async (args: string): Promise<string> => {
    const command = `'${process.execPath}' '${BUNDLE}' ls ${args} 2>&1 >/dev/null`
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: place.path,
      env: place.env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return (await outcome(child)).stdout.toString()
  }
  const note = 'models/v1 is a directory: `dstore ls models/v1/` lists what is in it\r\n'
  t.is(await inTerminal('models/v1'), note)
  t.is(await inTerminal('models/v1 --json'), '')
  t.is(await inTerminal('models/'), '')
  t.is((await daemon.run(['ls', 'models/v1'])).stderr, '')
})

test('R007-255 rm refuses what is below a directory', async (t) => {
  const { daemon, key } = await scene()
  for (const word of [`${key}/a`, 'models/v1/a']) {
    const { exit, stderr } = await daemon.run(['rm', word])
    t.is(exit, 2)
    t.regex(stderr, /is below a directory, which does not change\nhint: /)
  }
  t.is((await daemon.run(['rm', 'models/v2/a'])).exit, 3)
  const slash = await daemon.run(['rm', 'models/v1/'])
  t.is(slash.exit, 3)
  t.regex(slash.stderr, /^dstore: no such name: models\/v1\/\nhint: .*: dstore rm models\/v1\n$/)
  t.is((await daemon.run(['has', 'models/v1/a'])).exit, 0)
})

test('R007-265 the prompt shows directories, and what is below them', async (t) => {
  const { daemon } = await scene()
  const input = 'GET models/v1\nGET models/v1/a\nGET models/v1/none\n'
  const { stdout } = await daemon.run(['repl'], Buffer.from(input))
  t.is(stdout.toString(), 'directory: 5 files, 22B\ntext\nno such name or key: models/v1/none\n')
})

test('R007-263 completion goes on below a directory', async (t) => {
  const { daemon, key } = await scene()
  const words = async (typed: string): Promise<string[]> => {
    const found = await daemon.run(['completion', 'words', 'get', typed])
    return found.stdout.toString().split('\n').slice(0, -1)
  }
  t.deepEqual(await words('models/v1/b'), ['models/v1/bin/'])
  t.deepEqual(await words(`${key}/bin/`), [`${key}/bin/latest`, `${key}/bin/run`])
  t.deepEqual(await words('models/v1/bin/none'), [])
  t.deepEqual(await words('models/v1/a/'), [])
  t.deepEqual(await words('models/v'), ['models/v1'])
})

test('R007-260 R007-264 what was removed by force is missing, and stat says so', async (t) => {
  const { daemon } = await scene()
  const path = daemon.place.file('lacking')
  mkdirSync(path)
  fill(path, { 'sub/gone': 'to be removed', 'sub/here': 'stays', 'folder/x': 'y' })
  t.is((await daemon.run(['put', path, '--name', 'lacking'])).exit, 0)
  const keyOf = async (word: string): Promise<string> =>
    (JSON.parse((await daemon.run(['stat', word, '--json'])).stdout.toString()) as { key: string })
      .key
  const [gone, below] = [await keyOf('lacking/sub/gone'), await keyOf('lacking/folder')]
  t.is((await daemon.run(['rm', gone])).exit, 9)
  t.is((await daemon.run(['rm', gone, below, '--force'])).exit, 0)
  const stat = await daemon.run(['stat', 'lacking', '--json'])
  const { missing } = JSON.parse(stat.stdout.toString()) as { missing: unknown }
  t.deepEqual(missing, [
    { path: 'folder', key: below },
    { path: 'sub/gone', key: gone },
  ])
  const out = folder(t)
  const got = await daemon.run(['get', 'lacking', '-o', `${out}/x`])
  t.is(got.exit, 3)
  t.regex(got.stderr, /folder.*no such key.*\nhint: .*dstore stat/)
  t.throws(() => statSync(`${out}/x`))
  t.is((await daemon.run(['put', path])).exit, 0)
  t.notRegex((await daemon.run(['stat', 'lacking'])).stdout.toString(), /missing/)
})
