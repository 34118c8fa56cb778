/**
 * A writer that sends directory values of its own making, through a Local: each is refused in one
 * answer, costs no memory, and leaves nothing.
 */
import { blake3 } from '@noble/hashes/blake3.js'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from '../serial.ts'
import { Key } from '../../src/hash/key.ts'
import type { Answer } from '../daemon/serving.ts'
import { Daemon, shared } from './nodes.ts'
import { call, makeDirectory, openHold, refusal } from './tree-calls.ts'
import { folder } from './tree-files.ts'
import { field, head, link, map, text } from './tree-key.ts'
import { hasKeys, keysAt, linesOf, oneLine, peakMib, putTree } from './trees.ts'

const nodes = shared(async (owner) => {
  const global = await Daemon.start(owner, ['--global'])
  return { global, local: await Daemon.join(owner, global, [], undefined, 'writer') }
})

const FILE = Buffer.from('a file')
const DIGEST = blake3(FILE)

const keyOf = (bytes: Uint8Array, kind: 'bytes' | 'directory' = 'bytes'): string =>
  new Key(blake3(bytes), kind).toString()

const uint = (value: number): Buffer => head(0, value)
const file = (size: Buffer, digest = DIGEST, codec = 0x55): Buffer =>
  map([field('src', link(codec, digest)), field('size', size)])
const tree = (...entries: [Buffer, Buffer][]): Buffer => map([field('tree', map(entries))])
const named = (name: string | Buffer): Buffer => tree([Buffer.from(name), file(uint(6))])

/** Ways to name a file elsewhere, or nowhere. */
const BAD_NAMES = ['', '.', '..', '/', '../x', 'a/b', '/etc/passwd', 'a\0b', 'n'.repeat(256)]

const SRC = field('src', link(0x55, DIGEST))
const entry = (...fields: [Buffer, Buffer][]): Buffer => tree([Buffer.from('f'), map(fields)])
const good = named('f')

/** Values that are nearly a directory, or something else altogether. */
const BAD_VALUES: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  text: Buffer.from('not a directory'),
  'cut off': good.subarray(0, -1),
  'a byte behind it': Buffer.concat([good, Buffer.of(0)]),
  'a second key': map([field('tree', map([])), field('x', uint(1))]),
  'another key': map([field('tres', map([]))]),
  'an unknown field': entry(SRC, field('size', uint(6)), field('mode', uint(1))),
  'no size': entry(SRC),
  'exec false': entry(SRC, field('size', uint(6)), field('exec', Buffer.of(0xf4))),
  'exec 1': entry(SRC, field('size', uint(6)), field('exec', uint(1))),
  'a size that is not shortest': tree([Buffer.from('f'), file(Buffer.of(0x18, 6))]),
  'a size that is a float': tree([
    Buffer.from('f'),
    file(Buffer.of(0xfb, 64, 24, 0, 0, 0, 0, 0, 0)),
  ]),
  'a negative size': tree([Buffer.from('f'), file(Buffer.of(0x25))]),
  'a size of 2^53': tree([Buffer.from('f'), file(uint(2 ** 53))]),
  'a file of codec 0x71': tree([Buffer.from('f'), file(uint(6), DIGEST, 0x71)]),
  'a file of codec 0x70': tree([Buffer.from('f'), file(uint(6), DIGEST, 0x70)]),
  'a map without end': Buffer.of(0xbf, 0x64, 0x74, 0x72, 0x65, 0x65, 0xa0, 0xff),
  'names out of order': Buffer.concat([
    Buffer.from('a16474726565a2', 'hex'),
    ...['b', 'a'].flatMap((name) => [text(Buffer.from(name)), file(uint(6))]),
  ]),
  'two entries of one name': tree(
    [Buffer.from('f'), file(uint(6))],
    [Buffer.from('f'), file(uint(6))],
  ),
  'a name of bytes': Buffer.concat([
    Buffer.from('a16474726565a1', 'hex'),
    head(2, 1),
    Buffer.of(102),
    file(uint(6)),
  ]),
  'a name that is not UTF-8': named(Buffer.of(0x66, 0xff)),
  'half of a pair': named(Buffer.of(0xed, 0xa0, 0x80)),
  'ten million entries that are not there': Buffer.from('a16474726565ba00989680', 'hex'),
  'a text of 4 GiB that is not there': Buffer.from('a17affffffff', 'hex'),
  'a tower of lists': Buffer.alloc(100_000, 0x81),
  'a tower of tags': Buffer.alloc(100_000, 0xc6),
  'a tower of maps': Buffer.alloc(100_000, Buffer.from('a16174')),
  ...Object.fromEntries(BAD_NAMES.map((name) => [`the name ${JSON.stringify(name)}`, named(name)])),
}

