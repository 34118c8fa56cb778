/** Files that a command writes: where they may be, and what killed commands leave. */
import { test } from '../serial.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { fileOutput } from '../../cli/terminal/file-output.ts'
import { createPartialFile } from '../../cli/terminal/partial-file.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { PLATFORM } from '../../src/platform.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { serving } from '../daemon/serving.ts'
import { eventually } from '../eventually.ts'
import { sameBytes } from '../same-bytes.ts'
import { Place, outcome } from './command.ts'

const isRoot = process.getuid!() === 0

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-partial-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function write(path: string, text: string): Promise<void> {
  const output = await fileOutput(path)
  await output.write(Buffer.from(text))
  await output.commit()
}

const PARTIAL = /^\.dstore-\d+-[0-9a-z]{8}\.part$/

test('R007-101 a name of 255 bytes is written, whatever its characters', async (t) => {
  const path = folder(t)
  for (const name of ['x'.repeat(255), 'é'.repeat(127), '漢'.repeat(85), '😀'.repeat(63), '-']) {
    const file = join(path, name)
    await write(file, 'first')
    await write(file, name)
    t.is(readFileSync(file, 'utf8'), name)
  }
  await t.throwsAsync(fileOutput(join(path, 'x'.repeat(256))), {
    code: 'unwritable',
    message: /the name is too long/,
  })
  t.is(readdirSync(path).length, 5)
})

test('R007-101 a path of almost 4,096 bytes is written', async (t) => {
  if (!PLATFORM.hasDescriptorPaths) return t.pass()
  const path = folder(t)
  let deep = path
  while (deep.length < 3800) deep = join(deep, 'd'.repeat(200))
  mkdirSync(deep, { recursive: true })
  for (const bytes of [3850, 4090, 4094, 4095]) {
    // The last folder has a name of its own length, and the file a short one.
    const middle = join(deep, 'm'.repeat(Math.min(250, bytes - deep.length - 3)))
    mkdirSync(middle, { recursive: true })
    const file = `${middle}/${'f'.repeat(bytes - middle.length - 1)}`
    t.is(file.length, bytes)
    await write(file, 'deep')
    t.is(readFileSync(file, 'utf8'), 'deep')
    t.deepEqual(
      readdirSync(middle).filter((name) => PARTIAL.test(name)),
      [],
    )
  }
  return undefined
})

test('R007-101 a symbolic link stays, and its target is created or replaced', async (t) => {
  const path = folder(t)
  const at = (name: string): string => join(path, name)
  mkdirSync(at('sub/inner'), { recursive: true })
  mkdirSync(at('elsewhere'))
  symlinkSync(at('elsewhere'), at('sub/door'))
  for (const [link, text] of [
    ['absolute', at('one')],
    ['relative', 'two'],
    ['sub/up', '../three'],
    ['chain', 'chain-2'],
    ['chain-2', './sub/chain-3'],
    ['sub/chain-3', '../four'],
    // Not `sub/five`: the door leads out of it.
    ['behind', 'sub/door/../five'],
    ['sub/inner/deep', 'file'],
  ] as const) {
    symlinkSync(text, at(link))
  }
  for (const [link, target] of [
    ['absolute', 'one'],
    ['relative', 'two'],
    ['sub/up', 'three'],
    ['chain', 'four'],
    ['behind', 'five'],
    ['sub/inner/deep', 'sub/inner/file'],
  ] as const) {
    const before = readlinkSync(at(link))
    for (const text of ['made', 'replaced']) {
      await write(at(link), text)
      t.is(readFileSync(at(target), 'utf8'), text, link)
      t.is(readlinkSync(at(link)), before)
    }
    t.true(lstatSync(at(target)).isFile())
  }
})

