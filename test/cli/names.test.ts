import { test } from '../serial.ts'
import { base16 } from 'multiformats/bases/base16'
import { base256emoji } from 'multiformats/bases/base256emoji'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { base64url } from 'multiformats/bases/base64'
import type { ExecutionContext } from 'ava'
import { readdirSync, writeFileSync } from 'node:fs'
import { changeText } from '../../cli/commands/watch.ts'
import { splitCommand } from '../../cli/parse-flags.ts'
import { parseReferences } from '../../cli/input/references.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { DstoreError } from '../../src/errors.ts'
import { packKeys } from '../../src/index/records/list-pages.ts'
import { AT } from '../daemon/fake-names.ts'
import { serving } from '../daemon/serving.ts'
import { eventually } from '../eventually.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { Place, outcome } from './command.ts'

const VALUE = new TextEncoder().encode('hello, world\n')
const KEY = new Key(hash(VALUE).digest)

const PAGE = packKeys({
  type: 'listed',
  items: Array.from({ length: 1000 }, () => ({ digest: KEY.digest, size: 13 })),
  more: true,
})

async function scene(t: ExecutionContext): Promise<{ place: Place; node: FakeNode }> {
  const { node, directory } = await serving(t)
  node.values.set(KEY.toString(), VALUE)
  return { place: new Place(t, directory.path), node }
}

test('R007-38 watch shows each change until Ctrl-C', async (t) => {
  const { place, node } = await scene(t)
  const about = { position: 'p-7', seq: 7, key: KEY, names: ['a', 'b'], size: 13 }
  node.changes.push({ ...about, type: 'put' })
  const child = place.start(['watch'])
  const ended = outcome(child)
  const first = new Promise((resolve) => child.stdout!.once('data', resolve))
  await first
  child.kill('SIGINT')
  const { exit, stdout, stderr } = await ended
  t.is(stdout.toString(), `7 put ${KEY.toString()} 13B a b\n`)
  t.deepEqual({ exit, stderr }, { exit: 130, stderr: '' })
})

test('R007-298 watch shows what a tag was moved from, and why a name went', (t) => {
  const about = { position: 'p-7', seq: 7, key: 'NEW', names: ['now'] }
  t.is(
    changeText({ ...about, type: 'rebind', size: 13, previous: 'OLD' }),
    '7 rebind NEW 13B now from OLD',
  )
  const reasons = ['expired', 'rule', 'moved', 'removed'] as const
  for (const why of reasons) {
    t.is(changeText({ ...about, type: 'unbind', why }), `7 unbind NEW now (${why})`)
  }
})

test('R007-294 tag says what it moved, until when that is kept, and which Locals are silent', async (t) => {
  const { place, node } = await scene(t)
  const other = new Key(hash(new Uint8Array(1)).digest)
  node.values.set(other.toString(), new Uint8Array(1))
  const first = await place.run(['tag', 'now', KEY.toString()])
  t.deepEqual([first.exit, first.stdout.toString(), first.stderr], [0, '', ''])
  const moved = await place.run(['tag', 'now', other.toString(), '--keep', '0', '--expires', '1h'])
  t.deepEqual([moved.exit, moved.stdout.toString()], [0, ''])
  const [from, silent, expiry] = moved.stderr.split('\n')
  t.is(from, `moved now from ${KEY.toString()}, which goes at once`)
  t.is(silent, 'out of touch, may still show now as it was: 12D3KooWfake')
  t.is(expiry, 'now expires at 2026-01-01T01:00:00.000Z')
  const terms = node.tags.asked.map(({ keepMs, expiresMs }) => [keepMs, expiresMs])
  t.deepEqual(terms, [
    [undefined, undefined],
    [0, 3_600_000],
  ])
  const back = await place.run(['tag', 'now', KEY.toString()])
  t.is(back.stderr.split('\n')[0], `moved now from ${other.toString()}, which is kept until ${AT}`)
  const quiet = await place.run(['tag', 'now', KEY.toString(), '--quiet'])
  t.deepEqual([quiet.exit, quiet.stdout.toString(), quiet.stderr], [0, '', ''])
})

test('R007-302 put --tag says what tag says', async (t) => {
  const { place } = await scene(t)
  for (const text of ['one', 'two']) writeFileSync(place.file(text), text)
  const first = await place.run(['put', place.file('one'), '--tag', 'put/now'])
  t.deepEqual([first.exit, first.stderr], [0, ''])
  const terms = ['--tag', 'put/now', '--keep', '1h', '--expires', '1h']
  const moved = await place.run(['put', place.file('two'), ...terms])
  t.is(moved.exit, 0)
  t.is(moved.stdout.toString().trimEnd().split('\n').length, 1)
  t.deepEqual(moved.stderr.trimEnd().split('\n'), [
    `moved put/now from ${first.stdout.toString().trimEnd()}, which is kept until ${AT}`,
    'out of touch, may still show put/now as it was: 12D3KooWfake',
    'put/now expires at 2026-01-01T01:00:00.000Z',
  ])
  const json = await place.run(['put', place.file('one'), '--tag', 'put/now', '--json', '-q'])
  t.is(json.stderr, '')
  t.like(JSON.parse(json.stdout.toString()), {
    previous: moved.stdout.toString().trimEnd(),
    previousKeptUntil: AT,
    silent: ['12D3KooWfake'],
  })
})