test('R007-285 no value that is not the one encoding of a directory becomes one', async (t) => {
  const { global, local } = await nodes()
  const keys = await keysAt(t, global)
  const hold = await openHold(t, local)
  for (const bytes of [FILE, good, ...Object.values(BAD_VALUES)]) {
    const { status, body } = await call(local, 'POST', `/v1/values?hold=${hold}`, bytes)
    t.true(status === 200 || status === 201, body.toString())
  }
  const make = (bytes: Uint8Array): Promise<Answer> =>
    makeDirectory(local, hold, keyOf(bytes, 'directory'))
  for (const [what, bytes] of Object.entries(BAD_VALUES)) {
    const code = what.startsWith('ten million') ? 'too-large' : 'integrity'
    t.regex(refusal(await make(bytes)), new RegExp(`^\\d+ ${code}$`), what)
  }
  const words = Object.values(BAD_VALUES).map((bytes) => keyOf(bytes, 'directory'))
  t.is((await local.run(['stat', ...words])).exit, 3, 'none is a directory')
  const made = await make(good)
  t.is(made.status, 200, made.body.toString())
  t.is((await call(local, 'DELETE', `/v1/holds/${hold}`)).status, 200)
  await hasKeys(t, global, keys.length)
})

test('R007-285 a directory that states wrong sizes, or lacks a child, is refused', async (t) => {
  const { local } = await nodes()
  const hold = await openHold(t, local)
  const put = async (bytes: Buffer): Promise<void> => {
    t.true((await call(local, 'POST', `/v1/values?hold=${hold}`, bytes)).status < 300)
  }
  const make = async (bytes: Buffer): Promise<Answer> => {
    await put(bytes)
    return makeDirectory(local, hold, keyOf(bytes, 'directory'))
  }
  await put(FILE)
  t.is((await make(good)).status, 200)
  for (const size of [0, 5, 7, 2 ** 53 - 1]) {
    const wrong = tree([Buffer.from('f'), file(uint(size))])
    t.regex(refusal(await make(wrong)), / integrity$/, `${size}`)
  }
  const below = (size: number, files: number, digest = blake3(good)): Buffer => {
    const counts = [field('size', uint(size)), field('files', uint(files))]
    return tree([Buffer.from('d'), map([field('tree', link(0x71, digest)), ...counts])])
  }
  for (const [size, files] of [
    [5, 1],
    [6, 0],
    [6, 2],
  ] as const) {
    t.regex(refusal(await make(below(size, files))), / integrity$/, `${size} ${files}`)
  }
  t.is((await make(below(6, 1))).status, 200)
  const absent = blake3(Buffer.from('not there'))
  const lacking = await make(tree([Buffer.from('f'), file(uint(9), absent)]))
  const { missing } = JSON.parse(lacking.body.toString()) as { missing: string[] }
  t.deepEqual(missing, [new Key(absent).toString()])
  // A file is no directory, whatever an entry calls it.
  const posing = await make(below(6, 1, DIGEST))
  t.true(posing.status >= 400 || posing.body.includes(keyOf(FILE, 'directory')))
  for (const bytes of [tree([Buffer.from('f'), file(uint(9), absent)]), below(6, 1, DIGEST)]) {
    const body = JSON.stringify({ key: keyOf(bytes, 'directory') })
    const { status } = await call(local, 'POST', `/v1/trees?hold=${hold}&name=lacking`, body)
    t.true(status >= 400)
  }
  t.is((await local.run(['has', 'lacking'])).exit, 1)
  t.is((await call(local, 'DELETE', `/v1/holds/${hold}`)).status, 200)
})

