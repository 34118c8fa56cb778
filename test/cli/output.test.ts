import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { ExecutionContext } from 'ava'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import type { Output } from '../../cli/terminal/output.ts'
import { OutputFolder } from '../../cli/terminal/output-folder.ts'
import { serving } from '../daemon/serving.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { BUNDLE, Place, outcome, type Outcome } from './command.ts'
import { sameBytes } from '../same-bytes.ts'

interface Scene {
  readonly place: Place
  readonly node: FakeNode
  readonly key: string
  readonly value: Uint8Array
}

/** A daemon in this process, whose node obeys the test and holds one value. */
async function scene(t: ExecutionContext, size = 50_000): Promise<Scene> {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = Uint8Array.from({ length: size }, (_, index) => index % 251)
  const key = new Key(hash(value).digest).toString()
  node.values.set(key, value)
  return { place, node, key, value }
}

function twoKeys(): [string, string] {
  const keyOf = (text: string): string => new Key(hash(Buffer.from(text)).digest).toString()
  return [keyOf('one'), keyOf('two')]
}

async function write(output: Output, text: string): Promise<void> {
  await output.write(Buffer.from(text))
  await output.commit()
}

/** Make reads stop after the first piece until the returned function is called. */
function holdAfterFirst(node: FakeNode): () => void {
  const opened = new AbortController()
  const held = once(opened.signal, 'abort').then(() => undefined)
  let asked = 0
  Object.defineProperty(node, 'gate', { get: () => (asked++ === 0 ? undefined : held) })
  return () => opened.abort()
}

test('R007-26 a value replaces a file whole, and keeps its mode and the link to it', async (t) => {
  const { place, key, value } = await scene(t)
  const file = place.file('out')
  writeFileSync(file, 'old')
  chmodSync(file, 0o640)
  symlinkSync('out', place.file('link'))
  const { exit, stdout, stderr } = await place.run(['get', key, '-o', 'link'])
  t.deepEqual({ exit, stdout: stdout.byteLength, stderr }, { exit: 0, stdout: 0, stderr: '' })
  sameBytes(t, readFileSync(file), value)
  t.is(statSync(file).mode & 0o777, 0o640)
  t.deepEqual(readdirSync(place.path).toSorted(), ['link', 'out'])
})

const FAULTS = [
  ['integrity', 4],
  ['removed', 3],
  ['unreachable', 5],
  ['timeout', 5],
] as const
for (const [code, expected] of FAULTS) {
  test(`R007-26 ${code} in the middle leaves the file as it was`, async (t) => {
    const { place, node, key } = await scene(t)
    writeFileSync(place.file('out'), 'old')
    node.fault = new DstoreError(code, `it was ${code}`)
    node.failAfterBytes = 20_000
    const { exit, stderr } = await place.run(['get', key, '-o', 'out'])
    t.is(stderr, `dstore: it was ${code}\n`)
    t.is(exit, expected)
    t.is(readFileSync(place.file('out'), 'utf8'), 'old')
    t.deepEqual(readdirSync(place.path), ['out'])
  })
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`R007-28 ${signal} in the middle leaves nothing half done`, async (t) => {
    const { place, node, key } = await scene(t)
    const release = holdAfterFirst(node)
    writeFileSync(place.file('out'), 'old')
    const child = place.start(['get', key, '-o', 'out'])
    const ended = outcome(child)
    while (!readdirSync(place.path).some((name) => name.endsWith('.part'))) await sleep(5)
    child.kill(signal)
    const { exit, stderr } = await ended
    release()
    t.is(exit, expected)
    t.is(stderr, '')
    t.deepEqual(readdirSync(place.path), ['out'])
    t.is(readFileSync(place.file('out'), 'utf8'), 'old')
  })
}

