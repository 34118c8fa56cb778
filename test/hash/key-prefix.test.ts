/** The beginnings of keys as ranges of digests. */
import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { DstoreError } from '../../src/errors.ts'
import { digestBefore, parseKeyPrefix, readKeyPrefix } from '../../src/hash/key-prefix.ts'
import { Key, type KeyKind } from '../../src/hash/key.ts'

const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const anyKind = fc.constantFrom<KeyKind>('bytes', 'directory')
const inOrder = (...digests: Uint8Array[]): boolean =>
  digests.every((one, i) => i === 0 || Buffer.compare(digests[i - 1]!, one) <= 0)

test('R007-433: the beginning of a key has exactly the digests that begin so', (t) => {
  const own = fc.integer({ min: 0, max: 52 })
  fc.assert(
    fc.property(
      anyDigest,
      anyDigest,
      anyKind,
      own,
      fc.boolean(),
      (digest, other, kind, own, up) => {
        const begin = new Key(digest, kind).toString().slice(0, 7 + own)
        const prefix = readKeyPrefix(up ? begin.toUpperCase() : begin)!
        t.is(prefix.text, begin)
        t.is(prefix.kind, kind)
        t.true(inOrder(prefix.first, digest, prefix.last))
        for (const end of [prefix.first, prefix.last]) {
          t.true(new Key(end, kind).toString().startsWith(begin))
        }
        const isIn = inOrder(prefix.first, other, prefix.last)
        t.is(isIn, new Key(other, kind).toString().startsWith(begin))
      },
    ),
  )
})

test('R007-433: the same of hexadecimal digits, which say nothing of the kind', (t) => {
  const count = fc.integer({ min: 1, max: 64 })
  fc.assert(
    fc.property(anyDigest, anyDigest, count, fc.boolean(), (digest, other, digits, up) => {
      const begin = new Key(digest).toHex().slice(0, digits)
      const prefix = readKeyPrefix(up ? begin.toUpperCase() : begin)!
      t.is(prefix.text, begin)
      t.is(prefix.kind, undefined)
      t.true(inOrder(prefix.first, digest, prefix.last))
      const isIn = inOrder(prefix.first, other, prefix.last)
      t.is(isIn, new Key(other).toHex().startsWith(begin))
    }),
  )
})

test('R007-433: nothing comes between a digest and the one before it', (t) => {
  const zero = new Uint8Array(32)
  t.is(digestBefore(zero), undefined)
  fc.assert(
    fc.property(anyDigest, (digest) => {
      fc.pre(digest.some((byte) => byte > 0))
      const number = (bytes: Uint8Array): bigint =>
        BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
      t.is(number(digestBefore(digest)!), number(digest) - 1n)
    }),
  )
  const carry = Uint8Array.of(1, ...new Uint8Array(31))
  t.deepEqual(digestBefore(carry), Uint8Array.of(0, ...new Uint8Array(31).fill(255)))
})

test('R007-433: what no key begins with is refused', (t) => {
  const key = new Key(new Uint8Array(32).fill(7)).toString()
  for (const text of [
    '',
    'bafkr4',
    'bafzr4i',
    'bafkr4ii',
    'bafkr4iz',
    'bafkr4ia1',
    'bafkr4ia8',
    'bafkr4iA',
    'Bafkr4ia',
    `${key}a`,
    // Bits that belong to no digest are not 0.
    `${key.slice(0, -1)}b`,
    'x',
    '0x12',
    'g0',
    '0'.repeat(65),
    ' bafkr4ia',
    'bafkr4ia\n',
    'a'.repeat(100_000),
  ]) {
    t.is(readKeyPrefix(text), undefined, text.slice(0, 70))
    t.throws(() => parseKeyPrefix(text), { instanceOf: DstoreError, code: 'usage' })
  }
})
