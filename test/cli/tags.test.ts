import { test } from '../serial.ts'
import { putName } from '../../cli/commands/names/terms.ts'
import { bindingLines } from '../../cli/many/bound.ts'
import type { Flags } from '../../cli/flags.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { AT } from '../daemon/fake-names.ts'
import { serving } from '../daemon/serving.ts'
import { Place } from './command.ts'

test('R007-295 tag --history shows each target, its time, and whether it still exists', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const keys = [1, 2, 3].map((byte) => {
    const value = new Uint8Array([byte])
    const key = new Key(hash(value).digest)
    node.values.set(key.toString(), value)
    return key
  })
  for (const key of keys) await node.tag('app/now', key)
  node.values.delete(keys[0]!.toString())
  const { exit, stdout, stderr } = await place.run(['tag', '--history', 'app/now'])
  t.deepEqual([exit, stderr], [0, ''])
  const [first, second, third] = keys.map(String)
  t.is(stdout.toString(), `${third}  ${AT}  now\n${second}  ${AT}  kept\n${first}  ${AT}  gone\n`)
  const absent = await place.run(['tag', '--history', 'nobody'])
  t.deepEqual([absent.exit, absent.stdout.toString()], [3, ''])
  t.is(absent.stderr, 'dstore: no such name: nobody\n')
})

test('R007-296 a put has a fixed name or a tag, and times only with one', (t) => {
  t.deepEqual(putName({}), {})
  t.deepEqual(putName({ name: 'n' }), { name: 'n' })
  t.deepEqual(putName({ tag: 'n' }), { name: 'n', naming: { kind: 'tag' } })
  t.deepEqual(putName({ name: 'n', expires: '1h' }), {
    name: 'n',
    naming: { expiresMs: 3_600_000 },
  })
  const all = putName({ tag: 'n', expires: '7d', keep: '0s' })
  t.deepEqual(all.naming, { kind: 'tag', expiresMs: 604_800_000, keepMs: 0 })
  t.is(putName({ tag: 'n', keep: '90s' }).naming?.keepMs, 90_000)
  const refused: Flags[] = [
    { name: 'n', tag: 'n' },
    { expires: '1h' },
    { keep: '1h' },
    { name: 'n', keep: '1h' },
    { tag: 'n', expires: '0s' },
    { tag: 'n', keep: 'soon' },
    { tag: 'n', keep: '-1s' },
  ]
  for (const flags of refused) t.throws(() => putName(flags), { code: 'usage' })
})

test('R007-297 stat says of a tag since when, and of a name until when', (t) => {
  t.deepEqual(bindingLines(), [])
  t.deepEqual(bindingLines({ kind: 'fixed', boundAt: AT }), [])
  t.deepEqual(bindingLines({ kind: 'fixed', expiresAt: AT }), [`expires      ${AT}`])
  t.deepEqual(bindingLines({ kind: 'tag', boundAt: AT, expiresAt: AT }), [
    `kind         tag, at this key since ${AT}`,
    `expires      ${AT}`,
  ])
  t.deepEqual(bindingLines({ kind: 'tag' }), ['kind         tag'])
})

test('R007-299 rules are set as a whole, listed with what they hold, and removed', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const bounds = ['--max-size', '50GiB', '--max-names', '9', '--max-age', '30d', '--unused', '12h']
  const set = await place.run(['rule', 'set', 'cache/', ...bounds])
  t.deepEqual([set.exit, set.stdout.toString()], [0, ''])
  const text = 'max-size 50GiB, max-names 9, max-age 30d, unused 12h'
  t.is(set.stderr, `cache/: ${text}; \`dstore rule ls\` shows what it holds\n`)
  const day = 86_400_000
  const all = { maxSize: 50 * 2 ** 30, maxNames: 9, maxAgeMs: 30 * day, unusedMs: day / 2 }
  t.deepEqual(node.rules.bounds.get('cache/'), all)
  t.is((await place.run(['rule', 'set', 'cache/', '--max-names', '3'])).exit, 0)
  t.deepEqual(node.rules.bounds.get('cache/'), { maxNames: 3 })
  await node.rules.set(undefined, { unusedMs: day })
  const { stdout } = await place.run(['rule'])
  const held = (of: string): string => `2 ${of} (300B, of which 100B is held otherwise)`
  t.deepEqual(stdout.toString().split('\n'), [
    `cache/        max-names 3  holds ${held('names')}  removed 5, last ${AT}`,
    `(unnamed)     unused 1d  holds ${held('values')}  removed 5, last ${AT}`,
    '',
  ])
  const removed = await place.run(['rule', 'rm', 'cache/', 'other/'])
  t.is(removed.exit, 8)
  t.regex(removed.stderr, /^removed the rule for cache\/; what it bounded stays\n/)
  t.regex(removed.stderr, /\ndstore: no rule for other\/\n$/)
  t.deepEqual([...node.rules.bounds.keys()], [undefined])
})