test('R007-38 watch resumes after a position, and fails when Global is away', async (t) => {
  const { place, node } = await scene(t)
  const none = { key: undefined, size: undefined, names: [] }
  node.changes.push({ ...none, position: 'p-1', seq: 1, type: 'run-started' })
  node.changes.push({ ...none, position: 'p-9', seq: 9, type: 'lost' })
  const child = place.start(['watch', '--json', '--after', 'p-1'])
  const ended = outcome(child)
  child.stdout!.once('data', () => {
    node.fault = new DstoreError('unreachable', 'Global is away')
  })
  const { exit, stdout, stderr } = await ended
  t.is(stdout.toString(), '{"names":[],"position":"p-9","seq":9,"type":"lost"}\n')
  t.is(exit, 5)
  t.like(JSON.parse(stderr), { error: { code: 'unreachable', message: 'Global is away' } })
})

test('R007-27 R007-38 a closed pipe ends a watch silently at the next change', async (t) => {
  const { place, node } = await scene(t)
  const child = place.start(['watch'])
  const ended = outcome(child)
  const change = { position: 'p-1', seq: 1, key: undefined, size: undefined, names: [] }
  node.changes.push({ ...change, type: 'run-started' })
  await new Promise((resolve) => child.stdout!.once('data', resolve))
  child.stdout!.destroy()
  node.changes.push({ ...change, type: 'run-started' })
  t.like(await ended, { exit: 141, stderr: '' })
})

test('R007-31 unbinding prints the removed value and the Locals that owe it', async (t) => {
  const { place, node } = await scene(t)
  node.bound.set('a', KEY)
  const unbind = node.unbind.bind(node)
  node.unbind = async (name, options) => ({ ...(await unbind(name, options)), owed: ['b', 'c'] })
  const { exit, stdout } = await place.run(['rm', 'a'])
  const text = 'removed a and its value (13B freed)'
  t.is(stdout.toString(), `${text}; acknowledged by 1 Local; still owed by b c\n`)
  t.is(exit, 8)
  t.deepEqual(
    node.timeouts.filter((ms) => ms !== undefined),
    [],
    'the node knows how long to wait',
  )
  node.bound.set('a', KEY)
  t.is((await place.run(['rm', 'a', '--timeout', '7s', '--name-only'])).exit, 8)
  t.true(node.timeouts.includes(7000))
})

test('R007-39 adjacent small files go in one batch, answered in order', async (t) => {
  const { place, node } = await scene(t)
  const files = Array.from({ length: 300 }, (_, index) => `f${index}`)
  for (const file of files) writeFileSync(place.file(file), file)
  writeFileSync(place.file('large'), new Uint8Array(16_385))
  const sizes: number[] = []
  const putMany = node.putMany.bind(node)
  node.putMany = (values, options) => {
    sizes.push(values.length)
    return putMany(values, options)
  }
  const all = ['large', ...files.slice(0, 100), 'missing', ...files.slice(100), 'large']
  const { exit, stdout, stderr } = await place.run(['put', ...all])
  t.is(exit, 8)
  t.is(stderr, 'dstore: cannot read missing: no such file\n')
  t.deepEqual(sizes, [100, 200])
  const keys = [...files.map((file) => new TextEncoder().encode(file)), new Uint8Array(16_385)].map(
    (value) => new Key(hash(value).digest).toString(),
  )
  t.deepEqual(stdout.toString().split('\n'), [keys.at(-1), ...keys, ''])
  t.is(readdirSync(place.path).length, 301)
})

test('flags before the command are the command’s', (t) => {
  t.deepEqual(splitCommand(['--dir', 'x', 'status']), ['status', '--dir', 'x'])
  t.deepEqual(splitCommand(['--dir=x', '-q', 'get', 'k', '-o', 'f']), [
    'get',
    '--dir=x',
    '-q',
    'k',
    '-o',
    'f',
  ])
  t.deepEqual(splitCommand(['-o', 'f', 'get', 'k']), ['get', '-o', 'f', 'k'])
  t.deepEqual(splitCommand(['--dir', 'x']), [undefined, '--dir', 'x'])
  t.deepEqual(splitCommand(['--version']), ['--version'])
  t.deepEqual(splitCommand(['--unknown', 'status']), ['--unknown', 'status'])
  t.deepEqual(splitCommand([]), [undefined])
})

test('R007-36 a word is a key in every spelling, else a name, else refused', async (t) => {
  const spellings = [base16, base32, base36, base58btc, base64url, base256emoji].map((base) =>
    base.encode(KEY.toBytes()),
  )
  const hex = Buffer.from(KEY.digest).toString('hex')
  const names = ['a', 'models/v1', 'é', 'x'.repeat(512), KEY.toString().slice(0, -1)]
  const words = await parseReferences([...spellings, hex, KEY.toString(), ...names])
  for (const text of [...spellings, hex, KEY.toString()]) t.is(words.get(text)?.type, 'key', text)
  for (const text of names) t.is(words.get(text)?.type, 'name', text)
  for (const text of ['', 'a\nb', 'x'.repeat(513)]) {
    await t.throwsAsync(parseReferences([text]), { code: 'usage' })
  }
})

test('R007-196 R007-27 ls ends silently when its reader has gone, and so does the list', async (t) => {
  const { place, node } = await scene(t)
  let ended = 0
  node.keyPages = async function* () {
    try {
      for (;;) yield await Promise.resolve(PAGE)
    } finally {
      ended++
    }
  }
  for (const args of [
    ['ls', '--keys'],
    ['ls', '--keys', '--json'],
  ]) {
    const child = place.start(args)
    const left = outcome(child)
    child.stdout!.once('data', () => child.stdout!.destroy())
    const { exit, stderr } = await left
    t.deepEqual({ exit, stderr }, { exit: 141, stderr: '' }, args.join(' '))
  }
  await eventually(() => ended === 2)
})