test('R007-285 a directory value of 17 MiB is refused before anything decodes it', async (t) => {
  const { global, local } = await nodes()
  const path = local.place.file('huge')
  writeFileSync(path, '')
  truncateSync(path, 17 * 1024 * 1024)
  const before = peakMib(global.process.pid!)
  const [key] = linesOf(t, await local.run(['put', path]))
  const hold = await openHold(t, local)
  const directory = new Key(Key.printed(key!)!.digest, 'directory').toString()
  t.regex(refusal(await makeDirectory(local, hold, directory)), / too-large$/)
  if (before !== undefined) t.true(peakMib(global.process.pid!)! - before < 100)
})

test('R007-285 bytes that are put plainly are no directory, and the message says so', async (t) => {
  const { local } = await nodes()
  const bytes = tree([Buffer.from('plain'), file(uint(5), blake3(Buffer.from('plain')))])
  const [key] = linesOf(t, await local.run(['put', '-'], bytes))
  t.is(key, keyOf(bytes))
  const directory = keyOf(bytes, 'directory')
  for (const args of [
    ['get', directory, '-o', local.place.file('out')],
    ['ls', directory],
    ['get', `${directory}/plain`],
  ]) {
    oneLine(t, await local.run(args), 3, /^dstore: .*not as a directory/m)
  }
  // The folder itself makes it one.
  const path = folder(t)
  writeFileSync(`${path}/plain`, 'plain')
  t.is(await putTree(t, local, path), directory)
  t.is((await local.run(['get', `${directory}/plain`])).stdout.toString(), 'plain')
  t.is(Buffer.compare((await local.run(['get', key!])).stdout, bytes), 0)
})

test('R007-285 a hold that is not there, and a hold that ended, are not found', async (t) => {
  const { local } = await nodes()
  const ended = await openHold(t, local)
  t.is((await call(local, 'DELETE', `/v1/holds/${ended}`)).status, 200)
  const keys = JSON.stringify({ keys: [keyOf(FILE)] })
  for (const hold of [ended, '00'.repeat(16)]) {
    t.is(refusal(await call(local, 'POST', `/v1/holds/${hold}/present`, keys)), '404 not-found')
    t.is(refusal(await call(local, 'POST', `/v1/values?hold=${hold}`, FILE)), '404 not-found')
  }
  for (const hold of ['x', '00', `${'00'.repeat(16)}0`, '..']) {
    const { status } = await call(local, 'POST', `/v1/values?hold=${hold}`, FILE)
    t.is(status, 400, hold)
  }
})

test('R007-285 nothing is bound below a directory, nor a directory above a name, nor a name like a key', async (t) => {
  const { local } = await nodes()
  const path = folder(t)
  mkdirSync(`${path}/sub`)
  const key = await putTree(t, local, path, ['--name', 'taken/dir'])
  writeFileSync(`${path}/one`, 'one')
  linesOf(t, await local.run(['put', `${path}/one`, '--name', 'above/a/b']))
  for (const args of [
    ['put', `${path}/one`, '--name', 'taken/dir/x'],
    ['put', path, '--name', 'taken/dir/x/y'],
    ['name', 'above', key],
    ['put', path, '--name', 'above/a'],
  ]) {
    oneLine(t, await local.run(args), 9, /^dstore: /m)
  }
  oneLine(t, await local.run(['put', `${path}/one`, '--name', `${key}/x`]), 2, /^dstore: /m)
  // Beside it, and where only the beginning is alike.
  linesOf(t, await local.run(['put', `${path}/one`, '--name', 'taken/directory']))
  linesOf(t, await local.run(['name', 'abov', key]))
})
