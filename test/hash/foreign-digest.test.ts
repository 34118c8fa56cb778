import { createHash } from 'node:crypto'
import { base32 } from 'multiformats/bases/base32'
import * as multihash from 'multiformats/hashes/digest'
import { sha256 } from 'multiformats/hashes/sha2'
import { test } from '../serial.ts'
import { digestName, faultOfDigestName, readDigestName } from '../../src/hash/foreign-digest.ts'
import { checkDigestName } from '../../src/hash/foreign-hasher.ts'

const bytes = new TextEncoder().encode('hello world')
const SHA256 = 'mh/bciqlstjhxgju2pqiuuxffv62pwv7vree57rxuu4a52iir55m4lx432i'

test('R004-165: a name spells the multihash in base32, as multiformats writes it', async (t) => {
  const of = await sha256.digest(bytes)
  t.is(digestName('sha2-256', of.digest), `mh/${base32.encode(of.bytes)}`)
  t.is(digestName('sha2-256', of.digest), SHA256)
  for (const [algorithm, openssl] of [
    ['sha2-256', 'sha256'],
    ['sha2-384', 'sha384'],
    ['sha2-512', 'sha512'],
  ] as const) {
    const digest = createHash(openssl).update(bytes).digest()
    const name = digestName(algorithm, digest)
    t.deepEqual(readDigestName(name), { algorithm, digest: new Uint8Array(digest) })
    t.is(faultOfDigestName(name), undefined)
    t.notThrows(() => checkDigestName(name, bytes))
    t.throws(() => checkDigestName(name, bytes.subarray(1)), { code: 'usage' })
    const other = digestName(
      algorithm,
      digest.map((byte) => byte ^ 1),
    )
    const error = t.throws(() => checkDigestName(other, bytes), { code: 'usage' })
    t.is((error as unknown as { hint: string }).hint, `the name of these bytes is ${name}`)
    t.throws(() => digestName('md5' as 'sha2-256', digest), {
      instanceOf: RangeError,
      message: /^algorithm: not one of sha2-256, /,
    })
    t.throws(() => digestName(algorithm, digest.subarray(1)), {
      instanceOf: RangeError,
    })
  }
  t.notThrows(() => checkDigestName('other', bytes))
  t.notThrows(() => checkDigestName(undefined, bytes))
})

test('R004-165: one digest has one name; whatever else stands below mh/ says why it is none', async (t) => {
  const spelled = SHA256.slice(3)
  const of = await sha256.digest(bytes)
  const hex = Buffer.from(of.bytes).toString('hex')
  for (const text of [
    spelled.toUpperCase(),
    spelled.slice(1),
    spelled.slice(1).toUpperCase(),
    hex,
    `f${hex}`,
  ]) {
    t.is(faultOfDigestName(`mh/${text}`), `it is written ${SHA256}`, text)
    t.is(readDigestName(`mh/${text}`), undefined)
  }
  const spell = (code: number, length: number): string =>
    `mh/${base32.encode(multihash.create(code, new Uint8Array(length)).bytes)}`
  const fault = (name: string): string => faultOfDigestName(name) ?? 'none'
  t.regex(fault(spell(0x11, 20)), /its hash is sha1; dstore verifies sha2-256, sha2-384, sha2-512/)
  t.regex(fault(spell(0x1e, 32)), /use the key itself/)
  t.regex(fault(spell(0x12, 31)), /its sha2-256 has another length/)
  t.regex(fault(spell(0x00, 5)), /its hash is identity/)
  for (const name of ['mh/', 'mh/x', `${SHA256}/`, `${SHA256}a`, `mh//${spelled}`, 'mh/\u00e9']) {
    t.regex(fault(name), /followed by a multihash in base32/, name)
  }
  // The last character has bits that stand for nothing.
  t.not(faultOfDigestName(`${SHA256.slice(0, -1)}j`), undefined)
})