test('R007-101 a link that leads to no possible file is unwritable, and stays', async (t) => {
  const path = folder(t)
  const at = (name: string): string => join(path, name)
  mkdirSync(at('dir'))
  symlinkSync('loop', at('loop'))
  symlinkSync('b', at('a'))
  symlinkSync('a', at('b'))
  symlinkSync('missing/file', at('into-missing'))
  symlinkSync('dir', at('to-dir'))
  symlinkSync('missing/', at('slash'))
  symlinkSync('/proc/nothing/there', at('into-proc'))
  for (const link of ['loop', 'a', 'into-missing', 'to-dir', 'slash', 'into-proc']) {
    await t.throwsAsync(fileOutput(at(link)), { code: 'unwritable' }, link)
    t.true(lstatSync(at(link)).isSymbolicLink())
  }
  for (const other of ['', 'dir/', 'missing/', 'missing/file', 'into-missing/x', '.', '..']) {
    await t.throwsAsync(fileOutput(other === '' ? '' : `${path}/${other}`), { code: 'unwritable' })
  }
  t.deepEqual(readdirSync(at('dir')), [])
  // A chain of as many links as Linux follows works.
  for (let i = 0; i < 40; i++) symlinkSync(i === 39 ? 'end' : `l${i + 1}`, at(`l${i}`))
  await write(at('l0'), 'end')
  t.is(readFileSync(at('end'), 'utf8'), 'end')
})

test('R007-101 a new file has the mode of the umask, a replaced one its own; until then it is private', async (t) => {
  const path = folder(t)
  for (const [umask, expected] of [
    [0o022, 0o644],
    [0o077, 0o600],
    [0o000, 0o666],
    [0o277, 0o400],
    [0o777, 0o000],
  ] as const) {
    const before = process.umask(umask)
    try {
      const file = join(path, umask.toString(8))
      const output = await fileOutput(file)
      const [partial] = readdirSync(path).filter((name) => PARTIAL.test(name))
      t.is(statSync(join(path, partial!)).mode & 0o777, 0o600)
      await output.commit()
      t.is(statSync(file).mode & 0o777, expected)
      chmodSync(file, 0o640)
      await write(file, 'again')
      t.is(statSync(file).mode & 0o777, 0o640)
    } finally {
      process.umask(before)
    }
  }
})

test('R007-100 what no process has locked is removed, and nothing else', async (t) => {
  const path = folder(t)
  const at = (name: string): string => join(path, name)
  writeFileSync(at('.dstore-123-abcdefgh.part'), 'left')
  writeFileSync(at('.dstore-1-00000000.part'), '')
  chmodSync(at('.dstore-1-00000000.part'), 0o600)
  const live = await createPartialFile(path)
  t.deepEqual(
    readdirSync(path).filter((name) => PARTIAL.test(name)),
    [live.path.slice(path.length + 1)],
  )
  const mine = [
    'a.part',
    '.out.part',
    '.out.123-abcdefgh.part',
    '.dstore-123-abcdefgh.part.bak',
    '.dstore-123-abcdefg.part',
    '.dstore-x-abcdefgh.part',
    '.dstore-123-ABCDEFGH.part',
    'dstore-123-abcdefgh.part',
  ]
  for (const name of mine) writeFileSync(at(name), 'mine')
  mkdirSync(at('.dstore-2-abcdefgh.part'))
  symlinkSync('a.part', at('.dstore-3-abcdefgh.part'))
  linkSync(at('a.part'), at('.dstore-4-abcdefgh.part'))
  // A folder is searched once per process; by another path it is another one.
  const other = await createPartialFile(`${path}/.`)
  const kept = readdirSync(path)
  const rest = ['.dstore-2-abcdefgh.part', '.dstore-3-abcdefgh.part', '.dstore-4-abcdefgh.part']
  for (const name of [...mine, ...rest]) t.true(kept.includes(name), name)
  t.true(existsSync(live.path), 'a live command has it')
  await live.discard()
  await other.discard()
  t.is(readdirSync(path).length, mine.length + rest.length)
})

