import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { blake3 } from '@noble/hashes/blake3.js'
import { DstoreError } from '../../src/errors.ts'
import { Key } from '../../src/hash/key.ts'
import { ask, serving } from '../daemon/serving.ts'
import { groupSmall } from '../../cli/input/small-files.ts'
import { sameBytes } from '../same-bytes.ts'
import { SYSTEM_FILES } from '../store/file/stated-file.ts'
import { BUNDLE, Place, outcome } from './command.ts'

/** More than a command sends as bytes. */
const LARGE = 100_000

const keyOf = (value: Uint8Array): string => new Key(blake3(value)).toString()

const SIZES = [0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 65_536, 1_048_577, 5_000_000]

test('values of every size go through the real daemon, from files and from stdin', async (t) => {
  const place = new Place(t)
  const files = SIZES.map((size) => `v${size}`)
  const values = SIZES.map((size) => randomBytes(size))
  for (const [index, file] of files.entries()) writeFileSync(place.file(file), values[index]!)
  const keys = values.map((value) => new Key(blake3(value)).toString())

  const stored = await place.run(['put', ...files])
  t.is(stored.exit, 0, stored.stderr)
  t.is(stored.stdout.toString(), keys.map((key) => `${key}\n`).join(''))
  const named = await place.run(['cid', ...files])
  t.is(named.stdout.toString(), stored.stdout.toString())
  for (const [index, value] of values.entries()) {
    const piped = await place.run(['put', '-'], { input: value })
    t.is(piped.stdout.toString(), `${keys[index]}\n`)
    const back = await place.run(['get', keys[index]!])
    t.true(back.stdout.equals(value), `${value.byteLength} bytes`)
  }
  const out = await place.run(['get', ...keys, '--output-dir', 'out'])
  t.is(out.exit, 0)
  for (const [index, key] of keys.entries()) {
    t.true(readFileSync(place.file(`out/${key}`)).equals(values[index]!))
  }
})

test('R007-24 ten commands that find no daemon start one, and all succeed', async (t) => {
  const place = new Place(t)
  const inputs = Array.from({ length: 10 }, () => randomBytes(1000))
  const ended = await Promise.all(inputs.map((input) => place.run(['put', '-'], { input })))
  for (const [index, { exit, stdout, stderr }] of ended.entries()) {
    t.is(exit, 0, stderr)
    t.is(stdout.toString(), `${new Key(blake3(inputs[index]!)).toString()}\n`)
  }
  const listed = await place.run(['ls', '--keys'])
  t.is(listed.stdout.toString().split('\n').length, 11)
})

test('R007-25 anything but a regular file is streamed: a pipe, an unlinked file', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = randomBytes(100_000)
  const key = `${new Key(blake3(value)).toString()}\n`

  await once(spawn('mkfifo', [place.file('fifo')]), 'close')
  const writer = spawn('sh', ['-c', 'cat > fifo'], { cwd: place.path })
  writer.stdin.end(value)
  t.is((await place.run(['put', 'fifo'])).stdout.toString(), key)

  writeFileSync(place.file('gone'), value)
  const fd = openSync(place.file('gone'), 'r')
  unlinkSync(place.file('gone'))
  const child = spawn(process.execPath, [BUNDLE, 'put', '/dev/stdin'], {
    env: place.env(),
    stdio: [fd, 'pipe', 'pipe'],
  })
  t.is((await outcome(child)).stdout.toString(), key)
  t.is(node.values.size, 1)
})

test('R007-25 a file that only the caller may read is streamed', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  writeFileSync(place.file('mine'), randomBytes(LARGE))
  const put = node.put.bind(node)
  const asked: string[] = []
  node.put = (source, options) => {
    asked.push('path' in source ? 'path' : 'bytes')
    if ('bytes' in source) return put(source, options)
    return Promise.reject(new DstoreError('unreadable', 'permission denied'))
  }
  const { exit, stderr } = await place.run(['put', 'mine'])
  t.is(exit, 0, stderr)
  t.deepEqual(asked, ['path', 'bytes'])
})

test('R007-19 a socket that is open to others reads no file by path; put streams', async (t) => {
  const { daemon, directory } = await serving(t)
  const place = new Place(t, directory.path)
  writeFileSync(place.file('mine'), 'mine')
  chmodSync(daemon.socket, 0o660)
  const body = JSON.stringify({ path: place.file('mine') })
  t.is((await ask(daemon.socket, 'POST', '/v1/files', { body })).status, 403)
  t.is((await place.run(['put', 'mine'])).exit, 0)
})

