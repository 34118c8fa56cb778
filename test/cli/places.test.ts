/** `get --output-dir` by names, and its reverse: `put` of many files with names. */
import { test } from '../serial.ts'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { checkPlaces } from '../../cli/many/places.ts'
import { nameBelow } from '../../cli/many/names-below.ts'
import { jobsOf } from '../../cli/many/in-flight.ts'
import { parseReferences } from '../../cli/input/references.ts'
import { parseKey } from '../../src/hash/key.ts'
import { serving } from '../daemon/serving.ts'
import { Place } from './command.ts'
import { inTerminal } from './in-terminal.ts'

const checked = async (...names: string[]): Promise<readonly string[]> =>
  checkPlaces((await parseReferences(names)).values())

test('R007-443 a name is a path below the directory, or is refused', async (t) => {
  const key = `bafkr4i${'a'.repeat(52)}`
  t.deepEqual(await checked('a', 'b/c', 'b/d', key), ['a', 'b/c', 'b/d'])
  for (const [name, why] of [
    ['../x', /a part \. or \.\./],
    ['a/../../x', /a part \. or \.\./],
    ['./x', /a part \. or \.\./],
    ['/etc/passwd', /absolute/],
    ['a//b', /empty part/],
    ['a/', /empty part/],
    [`a/${'x'.repeat(256)}`, /more than 255 bytes/],
    ['a/.dstore-1-abcdefgh.part', /temporary/],
  ] as const) {
    const error = await t.throwsAsync(checked('good', name), { code: 'usage' }, name)
    t.regex(error.message, why)
  }
  const both = await t.throwsAsync(checked('a/b/c', 'a/b'), { code: 'usage' })
  t.is(both.message, 'a/b cannot be a file and the folder of a/b/c')
  t.deepEqual(await checked('a/b', 'a/b', 'a/bc'), ['a/b', 'a/bc'])
})

test('R007-443 what cannot be reached is refused before a value is asked for', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: bytesOf('value') })
  for (const name of ['plain', 'file/x', 'link/x', '../up']) await node.bind(name, key)
  node.get = () => t.fail()
  mkdirSync(place.file('out'))
  mkdirSync(place.file('elsewhere'))
  writeFileSync(place.file('out/file'), 'mine')
  symlinkSync('../elsewhere', place.file('out/link'))
  for (const [name, exit, why] of [
    ['file/x', 1, 'cannot write to out/file/x: out/file is no folder'],
    ['link/x', 1, 'cannot write to out/link/x: out/link is a link'],
    ['../up', 2, '../up names no file below a directory: it has a part . or ..'],
  ] as const) {
    const got = await place.run(['get', 'plain', name, '--output-dir', 'out'])
    t.deepEqual([got.exit, got.stderr.split('\n')[0]], [exit, `dstore: ${why}`])
    t.deepEqual(readdirSync(place.file('out')).toSorted(), ['file', 'link'])
  }
  t.deepEqual(readdirSync(place.file('elsewhere')), [])
})

test('R007-443 R007-430 a spelling of a key is called by the key, and a name like one by itself', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: bytesOf('value') })
  const text = key.toString()
  await node.bind('deadbeef01', key)
  await node.bind('deadbeef/../../up', key)
  for (const [name, file] of [
    [`ipfs://${text}`, text],
    [` ${text} `, text],
    [text, text],
    [text.slice(0, 20), text],
    ['deadbeef01', 'deadbeef01'],
  ] as const) {
    const got = await place.run(['get', name, '--output-dir', file === text ? 'keys' : 'names'])
    t.is(got.exit, 0, got.stderr)
    t.is(readFileSync(place.file(`${file === text ? 'keys' : 'names'}/${file}`), 'utf8'), 'value')
  }
  t.deepEqual(readdirSync(place.file('keys')), [text])
  const up = await place.run(['get', 'deadbeef01', 'deadbeef/../../up', '--output-dir', 'names'])
  t.is(up.exit, 8)
  t.regex(up.stderr, /names no file below a directory/)
  t.deepEqual(readdirSync(place.file('names')), ['deadbeef01'])
})

test('R007-443 a name that does not exist leaves no folder behind', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: bytesOf('value') })
  await node.bind('a/b/one', key)
  node.get = () => Promise.reject(new Error('it breaks'))
  t.is((await place.run(['get', 'a/b/one', 'a/none', '--output-dir', 'out/below'])).exit, 8)
  t.false(existsSync(place.file('out')))
  mkdirSync(place.file('mine'))
  t.is((await place.run(['get', 'a/b/one', 'a/none', '--output-dir', 'mine/below'])).exit, 8)
  t.is((await place.run(['get', 'none', '--output-dir', 'mine'])).exit, 3)
  t.deepEqual(readdirSync(place.file('mine')), [])
})

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text))
}

