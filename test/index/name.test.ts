import { test } from '../serial.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { checkName, checkNewName, isName } from '../../src/index/name.ts'
import { NAME_BYTES } from '../../src/limits.ts'

const key = new Key(hash(new Uint8Array(3)).digest)

test('R004-29: what may be a name, and what may not', (t) => {
  const sound = [
    'a',
    'models/v1',
    ' spaced ',
    'é',
    '🦊',
    'x'.repeat(NAME_BYTES),
    'bafkr4i',
    '0'.repeat(63),
  ]
  for (const name of sound) t.true(isName(name), name)
  const none = [
    '',
    'x'.repeat(NAME_BYTES + 1),
    'é'.repeat(NAME_BYTES / 2 + 1),
    'a\nb',
    'a\u0000',
    'a\u007F',
    'a\u0085',
    '\uD800',
    key.toString(),
    key.toHex(),
    key.toHex().toUpperCase(),
  ]
  for (const name of none) t.throws(() => checkName(name), { code: 'usage' }, JSON.stringify(name))
})

test('R004-165 the name mh is not bound, but read and unbound: a directory there excludes the digests', (t) => {
  t.is(checkName('mh'), 'mh')
  t.throws(() => checkNewName('mh'), { code: 'usage', message: /below mh\/ are names of digests/ })
  for (const other of ['m', 'mhx', 'MH', 'mh2/x', 'a/mh']) t.is(checkNewName(other), other)
})

test('R004-29 a name with U+FFFD is not bound, but read and unbound', (t) => {
  for (const name of ['\ufffd', 'caf\ufffd', 'a\ufffdb']) {
    t.true(isName(name))
    t.throws(() => checkNewName(name), { code: 'usage', message: /U\+FFFD/ })
  }
  t.is(checkNewName('é😀\ufffc'), 'é😀\ufffc')
  t.throws(() => checkNewName(''), { code: 'usage', message: /empty/ })
})
