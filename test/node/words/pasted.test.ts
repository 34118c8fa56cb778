/** Keys as they are pasted, and short ones: what is read, and what never is. */
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { bases } from 'multiformats/basics'
import { CID } from 'multiformats/cid'
import { Key, parseKey, type KeyKind } from '../../../src/hash/key.ts'
import { readPasted } from '../../../src/node/words/pasted.ts'

const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const anyKind = fc.constantFrom<KeyKind>('bytes', 'directory')
const anyKey = fc.tuple(anyDigest, anyKind).map(([digest, kind]) => new Key(digest, kind))
const KEY = new Key(new Uint8Array(32).fill(0x5a)).toString()

/** Names of a path without what an address or quotes would take for more. */
const anyPath = fc
  .array(fc.stringMatching(/^[a-z][a-z0-9 _.-]{0,8}[a-z]$/), { maxLength: 3 })
  .map((names) => names.map((name) => `/${name}`).join(''))

const around: readonly ((word: string) => string)[] = [
  (word) => word,
  (word) => `  ${word}\t`,
  (word) => `\u00a0${word}\n`,
  (word) => `\u200b${word}\u2060\ufeff`,
  (word) => `\u2066"\u200b${word}"\u2069`,
  (word) => `"${word}"`,
  (word) => `'${word}'`,
  (word) => `\`${word}\``,
  (word) => `<${word}>`,
  (word) => `(${word})`,
  (word) => ` \u201c${word}\u201d `,
  (word) => `ipfs://${word}`,
  (word) => `IPFS://${word}`,
  (word) => `dstore://${word}`,
  (word) => `/ipfs/${word}`,
  (word) => `ipfs/${word}`,
  (word) => `"/ipfs/${word}"`,
  (word) => `blake3:${word}`,
  (word) => `Blake3-${word}`,
  (word) => `https://ipfs.io/ipfs/${word}`,
  (word) => `http://user@localhost:8080/ipfs/${word}?filename=x/y#z`,
  (word) => `https://${word.replace(/(?=\/)|$/, '.ipfs.dweb.link')}`,
  (word) => `http://${word.replace(/(?=\/)|$/, '.ipfs.localhost:8080')}?download=true`,
  (word) => `ipfs://${word}?x`,
]

test('R007-430: a key is read out of what is around it, with the path behind it', (t) => {
  const wrap = fc.constantFrom(...around)
  fc.assert(
    fc.property(anyKey, anyPath, wrap, fc.boolean(), (key, path, put, slash) => {
      const given = put(`${key.toString()}${path}${slash ? '/' : ''}`)
      t.deepEqual(readPasted(given), { type: 'key', key: key.toString(), path }, given)
    }),
  )
})

test('R007-430: in every spelling of a key', (t) => {
  const bytes = parseKey(KEY).toBytes()
  const cid = CID.decode(bytes)
  const { base16, base16upper, base32, base32upper, base36, base58btc } = bases
  for (const base of [base16, base16upper, base32, base32upper, base36, base58btc]) {
    const text = cid.toString(base.encoder)
    t.deepEqual(readPasted(`ipfs://${text}/a`), { type: 'key', key: KEY, path: '/a' }, text)
  }
  const hex = parseKey(KEY).toHex()
  t.deepEqual(readPasted(`blake3:${hex.toUpperCase()}`), { type: 'key', key: KEY, path: '' })
})

test('R007-430: an address has its percent-encodings undone, a plain path has none', (t) => {
  const path = (text: string): string | undefined => readPasted(text)?.path
  t.is(path(`https://ipfs.io/ipfs/${KEY}/a%20b%3F/%C3%A9`), '/a b?/é')
  t.is(path(`ipfs://${KEY}/a%20b`), '/a b')
  t.is(path(`/ipfs/${KEY}/a%20b?c#d`), '/a%20b?c#d')
  t.is(path(`  ${KEY}/a%2Fb`), '/a%2Fb')
})

test('R007-431: a short key is the beginning of one, with at least 8 characters of its own', (t) => {
  const end = fc.constantFrom('', '...', '..', '\u2026')
  fc.assert(
    fc.property(anyKey, fc.integer({ min: 8, max: 51 }), anyPath, end, (key, own, path, dots) => {
      const begin = key.toString().slice(0, 7 + own)
      const read = readPasted(` ${begin}${dots}${path}`)
      t.like(read, { type: 'short', path })
      t.is(read?.type === 'short' && read.prefix.text, begin)
      const digits = key.toHex().slice(0, own)
      t.like(readPasted(`blake3:${digits}${dots}${path}`), { type: 'short', path })
    }),
  )
})

test('R007-430, R007-431: nothing else is read as a key', (t) => {
  for (const text of [
    '',
    ' ',
    '"',
    '""',
    '/',
    'ipfs://',
    'https://',
    'https://ipfs.io',
    'https://ipfs.io/ipfs/',
    // Of an address only the key of /ipfs/ or the name of the host counts.
    `https://example.com/${KEY}`,
    `https://example.com/x/ipfs/${KEY}`,
    `https://${KEY}`,
    `https://${KEY}.example.com`,
    `https://example.com/?x=/ipfs/${KEY}`,
    `ftp://ipfs.io/ipfs/${KEY}`,
    `ipfs://ipfs://${KEY}`,
    `""${KEY}""`,
    `"${KEY}'`,
    `${KEY} ${KEY}`,
    `${KEY},`,
    `https://ipfs.io/ipfs/${KEY}/a%2Fb`,
    `https://ipfs.io/ipfs/${KEY}/%E0%A4%A`,
    `ipfs://${KEY}/%00`,
    `/ipfs/${KEY}/..`,
    `/ipfs/${KEY}/a//b`,
    `${KEY}a`,
    'bafkr4i',
    KEY.slice(0, 14),
    `${KEY.slice(0, 14)}...`,
    '1234567',
    'x12345678',
    '0x12345678',
    '12345678-1234',
    'bafzr4iabcdefgh2345',
    'Bafkr4iabcdefgh2345',
    'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPyZw',
    `ipfs://${'a'.repeat(20_000)}`,
    '/'.repeat(16_000),
    '%'.repeat(16_000),
    `https://${'.ipfs'.repeat(3_000)}`,
  ]) {
    t.is(readPasted(text), undefined, text.slice(0, 100))
  }
})

test('R007-430: any text is read or not, and what is read is a key and a path', (t) => {
  const texts = 'ipfs:// /ipfs/ https:// h .ipfs. / " % %2f .. ... ? bafkr4i deadbeef a'.split(' ')
  const pieces = [...texts, ' ', '\0', '\ud800', KEY, KEY.slice(0, 16), KEY.toUpperCase()]
  const parts = fc.constantFrom(...pieces)
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(parts).map((some) => some.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      const read = readPasted(given)
      if (read === undefined) return
      t.true(read.path === '' || read.path.startsWith('/'))
      if (read.type === 'short') return void t.true(given.toLowerCase().includes(read.prefix.text))
      t.is(parseKey(read.key).toString(), read.key)
      // Read again, it is the same.
      t.deepEqual(readPasted(read.key + read.path), read)
    }),
    { numRuns: 100, examples: [[KEY], [`ipfs://${KEY}/a`], ['deadbeef/a']] },
  )
})