test('R007-28 Ctrl-C ends a put, and the daemon forgets it', async (t) => {
  const { place, node } = await scene(t)
  const child = place.start(['put', '-'])
  const ended = outcome(child)
  child.stdin!.on('error', () => undefined)
  child.stdin!.write(Buffer.alloc(100_000))
  while (node.takenBytes === 0) await sleep(5)
  child.kill('SIGINT')
  t.is((await ended).exit, 130)
  while (!node.signals.some((signal) => signal.aborted)) await sleep(5)
  t.is(node.values.size, 1)
})

test('R007-27 a closed pipe is quiet', async (t) => {
  const { place, key } = await scene(t, 5_000_000)
  for (const args of [`get ${key}`, 'ls --keys', `has ${key} --json`, 'status', '--help']) {
    const shell = spawn(
      'sh',
      ['-c', `{ '${process.execPath}' '${BUNDLE}' ${args}; echo "exit $?" >&2; } | true`],
      { cwd: place.path, env: place.env(), stdio: ['ignore', 'pipe', 'pipe'] },
    )
    t.is((await outcome(shell)).stderr, 'exit 141\n', args)
  }
})

test('R007-27 a reader that stops in the middle ends the work', async (t) => {
  const { place, node, key } = await scene(t, 5_000_000)
  const run = `'${process.execPath}' '${BUNDLE}' get ${key}`
  const command = `{ ${run}; echo "exit $?" >&2; } | head -c 10`
  const shell = spawn('sh', ['-c', command], {
    cwd: place.path,
    env: place.env(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { stdout, stderr } = await outcome(shell)
  t.is(stdout.byteLength, 10)
  t.is(stderr, 'exit 141\n')
  while (node.readsLeft === 0) await sleep(5)
  t.pass()
})

const FULL = 'the disk is full\nhint: free some space on it\n'

test('R007-26 a full disk is reported, on a device and on stdout', async (t) => {
  const { place, key } = await scene(t)
  t.true(existsSync('/dev/full'))
  const device = await place.run(['get', key, '-o', '/dev/full'])
  t.is(device.stderr, `dstore: cannot write to /dev/full: ${FULL}`)
  t.is(device.exit, 7)
  t.true(statSync('/dev/full').isCharacterDevice())
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const piped = await place.run(['get', key], { stdout: full })
  t.is(piped.stderr, `dstore: cannot write to standard output: ${FULL}`)
  t.is(piped.exit, 7)
  t.is((await place.run(['--version'], { stdout: full })).exit, 7)
})

test('R007-112 too many open files are busy for outputs and inputs, and a hint names the limit', async (t) => {
  const { place, key } = await scene(t)
  writeFileSync(place.file('file'), 'value')
  mkdirSync(place.file('out'))
  // Node itself needs descriptors to load the command: the first file that it opens fails.
  const preload = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { open } = fs
    const isMine = (path) => /(^|[/])(file|[.]dstore-[^/]*)$/.test(path)
    const few = () => Object.assign(new Error('EMFILE: raw'), { code: 'EMFILE', syscall: 'open' })
    fs.open = (path, ...more) => isMine(path) ? more.at(-1)(few()) : open(path, ...more)
    syncBuiltinESMExports()`
  writeFileSync(place.file('preload.mjs'), preload)
  const run = (...args: string[]): Promise<Outcome> => {
    const program = ['--import', place.file('preload.mjs'), BUNDLE, ...args]
    return outcome(spawn(process.execPath, program, { cwd: place.path, env: place.env() }))
  }
  const why = 'too many open files\nhint: raise the limit with `ulimit -n`\n'
  for (const [doing, ...args] of [
    ['write to new', 'get', key, '-o', 'new'],
    ['write to out', 'get', key, '--output-dir', 'out'],
    ['read @file', 'join', '@file'],
  ] as const) {
    const { exit, stderr } = await run(...args)
    t.deepEqual([exit, stderr], [7, `dstore: cannot ${doing}: ${why}`])
  }
})

test('R007-26 a pipe is written directly', async (t) => {
  const { place, key, value } = await scene(t)
  await once(spawn('mkfifo', [place.file('fifo')]), 'close')
  const reader = outcome(spawn('cat', [place.file('fifo')]))
  t.is((await place.run(['get', key, '-o', 'fifo'])).exit, 0)
  sameBytes(t, (await reader).stdout, value)
  t.true(statSync(place.file('fifo')).isFIFO())
})

test('R007-26 an impossible output is exit code 1', async (t) => {
  const { place, key } = await scene(t)
  writeFileSync(place.file('file'), '')
  for (const [option, path, why] of [
    ['-o', '.', 'it is a directory'],
    ['-o', 'nowhere/out', 'no such directory'],
    ['-o', 'file/out', 'part of its path is a file'],
    ['-o', 'x'.repeat(256), 'the name is too long'],
  ] as const) {
    const { exit, stderr } = await place.run(['get', key, option, path])
    t.deepEqual([exit, stderr], [1, `dstore: cannot write to ${path}: ${why}\n`])
  }
})

test('R007-99 --output-dir says which file is where a directory is wanted', async (t) => {
  const { place, key } = await scene(t)
  writeFileSync(place.file('file'), '')
  symlinkSync('nowhere', place.file('link'))
  for (const [path, why] of [
    ['file', 'a file is in its place'],
    ['link', 'a file is in its place'],
    ['file/below', 'part of its path is a file'],
    ['file/below/it', 'part of its path is a file'],
  ] as const) {
    const { exit, stderr } = await place.run(['get', key, '--output-dir', path])
    const what = `dstore: cannot create the directory ${path}: ${why}\n`
    t.deepEqual([exit, stderr], [1, what])
  }
})

test('R007-94 R007-443 each name has a file, and the spellings of a key have one', async (t) => {
  const { place, node, key, value } = await scene(t)
  await node.bind('one', parseKey(key))
  await node.bind('two', parseKey(key))
  const hex = parseKey(key).toHex()
  const words = [key, key, 'one', hex, 'two', key.toUpperCase()]
  const { exit, stderr } = await place.run(['get', ...words, '--output-dir', 'out'])
  t.deepEqual({ exit, stderr }, { exit: 0, stderr: '' })
  const files = [key, 'one', 'two']
  t.deepEqual(readdirSync(place.file('out')).toSorted(), files)
  for (const file of files) sameBytes(t, readFileSync(place.file(`out/${file}`)), value)
})

test('R007-94 an output that is written once is not written for the same value again', async (t) => {
  const folder = await OutputFolder.create(new Place(t).file('out'))
  const [key] = twoKeys()
  t.false(folder.has(key))
  await write(await folder.open(key), 'value')
  t.true(folder.has(key))
  const failed = await folder.open(`${key}x`)
  await failed.write(Buffer.from('half'))
  await failed.discard()
  t.false(folder.has(`${key}x`))
})

test('R007-94 two values never go to one file: the second is a conflict, and the first stays', async (t) => {
  const place = new Place(t)
  const [one, two] = twoKeys()
  for (const linked of [one, two]) {
    const path = place.file(`to-${linked}`)
    const target = linked === one ? two : one
    mkdirSync(path)
    writeFileSync(join(path, target), 'before')
    symlinkSync(target, join(path, linked))
    const folder = await OutputFolder.create(path)
    await write(await folder.open(one), 'one')
    const conflict = await t.throwsAsync(folder.open(two), { code: 'conflict' })
    t.true(conflict.message.includes(one))
    t.is(readFileSync(join(path, target), 'utf8'), 'one')
    t.deepEqual(readdirSync(path).toSorted(), [one, two].toSorted())
  }
})

test('R007-94 values that lead to one file end a get with their code', async (t) => {
  const { place, node, key, value } = await scene(t)
  const other = (await node.put({ bytes: Readable.from([Buffer.from('other')]) })).key.toString()
  mkdirSync(place.file('out'))
  writeFileSync(place.file(`out/${key}`), 'before')
  symlinkSync(key, place.file(`out/${other}`))
  const { exit, stderr } = await place.run(['get', key, other, '--output-dir', 'out'])
  t.is(exit, 8)
  t.is(stderr, `dstore: cannot write to out/${other}: it has the value of ${key}\n`)
  sameBytes(t, readFileSync(place.file(`out/${key}`)), value)
})

test('R007-26 standard output that is a file gets all of it', async (t) => {
  const { place, key, value } = await scene(t, 3_000_001)
  const file = openSync(place.file('out'), 'w')
  const { exit } = await place.run(['get', key], { stdout: file })
  closeSync(file)
  t.is(exit, 0)
  sameBytes(t, readFileSync(place.file('out')), value)
})

test('R007-22 each key is tried, and the exit code says how they ended', async (t) => {
  const { place, node, key } = await scene(t)
  const unknown = '0'.repeat(64)
  t.is((await place.run(['has', key, key])).exit, 0)
  t.is((await place.run(['has', unknown, unknown])).exit, 1)
  const both = await place.run(['has', key, unknown])
  t.is(both.exit, 8, both.stderr)
  const mixed = await place.run(['get', unknown, key, '--output-dir', 'out'])
  t.is(mixed.exit, 8)
  t.is(readdirSync(place.file('out')).length, 1)
  node.fault = new DstoreError('unreachable', 'Global is away')
  const away = await place.run(['has', key])
  t.is(away.exit, 5, 'R007-29')
  t.is(away.stderr, 'dstore: Global is away\n')
})

test('R007-31 a removal that a Local still owes names it, with exit code 8', async (t) => {
  const { place, node, key } = await scene(t)
  const remove = node.remove.bind(node)
  const asked: unknown[] = []
  node.remove = async (what, options) => {
    asked.push(options)
    return { ...(await remove(what, options)), acknowledged: ['a'], owed: ['b', 'c'] }
  }
  const { exit, stdout } = await place.run(['rm', key, '--force'])
  t.is(exit, 8)
  t.regex(stdout.toString(), /acknowledged by 1 Local; still owed by b c\n$/)
  await place.run(['rm', key, '--timeout', '20s'])
  t.like(asked[0], { force: true, timeoutMs: undefined }, 'how long to wait is for Global to say')
  t.like(asked[1], { timeoutMs: 20_000 })
})

test('R007-21 an error of a daemon is one line, whatever it contains', async (t) => {
  const { place, node, key } = await scene(t)
  node.fault = new DstoreError('internal', 'odd\n\u001b[2Jthing', { hint: 'a\nb' })
  const { exit, stderr } = await place.run(['stat', key])
  t.is(stderr, 'dstore: internal error: odd  [2Jthing\nhint: a b\n')
  t.is(exit, 1)
})

test('a daemon that dies in the middle is exit code 5', async (t) => {
  const { place, node, key } = await scene(t)
  const release = holdAfterFirst(node)
  const child = place.start(['get', key, '-o', 'out'])
  const ended = outcome(child)
  while (!readdirSync(place.path).some((name) => name.endsWith('.part'))) await sleep(5)
  node.fault = new DstoreError('unreachable', 'stopping')
  node.failAfterBytes = 0
  release()
  t.is((await ended).exit, 5)
  t.deepEqual(readdirSync(place.path), [])
})

test('R007-99 --output-dir where the system makes no directories ends at once', async (t) => {
  const { directory } = await serving(t)
  const place = new Place(t, directory.path)
  for (const path of ['/proc/none', '/proc/none/below']) {
    const { exit, stderr } = await place.run(['get', 'nothing', '--output-dir', path])
    t.deepEqual(
      [exit, stderr],
      [1, `dstore: cannot create the directory ${path}: no such directory\n`],
    )
  }
})