test('R007-100 two commands that begin at once do not remove each other’s files', async (t) => {
  const path = folder(t)
  // Each by a path of its own, so that each searches.
  const made = await Promise.all(
    Array.from({ length: 30 }, (_, i) => createPartialFile(path + '/.'.repeat(i))),
  )
  for (const one of made) t.true(existsSync(one.path))
  for (const one of made) await one.discard()
  t.deepEqual(readdirSync(path), [])
})

interface Scene {
  readonly place: Place
  readonly node: FakeNode
  readonly key: string
  readonly value: Uint8Array
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
  const key = new Key(hash(value).digest).toString()
  node.values.set(key, value)
  return { place, node, key, value }
}

const partials = (place: Place): string[] =>
  readdirSync(place.path).filter((name) => PARTIAL.test(name))

/** A `get` that has begun to write, and does not go on until the returned function is called. */
async function inTheMiddle(
  { place, node, key }: Scene,
  t: ExecutionContext,
): Promise<{ readonly child: ChildProcess; readonly goOn: () => void }> {
  const opened = new AbortController()
  const held = once(opened.signal, 'abort').then(() => undefined)
  let pieces = 0
  Object.defineProperty(node, 'gate', {
    configurable: true,
    get: () => (pieces++ === 0 ? undefined : held),
  })
  const known = partials(place)
  const child = place.start(['get', key, '-o', 'out'])
  t.teardown(() => {
    child.kill('SIGKILL')
    opened.abort()
  })
  // The node stands before the second piece, whatever becomes of the gate.
  await eventually(
    () =>
      pieces > 1 &&
      partials(place).some((name) => !known.includes(name) && statSync(place.file(name)).size > 0),
  )
  return { child, goOn: () => opened.abort() }
}

for (const [signal, exit] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGQUIT', 131],
  ['SIGTERM', 143],
] as const) {
  test(`R007-28 ${signal} in the middle of a get leaves the file as it was, and nothing beside it`, async (t) => {
    const all = await scene(t)
    const { place } = all
    writeFileSync(place.file('out'), 'old')
    const { child } = await inTheMiddle(all, t)
    const ended = outcome(child)
    child.kill(signal)
    t.is((await ended).exit, exit)
    t.deepEqual(readdirSync(place.path), ['out'])
    t.is(readFileSync(place.file('out'), 'utf8'), 'old')
  })
}

test('R007-100 what kill -9 leaves is removed by the next get there, what a live get writes is not', async (t) => {
  const all = await scene(t)
  const { place, key, value } = all
  const killed = await inTheMiddle(all, t)
  const ended = outcome(killed.child)
  killed.child.kill('SIGKILL')
  t.is((await ended).exit, 'SIGKILL')
  const [left] = partials(place)
  t.truthy(left, 'a killed command cannot clean up')
  killed.goOn()
  // Else that read takes the first piece of the next gate.
  await eventually(() => all.node.readsLeft === 1)
  const live = await inTheMiddle(all, t)
  t.false(existsSync(place.file(left!)), 'the next get has')
  const [writing] = partials(place)
  Object.defineProperty(all.node, 'gate', { value: undefined })
  t.is((await place.run(['get', key, '-o', 'other'])).exit, 0)
  t.is((await place.run(['get', key, '--output-dir', '.'])).exit, 0)
  t.deepEqual(partials(place), [writing])
  const whole = outcome(live.child)
  live.goOn()
  t.is((await whole).exit, 0)
  for (const name of ['out', 'other', key]) sameBytes(t, readFileSync(place.file(name)), value)
  t.deepEqual(readdirSync(place.path).toSorted(), [key, 'other', 'out'].toSorted())
})