test('R007-444 what was written is shown on a terminal and with --json, not in a pipe', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const { key } = await node.put({ bytes: bytesOf('value') })
  await node.bind('docs/one', key)
  const get = 'dstore get docs/one --output-dir out'
  t.like(await inTerminal(place, get), { exit: 0, shown: 'out/docs/one\n' })
  t.like(await inTerminal(place, `${get} | cat`), { exit: 0, shown: '' })
  const json = await place.run(['get', 'docs/one', key.toString(), '--output-dir', 'out', '--json'])
  const documents = json.stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { file: string })
  const text = key.toString()
  t.deepEqual(
    documents.toSorted((a, b) => (a.file < b.file ? 1 : -1)),
    [
      { file: 'out/docs/one', key: text, name: 'docs/one', size: 5 },
      { file: `out/${text}`, key: text, size: 5 },
    ],
  )
  const one = await place.run(['get', 'docs/one', '-o', 'copy', '--range', '0-1', '--json'])
  t.deepEqual(JSON.parse(one.stdout.toString()), { file: 'copy', key: text, size: 2 })
  t.is((await place.run(['get', 'docs/one', '--json'])).exit, 2)
})

test('R007-446 a file has the name of its path below the prefix', async (t) => {
  t.is(await nameBelow('v1/', './a//b/'), 'v1/a/b')
  for (const file of ['-', '/etc/passwd', '../x', 'a/../x', '.', '']) {
    await t.throwsAsync(nameBelow('v1/', file), { code: 'usage' }, file)
  }
})

test('R007-445 R007-446 put of a list with names, and get of them, is the same files', async (t) => {
  const place = new Place(t)
  const files = ['model/a.bin', 'model/deep/b', 'c']
  for (const folder of ['model', 'model/deep']) mkdirSync(place.file(folder))
  for (const file of files) writeFileSync(place.file(file), `${file}${'x'.repeat(20_000)}`)
  const input = `${files.join('\n')}\n\n`
  const put = await place.run(['put', '--files-from', '-', '--name', 'v1/', '--jobs', '2'], {
    input,
  })
  t.is(put.exit, 0, put.stderr)
  const cid = await place.run(['cid', ...files])
  t.is(put.stdout.toString(), cid.stdout.toString(), 'in the order of the list')
  const names = (await place.run(['ls'])).stdout
  t.deepEqual(names.toString().trim().split('\n'), files.map((file) => `v1/${file}`).toSorted())
  const got = await place.run(['get', '--files-from', '-', '--output-dir', 'out'], { input: names })
  t.is(got.exit, 0, got.stderr)
  for (const file of files) {
    t.true(readFileSync(place.file(`out/v1/${file}`)).equals(readFileSync(place.file(file))))
  }
  // A path with a line end is listed between NUL bytes.
  writeFileSync(place.file('two\nlines'), 'text')
  const nul = { input: 'two\nlines\0c\0' }
  const listed = await place.run(['put', '--files-from', '-', '--json'], nul)
  t.deepEqual(
    listed.stdout
      .toString()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { file: string }).file),
    ['two\nlines', 'c'],
  )
  const mixed = await place.run(['put', 'c', 'none', 'model/a.bin'])
  t.deepEqual([mixed.exit, mixed.stderr], [8, 'dstore: cannot read none: no such file\n'])
  t.is(mixed.stdout.toString().split('\n').length, 3)
  t.is((await place.run(['put', '--files-from', '-'], { input: '' })).exit, 0)
  t.is((await place.run(['put', '-', '--files-from', '-'], { input: '' })).exit, 2)
  const shown = await inTerminal(
    place,
    'dstore put c model/a.bin; dstore put c; dstore cid c c | cat',
  )
  const [key] = (await place.run(['cid', 'c'])).stdout.toString().split('\n')
  const lines = shown.shown.split('\n')
  t.is(lines[0], `${key}  c`)
  t.regex(lines[1]!, /^bafkr4i\w+ {2}model\/a\.bin$/)
  t.deepEqual(lines.slice(2), [key, key, key, ''])
})

test('R007-445 so many jobs at a time, and no more', async (t) => {
  t.deepEqual(['1', '9', '64'].map(jobsOf), [1, 9, 64])
  t.is(jobsOf(undefined), undefined)
  for (const text of ['0', '65', '100', '-1', '1.5', 'all', '']) {
    t.throws(() => jobsOf(text), { code: 'usage' }, text)
  }
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const files = Array.from({ length: 9 }, (_, index) => `f${index}`)
  for (const file of files) writeFileSync(place.file(file), file.repeat(20_000))
  const put = node.put.bind(node)
  let [running, most] = [0, 0]
  node.put = async (...args) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return put(...args).finally(() => running--)
  }
  t.is((await place.run(['put', ...files, '--jobs', '3'])).exit, 0)
  t.is(most, 3)
  most = 0
  const keys = [...node.values.keys()]
  const get = node.get.bind(node)
  node.get = async (key, options) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 50))
    return get(key, options).finally(() => running--)
  }
  t.is((await place.run(['get', ...keys, '--output-dir', 'out', '--jobs', '3'])).exit, 0)
  t.is(most, 3)
  t.is((await place.run(['get', parseKey(keys[0]!).toHex(), '--jobs', '3'])).exit, 2)
})
