import { test } from '../serial.ts'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { bases } from 'multiformats/basics'
import { CID } from 'multiformats/cid'
import * as multihash from 'multiformats/hashes/digest'
import { blake3 } from '@noble/hashes/blake3.js'
import { DstoreError } from '../../src/errors.ts'
import { Key, parseKey, type KeyKind } from '../../src/hash/key.ts'
import { KEY_TEXT_BYTES, writeKeyText } from '../../src/hash/key-text.ts'
import { KEY_TEXT_CHARACTERS } from '../../src/limits.ts'

const EMPTY = 'bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi'
/** The bases whose alphabet has one case only: they are read in any. */
const CASELESS = /^base(2|8|10|16|32|36)(?!emoji)(hex|pad|hexpad)?(upper)?$/
const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const anyKind = fc.constantFrom<KeyKind>('bytes', 'directory')
const anyKey = fc.tuple(anyDigest, anyKind).map(([digest, kind]) => new Key(digest, kind))
const CODECS = { bytes: 0x55, directory: 0x71 } as const

/** A CID that may be anything, in base32. */
function cid(version: 1, codec: number, hash: number, digest: Uint8Array): string {
  return CID.create(version, codec, multihash.create(hash, digest)).toString()
}

test('R001-1, R001-2: the key of the empty value', (t) => {
  t.is(new Key(blake3(new Uint8Array(0))).toString(), EMPTY)
  t.deepEqual(parseKey(EMPTY).digest, blake3(new Uint8Array(0)))
})

test('R001-2, R001-8: a key prints as multiformats prints the CID, and as b3sum the digest', (t) => {
  fc.assert(
    fc.property(anyKey, (key) => {
      t.is(key.toString(), cid(1, CODECS[key.kind], 0x1e, key.digest))
      t.is(key.kind === 'bytes' ? 'bafkr4i' : 'bafyr4i', key.toString().slice(0, 7))
      t.is(key.toHex(), Buffer.from(key.digest).toString('hex'))
      t.is(JSON.stringify({ key }), `{"key":"${key.toString()}"}`)
    }),
  )
})

test('R001-2: the text of a key is written into the middle of other text', (t) => {
  const digests = blake3(new Uint8Array(0), { dkLen: 96 })
  const text = Buffer.alloc(2 + KEY_TEXT_BYTES + 2, '-')
  t.is(writeKeyText(digests, 32, text, 2), 2 + KEY_TEXT_BYTES)
  t.is(text.toString(), `--${cid(1, 0x55, 0x1e, digests.subarray(32, 64))}--`)
  writeKeyText(digests, 64, text, 2, 'directory')
  t.is(text.toString(), `--${cid(1, 0x71, 0x1e, digests.subarray(64))}--`)
})

test('R001-9: keys of two kinds and one digest are equal, and each prints as what it is', (t) => {
  const [bytes, directory] = [new Key(digest), new Key(digest, 'directory')]
  t.true(bytes.equals(directory))
  t.is(bytes.toHex(), directory.toHex())
  t.deepEqual(bytes, directory)
  t.not(bytes.toString(), directory.toString())
  t.is(bytes.as('directory').toString(), directory.toString())
  t.is(directory.as('bytes').toString(), bytes.toString())
  t.is(directory.as('directory'), directory)
  t.deepEqual([...directory.toBytes().subarray(0, 4)], [1, 0x71, 0x1e, 32])
  t.deepEqual(directory.toBytes(), CID.parse(directory.toString()).bytes)
  t.is(JSON.stringify([directory]), `["${directory.toString()}"]`)
})

test('R001-3, R001-8: every multibase spelling of the CID is the key, in every case that the base ignores', (t) => {
  const spellings = Object.values(bases).filter((base) => base.name !== 'identity')
  t.true(spellings.length >= 20)
  fc.assert(
    fc.property(anyKey, fc.constantFrom(...spellings), (key, base) => {
      const text = base.encode(key.toBytes())
      t.true(text.length <= KEY_TEXT_CHARACTERS)
      t.true(parseKey(text).equals(key), base.name)
      t.is(parseKey(text).kind, key.kind, base.name)
      if (!CASELESS.test(base.name)) return
      t.true(parseKey(text[0]! + text.slice(1).toUpperCase()).equals(key), base.name)
      t.true(parseKey(text[0]! + text.slice(1).toLowerCase()).equals(key), base.name)
    }),
  )
})

test('R001-4, R001-9: the 64 hex digits are the key of the bytes, in any case', (t) => {
  fc.assert(
    fc.property(anyKey, (key) => {
      t.true(parseKey(key.toHex()).equals(key))
      t.true(parseKey(key.toHex().toUpperCase()).equals(key))
      t.is(parseKey(key.toHex()).kind, 'bytes')
    }),
  )
})

const digest = new Uint8Array(32).fill(7)
const good = new Key(digest)
const base32 = good.toString()