test('R007-99 an output that cannot be written fails before any request', async (t) => {
  const { place, node, key } = await scene(t)
  mkdirSync(place.file('dir'))
  writeFileSync(place.file('file'), '')
  symlinkSync('loop', place.file('loop'))
  const calls: string[][] = [
    ['get', key, '-o', 'nowhere/out'],
    ['get', key, '-o', 'dir'],
    ['get', key, '-o', 'file/out'],
    ['get', key, '-o', 'loop'],
    ['get', key, '--output-dir', 'file'],
    ['get', key, '--output-dir', 'file/dir'],
    ['get', key, '-o', '/proc/out'],
    ['get', key, '--output-dir', '/proc'],
    ['export', '-o', 'nowhere/out'],
    ['export', key, '-o', 'dir'],
  ]
  for (const args of calls) {
    const { exit, stderr } = await place.run(args)
    t.is(exit, 1, args.join(' '))
    t.regex(stderr, /^dstore: cannot (write to|create the directory) .*\n$/)
    // Without a daemon none is started for it.
    const none = await place.run([...args, '--dir', place.file('state-of-none')])
    t.is(none.exit, 1)
  }
  t.false(existsSync(place.file('state-of-none')))
  t.is(node.signals.length, 0)
  t.deepEqual(readdirSync(place.path).toSorted(), ['dir', 'file', 'loop'])
})

test('R007-99 a file and a directory that one may not write to are refused', async (t) => {
  const path = folder(t)
  if (isRoot) chownSync(path, 65_534, 65_534)
  // The superuser may write everywhere, so that another user tries.
  const program = `
    import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
    const { fileOutput } = await import(process.argv[1])
    const { OutputFolder } = await import(process.argv[2])
    await import(process.argv[3])
    if (process.getuid() === 0) {
      process.setgroups([]); process.setgid(65534); process.setuid(65534)
    }
    process.chdir(process.argv[4])
    mkdirSync('closed', { mode: 0o500 })
    mkdirSync('blind', { mode: 0o300 })
    writeFileSync('read-only', 'old', { mode: 0o400 })
    symlinkSync('read-only', 'link')
    symlinkSync('closed/new', 'into-closed')
    const tell = (work) => work.then(
      async (output) => { await output.commit?.(); console.log('made') },
      ({ code, message }) => console.log(code, message))
    for (const name of ['closed/out', 'read-only', 'link', 'into-closed', 'blind/out']) {
      await tell(fileOutput(name))
    }
    await tell(OutputFolder.create('closed'))
    await tell(OutputFolder.create('closed/new'))
    console.log(readFileSync('read-only', 'utf8'))`
  const modules = ['file-output', 'output-folder', '../../src/daemon/process/file-lock'].map(
    (file) => new URL(`../../cli/terminal/${file}.js`, import.meta.url).href,
  )
  const args = ['--input-type=module', '-e', program, ...modules, path]
  const { stdout, stderr } = await outcome(spawn(process.execPath, args))
  t.deepEqual((stdout.toString() + stderr).trim().split('\n'), [
    'unwritable cannot write to closed/out: permission denied',
    'unwritable cannot write to read-only: permission denied',
    'unwritable cannot write to link: permission denied',
    'unwritable cannot write to into-closed: permission denied',
    // One may write in a folder that one may not read.
    'made',
    'unwritable cannot write to closed: permission denied',
    'unwritable cannot create the directory closed/new: permission denied',
    'old',
  ])
})

test('R007-100 the file of another user stays', async (t) => {
  if (!isRoot) return t.pass()
  const path = folder(t)
  const others = join(path, '.dstore-5-abcdefgh.part')
  writeFileSync(others, 'theirs')
  chownSync(others, 65_534, 65_534)
  await (await createPartialFile(path)).discard()
  t.true(existsSync(others))
  return undefined
})

test('R007-99 a value that is not there leaves no output', async (t) => {
  const { place } = await scene(t)
  const absent = '0'.repeat(64)
  t.is((await place.run(['get', absent, '-o', 'out'])).exit, 3)
  t.is((await place.run(['get', absent, absent, '--output-dir', 'out'])).exit, 3)
  t.is((await place.run(['get', absent, '-o', 'x', '--no-start', '--dir', 'none'])).exit, 5)
  t.is(
    (await place.run(['get', absent, absent, '--output-dir', 'x', '--no-start', '--dir', 'none']))
      .exit,
    5,
  )
  t.deepEqual(readdirSync(place.path), [])
})