test('R005-51 files of procfs and sysfs have the keys of what reading gives', async (t) => {
  const place = new Place(t)
  const files = SYSTEM_FILES.filter((one) => existsSync(one))
  const keys = files.map((file) => keyOf(readFileSync(file)))
  for (const [index, file] of files.entries()) {
    const stored = await place.run(['put', file, '--name', file])
    t.is(stored.stdout.toString(), `${keys[index]}\n`, stored.stderr)
  }
  const all = keys.map((key) => `${key}\n`).join('')
  for (const command of ['put', 'cid']) {
    const { stdout, stderr } = await place.run([command, ...files])
    t.is(stdout.toString(), all, stderr)
  }
  for (const [index, file] of files.entries()) {
    const { stdout } = await place.run(['get', file])
    sameBytes(t, stdout, readFileSync(file), keys[index])
  }
})

test('R007-39 a file that is small by its size alone does not go in a batch', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  // A page map states 0 bytes, and has gigabytes.
  const endless = '/proc/self/pagemap'
  if (!existsSync(endless)) return t.pass()
  const alone = { files: [endless], values: undefined }
  t.deepEqual([...groupSmall([endless, endless])], [alone, alone])
  writeFileSync(place.file('a'), 'a')
  const { exit, stderr } = await place.run(['put', 'a', 'none', 'a'])
  t.is(exit, 8, stderr)
  t.is(node.values.size, 1)
  return undefined
})

test('R007-93 a large file is handed over by its path; what has no length, or no path, is sent', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = randomBytes(LARGE)
  writeFileSync(place.file('large'), value)
  t.is((await place.run(['put', 'large'])).stdout.toString(), `${keyOf(value)}\n`)
  t.is(node.putsByPath, 1)
  if (!existsSync('/proc/version')) return t.pass()
  const version = await place.run(['put', '/proc/version'])
  t.is(version.stdout.toString(), `${keyOf(readFileSync('/proc/version'))}\n`)
  t.is(node.putsByPath, 1)
  return undefined
})

test('R007-93 a file that another one replaces between the two opens is the caller’s', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const value = randomBytes(LARGE)
  writeFileSync(place.file('mine'), value)
  writeFileSync(place.file('other'), randomBytes(LARGE))
  const put = node.put.bind(node)
  node.put = (source, options) => {
    if ('path' in source) renameSync(place.file('other'), source.path)
    return put(source, options)
  }
  t.is((await place.run(['put', 'mine'])).stdout.toString(), `${keyOf(value)}\n`)
  t.deepEqual([...node.values.keys()], [keyOf(value)])
})

test('R007-93 descriptors as paths are those of the caller', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  if (!existsSync('/proc/self/fd')) return t.pass()
  const value = randomBytes(LARGE)
  writeFileSync(place.file('mine'), value)
  const fd = openSync(place.file('mine'), 'r')
  t.teardown(() => closeSync(fd))
  const put = async (path: string): Promise<string> => {
    const child = spawn(process.execPath, [BUNDLE, 'put', path], {
      env: place.env(),
      stdio: [fd, 'pipe', 'pipe'],
    })
    const { stdout, stderr } = await outcome(child)
    t.is(stderr, '', path)
    return stdout.toString()
  }
  for (const path of ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']) {
    t.is(await put(path), `${keyOf(value)}\n`, path)
  }
  // A descriptor of a deleted file has no path, but this is what its link says.
  unlinkSync(place.file('mine'))
  writeFileSync(place.file('mine'), randomBytes(LARGE))
  writeFileSync(place.file('mine (deleted)'), randomBytes(LARGE))
  for (const path of ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']) {
    t.is(await put(path), `${keyOf(value)}\n`, path)
  }
  t.deepEqual([...node.values.keys()], [keyOf(value)])
  return undefined
})

test('a put that the daemon refuses midway reports its code', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  node.fault = new DstoreError('no-space', 'the store is full')
  node.failAfterBytes = 100_000
  const { exit, stdout, stderr } = await place.run(['put', '-'], { input: randomBytes(5_000_000) })
  t.is(stderr, 'dstore: the store is full\n')
  t.is(exit, 7)
  t.is(stdout.byteLength, 0)
})