/** Each text is refused, for this reason. */
const REFUSED: readonly (readonly [title: string, text: string, reason: RegExp])[] = [
  ['nothing', '', /empty/],
  ['a CIDv0', 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG', /version 0/],
  [
    'a CIDv0 in a multibase',
    bases.base32.encode(multihash.create(0x12, digest).bytes),
    /version 0/,
  ],
  ['version 2', bases.base32.encode(Uint8Array.of(2, 0x55, 0x1e, 32, ...digest)), /version 2/],
  ['codec dag-pb', cid(1, 0x70, 0x1e, digest), /codec dag-pb/],
  ['codec dag-json', cid(1, 0x0129, 0x1e, digest), /codec dag-json; a key's is raw or dag-cbor/],
  ['a directory of hash sha2-256', cid(1, 0x71, 0x12, digest), /hash sha2-256/],
  ['a directory cut short', cid(1, 0x71, 0x1e, digest.subarray(1)), /31 bytes/],
  ['an unheard-of codec', cid(1, 0x3333, 0x1e, digest), /codec 0x3333/],
  ['hash sha2-256', cid(1, 0x55, 0x12, digest), /hash sha2-256/],
  ['hash identity', cid(1, 0x55, 0x00, digest), /hash identity/],
  ['31 bytes of digest', cid(1, 0x55, 0x1e, digest.subarray(1)), /31 bytes/],
  ['64 bytes of digest', cid(1, 0x55, 0x1e, new Uint8Array(64)), /64 bytes/],
  ['a digest cut short', bases.base32.encode(good.toBytes().subarray(0, 35)), /cut short/],
  ['a byte too much', bases.base32.encode(Uint8Array.of(...good.toBytes(), 0)), /1 bytes after/],
  [
    'a varint too long',
    bases.base32.encode(Uint8Array.of(0x81, 0, 0x55, 0x1e, 32, ...digest)),
    /shortest/,
  ],
  ['a CID without end', bases.base32.encode(new Uint8Array(20).fill(0xff)), /too short/],
  ['only a prefix', 'b', /too short/],
  ['63 hex digits', good.toHex().slice(1), /neither|not base/],
  ['65 hex digits', `${good.toHex()}0`, /neither|not base/],
  ['64 characters, not all hex', `${good.toHex().slice(1)}g`, /neither|not base/],
  ['white space around', ` ${base32}`, /neither/],
  ['a new line behind', `${base32}\n`, /neither a CID/],
  ['padding', `${base32}======`, /padding/],
  [
    'mixed case in base58',
    `z${bases.base58btc.encode(good.toBytes()).slice(1).toLowerCase()}`,
    /not|version/,
  ],
  ['a word', 'hello', /neither/],
  ['two words', 'not a key', /neither/],
  ['a lone surrogate', '\ud800', /neither/],
  ['over-long', 'b'.repeat(KEY_TEXT_CHARACTERS + 1), /longer than/],
  ['a megabyte', 'b'.repeat(2 ** 20), /longer than/],
]

for (const [title, text, reason] of REFUSED) {
  test(`R001-5: refused, with the reason: ${title}`, (t) => {
    const error = t.throws(() => parseKey(text), { instanceOf: DstoreError, message: reason })
    t.is(error.code, 'malformed-key')
    t.false(error.message.includes('\n'))
  })
}

test('R001-7: of the length that is printed, a text in lower case is refused or is the one of its key', (t) => {
  const directory = new Key(digest, 'directory').toString()
  for (const printed of [base32, directory]) {
    let refused = 0
    // The character at 3 differs between the kinds.
    for (const at of [1, 3, 6, 30, printed.length - 1]) {
      for (const character of 'abcdefghijklmnopqrstuvwxyz234567=') {
        const text = `${printed.slice(0, at)}${character}${printed.slice(at + 1)}`
        try {
          t.is(parseKey(text).toString(), text)
        } catch (error) {
          t.is((error as DstoreError).code, 'malformed-key', text)
          refused++
        }
      }
    }
    // The last character holds two unused bits: 24 of 32 set one; and what stands at the
    // start is fixed.
    t.is(refused, 32 + 31 + 32 + 1 + 25)
  }
})

test('R001-5: no text at all makes parseKey fail in another way', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string().map((s) => `b${s}`),
      ),
      (text) => {
        try {
          parseKey(text)
        } catch (error) {
          return error instanceof DstoreError && error.code === 'malformed-key'
        }
        return false
      },
    ),
    { numRuns: 2000 },
  )
  t.pass()
})

test('a digest of another length is a mistake of the caller', (t) => {
  t.throws(() => new Key(new Uint8Array(31)), { instanceOf: RangeError })
})

test('R007-109: Node shows a key in one line, as its CID', (t) => {
  const key = parseKey(EMPTY)
  t.is(inspect(key), `Key(${EMPTY})`)
  t.is(inspect({ key, size: 0 }, { breakLength: Infinity }), `{ key: Key(${EMPTY}), size: 0 }`)
  t.deepEqual(Object.keys(key), ['digest'])
  const directory = new Key(key.digest, 'directory')
  t.is(inspect(directory), `Key(${directory.toString()})`)
  t.deepEqual(Object.keys(directory), ['digest'])
})
